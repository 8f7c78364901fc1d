"""What people say to an item in a row: remove, quarantine or allow it, and taking that back."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.contamination import policies, queries
from app.contamination.models import ContaminationHit, ContaminationVerdict, Judgement
from app.curation.catalog import LAYERS
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.samples import service as samples
from app.samples.models import Sample, SampleDrop, Status

MOST = 5000
_STATUS = {Judgement.REMOVE: Status.DROPPED, Judgement.QUARANTINE: Status.QUARANTINED}


class Filter(BaseModel):
    """Which pairs of item and sample; all given conditions hold."""

    benchmark: str = Field("", max_length=100, description="Name of a benchmark")
    layer: str = Field("", max_length=40, description="Found by this layer")
    finding: str = Field("", max_length=20, description="match, candidate or near")
    state: str = Field("", max_length=20, description="open, settled or judged")


class Pair(BaseModel):
    """An item of a benchmark and the sample it was found in."""

    item: int = Field(ge=1, le=2**63 - 1)
    sample: int = Field(ge=1, le=2**63 - 1)


class _Chosen(BaseModel):
    """These pairs, or all pairs of a filter."""

    pairs: list[Pair] = Field([], max_length=MOST)
    all_of: Filter | None = None
    confirmed: int | None = Field(None, ge=0, description="How many pairs the filter has, as seen")


class VerdictIn(_Chosen):
    """What becomes of these pairs, or of all pairs of a filter; allowing takes a reason."""

    verdict: Judgement
    reason: str = Field("", max_length=1000)


class UndoIn(_Chosen):
    """Pairs whose verdicts are taken back, or a filter: those of its pairs that have one."""


def selected(session: Session, dataset: Dataset, wanted: Filter) -> Select[Any]:
    """The query of a filter, refused when it names what is not there."""
    known = {
        "finding": ("match", "candidate", "near"),
        "state": ("open", "settled", "judged"),
        "layer": (*LAYERS,),
    }
    for name, words in known.items():
        given = getattr(wanted, name)
        if given and given not in words:
            raise InvalidError(f"`{given}` is no {name}. There are {', '.join(words)}.")
    benchmark = datasets.get(session, wanted.benchmark) if wanted.benchmark else None
    return queries.pairs(
        dataset.id,
        benchmark_id=benchmark.id if benchmark else None,
        layer=wanted.layer,
        finding=wanted.finding,
        state=wanted.state,
    )


def count(session: Session, dataset: Dataset, wanted: Filter) -> int:
    """How many pairs a filter has."""
    query = selected(session, dataset, wanted).subquery()
    return session.scalar(select(func.count()).select_from(query)) or 0


def decide(
    session: Session, dataset: Dataset, body: VerdictIn, *, by: Principal, model: str = ""
) -> int:
    """Record a verdict on pairs and move their samples; how many pairs it was.

    `model` is named where a judge said so, in a job that `by` started.
    """
    policies.may_judge(by)
    if body.verdict is Judgement.ALLOW and not body.reason.strip():
        raise InvalidError("Why may these rows stay? Allowing a hit takes a reason.")
    rows = _rows(session, dataset, body)
    for row in rows:
        _decide(session, dataset, row, body, by, model)
    return len(rows)


def _rows(session: Session, dataset: Dataset, body: _Chosen) -> Sequence[Any]:
    if body.all_of is not None:
        return _rows_of(session, selected(session, dataset, body.all_of), body.confirmed)
    wanted = {(one.item, one.sample) for one in _named(body)}
    query = queries.pairs(dataset.id).where(
        ContaminationHit.sample_id.in_([sample for _, sample in wanted])
    )
    rows = [row for row in session.execute(query) if (row.item_id, row.sample_id) in wanted]
    if len(rows) < len(wanted):
        item, sample = min(wanted - {(row.item_id, row.sample_id) for row in rows})
        raise NotFoundError(f"Item {item} was not found in sample {sample} of {dataset.name}.")
    return rows


def _named(body: _Chosen) -> list[Pair]:
    if not body.pairs:
        raise InvalidError("Name the pairs of item and sample, or a filter in `all_of`.")
    return body.pairs


def _rows_of(session: Session, query: Select[Any], confirmed: int | None) -> Sequence[Any]:
    rows = session.execute(query.limit(MOST + 1)).all()
    if len(rows) > MOST:
        raise InvalidError(f"More than {MOST:,} pairs match. Narrow the filter.")
    if confirmed is not None and len(rows) != confirmed:
        raise ConflictError(
            f"The filter has {len(rows):,} pairs now, not the {confirmed:,} you confirmed. "
            "Look again and confirm the new count.",
            count=len(rows),
        )
    return rows


def _decide(
    session: Session, dataset: Dataset, row: Any, body: VerdictIn, by: Principal, model: str
) -> None:
    sample = samples.locked(session, row.sample_id)
    known = session.get(ContaminationVerdict, (row.sample_id, row.item_id))
    if known is not None:
        undo_one(session, known, by=by)
    reason = words(session, row)
    verdict = ContaminationVerdict(
        sample_id=row.sample_id,
        item_id=row.item_id,
        dataset_id=dataset.id,
        verdict=body.verdict.value,
        reason=body.reason.strip(),
        model=model,
        made_by=by.id,
    )
    session.add(verdict)
    status = _STATUS.get(body.verdict)
    detail = {"condition": reason, "note": body.reason.strip()}
    if status is None or sample.status not in queries.LIVE:
        _tell(session, sample, body.verdict, detail, by)
        return
    verdict.previous_status = sample.status
    if status is Status.DROPPED:
        drop = SampleDrop(sample_id=sample.id, condition=reason, value=row.likely)
        drop.previous_status = sample.status
        session.add(drop)
    action = f"contamination.{body.verdict}"
    samples.set_status(session, sample, status, by=by, action=action, detail=detail)


def words(session: Session, row: Any) -> str:
    """Why, for the sample: which item of which benchmark it repeats, by which layers."""
    benchmark = datasets.by_id(session, row.benchmark_id)
    named = ", ".join(LAYERS[layer].title for layer in row.layers if layer in LAYERS)
    return f"it repeats item #{row.item_id} of {benchmark.name} ({named})"


def _tell(
    session: Session, sample: Sample, verdict: Judgement, detail: dict[str, Any], by: Principal
) -> None:
    """A line in the ledger for a verdict that leaves the sample where it is."""
    audit.record(
        session,
        by,
        f"contamination.{verdict}",
        ("sample", sample.id),
        dataset_id=sample.dataset_id,
        sample_id=sample.id,
        before={"status": sample.status},
        after={"status": sample.status, **detail},
    )


def undo(session: Session, dataset: Dataset, body: UndoIn, *, by: Principal) -> int:
    """Take verdicts back: what they moved and what stands so still goes back to where it was."""
    policies.may_judge(by)
    key = tuple_(ContaminationVerdict.sample_id, ContaminationVerdict.item_id)
    wanted = _judged(session, dataset, body)
    query = select(ContaminationVerdict).where(key.in_(wanted)).order_by(key)
    mine = session.scalars(query.where(ContaminationVerdict.dataset_id == dataset.id)).all()
    if not mine:
        raise NotFoundError("There is no verdict on these pairs that could be taken back.")
    for verdict in mine:
        undo_one(session, verdict, by=by)
    return len(mine)


def _judged(session: Session, dataset: Dataset, body: UndoIn) -> list[tuple[int, int]]:
    if body.all_of is None:
        return sorted({(one.sample, one.item) for one in _named(body)})
    query = selected(session, dataset, body.all_of).where(ContaminationVerdict.verdict.is_not(None))
    rows = _rows_of(session, query, body.confirmed)
    return sorted((row.sample_id, row.item_id) for row in rows)


def undo_one(session: Session, verdict: ContaminationVerdict, *, by: Principal) -> None:
    """Take one verdict back; the row stays away where a verdict on another item wants it so."""
    sample = samples.locked(session, verdict.sample_id)
    moved = _STATUS.get(Judgement(verdict.verdict))
    detail = {"was": verdict.verdict}
    target = verdict.previous_status
    session.delete(verdict)
    other = _other_against(session, verdict) if target is not None else None
    if other is not None:
        other.previous_status = target
        target = _STATUS[Judgement(other.verdict)]
    if target is not None and sample.status is moved and target is not moved:
        action = "contamination.undo"
        samples.set_status(session, sample, target, by=by, action=action, detail=detail)
        return
    audit.record(
        session,
        by,
        "contamination.undo",
        ("sample", sample.id),
        dataset_id=sample.dataset_id,
        sample_id=sample.id,
        after={"status": sample.status, **detail},
    )


def _other_against(session: Session, verdict: ContaminationVerdict) -> ContaminationVerdict | None:
    """A verdict on another item by which the same row is not to be released."""
    query = select(ContaminationVerdict).where(
        ContaminationVerdict.sample_id == verdict.sample_id,
        ContaminationVerdict.item_id != verdict.item_id,
        ContaminationVerdict.verdict.in_(one.value for one in _STATUS),
    )
    return session.scalar(query.order_by(ContaminationVerdict.item_id).limit(1))
