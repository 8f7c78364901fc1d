"""Items found in samples, as pairs: what layers said, what people said, what is open."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Tuple, and_, case, func, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from app.contamination.models import ContaminationHit, ContaminationVerdict, Judgement
from app.curation.contamination.base import Finding
from app.samples.models import Sample, Status

Item = aliased(Sample)
# Rows that can still be released.
LIVE = (Status.PENDING, Status.IN_REVIEW, Status.APPROVED)
_sure = func.bool_or(ContaminationHit.finding == Finding.MATCH.value)


_asking = func.bool_or(ContaminationHit.finding != Finding.NEAR.value)
_finding = case((_sure, Finding.MATCH.value), (_asking, Finding.CANDIDATE.value), else_="near")


def is_open() -> ColumnElement[bool]:
    """More than near, the row can be released still, and nobody allowed the pair."""
    allowed = func.coalesce(ContaminationVerdict.verdict == Judgement.ALLOW.value, False)
    return and_(_asking, Sample.status.in_(LIVE), ~allowed)


def pairs(
    dataset_id: int,
    *,
    benchmark_id: int | None = None,
    layer: str = "",
    finding: str = "",
    state: str = "",
) -> Select[Any]:
    """One row per item and sample, with the layers that found it, surest first."""
    hit = ContaminationHit
    order = aggregate_order_by(hit.layer, hit.likely.desc(), hit.layer)
    query = (
        select(
            hit.item_id,
            hit.sample_id,
            hit.benchmark_id,
            func.array_agg(order).label("layers"),
            func.max(hit.likely).label("likely"),
            _sure.label("sure"),
            _finding.label("finding"),
            Sample.status.label("status"),
            ContaminationVerdict.verdict.label("verdict"),
            ContaminationVerdict.reason.label("reason"),
            is_open().label("open"),
        )
        .join(Sample, Sample.id == hit.sample_id)
        .outerjoin(
            ContaminationVerdict,
            and_(
                ContaminationVerdict.item_id == hit.item_id,
                ContaminationVerdict.sample_id == hit.sample_id,
            ),
        )
        .where(hit.dataset_id == dataset_id)
        .group_by(
            hit.item_id,
            hit.sample_id,
            hit.benchmark_id,
            Sample.status,
            ContaminationVerdict.verdict,
            ContaminationVerdict.reason,
        )
    )
    return _narrowed(query, benchmark_id, layer, finding, state)


def _narrowed(
    query: Select[Any],
    benchmark_id: int | None,
    layer: str,
    finding: str,
    state: str,
) -> Select[Any]:
    hit = ContaminationHit
    if benchmark_id is not None:
        query = query.where(hit.benchmark_id == benchmark_id)
    if layer:
        query = query.having(func.bool_or(hit.layer == layer))
    if finding:
        query = query.having(_finding == finding)
    if state == "judged":
        return query.where(ContaminationVerdict.verdict.is_not(None))
    if state:
        query = query.having(is_open() if state == "open" else ~is_open())
    return query


def _place() -> tuple[Any, ...]:
    """What pairs are ordered by: matches first, then the likeliest."""
    hit = ContaminationHit
    return -case((_sure, 1), else_=0), -func.max(hit.likely), hit.item_id, hit.sample_id


def _at(key: Sequence[Any]) -> Tuple:
    """The place of the pair with this key, as `_place` has it."""
    sure, likely, item, sample = key
    return tuple_(-sure, -likely, item, sample)


def after(query: Select[Any], cursor: Sequence[Any] | None, limit: int) -> Select[Any]:
    """A page of pairs, matches first, then by how likely they are."""
    if cursor:
        query = query.having(tuple_(*_place()) > _at(cursor))
    return query.order_by(*_place()).limit(limit)


def just_before(query: Select[Any], key: Sequence[Any]) -> Select[Any]:
    """The pair in front of the one with this key, in the order of `after`."""
    back = (one.desc() for one in _place())
    return query.having(tuple_(*_place()) < _at(key)).order_by(*back).limit(1)


def by_benchmark(dataset_id: int) -> Select[Any]:
    """Per benchmark: items found, matches, candidates, open pairs."""
    found = pairs(dataset_id).subquery()
    return (
        select(
            found.c.benchmark_id,
            func.count(found.c.item_id.distinct()).label("items"),
            func.count(found.c.sample_id.distinct()).label("samples"),
            func.count().filter(found.c.sure).label("matches"),
            func.count().filter(found.c.finding == "candidate").label("candidates"),
            func.count().filter(found.c.finding == "near").label("near"),
            func.count().filter(found.c.open).label("open"),
            func.count(found.c.item_id.distinct()).filter(found.c.sure).label("leaked"),
            func.count().filter(found.c.verdict == "remove").label("removed"),
            func.count().filter(found.c.verdict == "quarantine").label("quarantined"),
            func.count().filter(found.c.verdict == "allow").label("allowed"),
        )
        .group_by(found.c.benchmark_id)
        .order_by(found.c.benchmark_id)
    )


def by_layer(dataset_id: int) -> Select[int, str, int]:
    """Hits per benchmark and layer."""
    hit = ContaminationHit
    return (
        select(hit.benchmark_id, hit.layer, func.count())
        .where(hit.dataset_id == dataset_id)
        .group_by(hit.benchmark_id, hit.layer)
        .order_by(hit.benchmark_id, hit.layer)
    )
