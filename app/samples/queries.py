"""SELECTs for the catalog: pages of rows, counts, facets."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.orm import Session

from app.curation.rules.nodes import Compare, Node, Text, conditions
from app.samples.models import Sample, SampleBody, SampleParent
from app.samples.order import Sort, page_query
from app.samples.search import Schema
from app.sources.models import Source

SNIPPET = 300
_FACETS = ("status", "domain", "source", "origin", "kind", "language")
_MOST_VALUES = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the catalog: the sample, the beginning of its text, its key for the cursor."""

    sample: Sample
    snippet: str
    sort_value: Any


def rows(
    session: Session,
    schema: Schema,
    where: ColumnElement[bool],
    sort: Sort,
    key: Sequence[Any] | None,
    limit: int,
) -> list[Row]:
    """A page of the catalog. Texts are fetched for these rows alone, after the order is known."""
    found = _page(session, schema, where, sort, key, limit)
    ids = [sample.id for sample, _ in found]
    texts: dict[int, str] = dict(
        session.execute(
            select(SampleBody.sample_id, func.left(SampleBody.text, SNIPPET))
            .join(
                Sample,
                and_(Sample.id == SampleBody.sample_id, Sample.revision == SampleBody.revision),
            )
            .where(SampleBody.sample_id.in_(ids))
        ).all()
    )
    return [Row(sample, texts.get(sample.id, ""), value) for sample, value in found]


def _page(
    session: Session,
    schema: Schema,
    where: ColumnElement[bool],
    sort: Sort,
    key: Sequence[Any] | None,
    limit: int,
) -> Sequence[SqlRow[Sample, Any]]:
    """Samples with their sort values.

    In the order of ids the next page mostly stands near; where few samples match, going on along
    the index would be the work of one process, and reading the dataset is that of several.
    """
    query = page_query(schema, where, sort, key).limit(limit)
    if sort.name != "id":
        return session.execute(query).all()
    mine = Sample.dataset_id == schema.dataset_id
    first, last = session.execute(
        select(func.min(Sample.id), func.max(Sample.id)).where(mine)
    ).one()
    start = key[1] if key is not None else (last if sort.descending else first)
    if start is None:
        return ()
    end = start - _NEAR if sort.descending else start + _NEAR
    found = session.execute(query.where(Sample.id.between(min(start, end), max(start, end)))).all()
    if len(found) == limit or end <= first or end >= last:
        return found
    by_value = Sample.id + 0  # no index has this, so none is followed
    order = by_value.desc() if sort.descending else by_value.asc()
    return session.execute(query.order_by(None).order_by(order)).all()


_NEAR = 120_000  # ids: a walk of some 15 ms


def bodies(session: Session, samples: Sequence[Sample]) -> dict[int, SampleBody]:
    """The present bodies of several samples."""
    query = (
        select(SampleBody)
        .join(
            Sample, and_(Sample.id == SampleBody.sample_id, Sample.revision == SampleBody.revision)
        )
        .where(SampleBody.sample_id.in_([sample.id for sample in samples]))
    )
    return {body.sample_id: body for body in session.scalars(query)}


def parents(session: Session, ids: Sequence[int]) -> dict[int, list[int]]:
    """The ids each sample was made from."""
    found: dict[int, list[int]] = {}
    query = select(SampleParent).where(SampleParent.child_id.in_(ids))
    for one in session.scalars(query):
        found.setdefault(one.child_id, []).append(one.parent_id)
    return found


def source_names(session: Session) -> dict[int, str]:
    """Names of sources by id."""
    return dict(session.execute(select(Source.id, Source.name)).all())


def count(session: Session, where: ColumnElement[bool]) -> int:
    """How many samples match."""
    return session.scalar(select(func.count()).select_from(Sample).where(where)) or 0


def facets(
    session: Session, schema: Schema, where: ColumnElement[bool]
) -> tuple[int, dict[str, list[tuple[str, int]]]]:
    """How many samples match, and the values of each facet among them, the most frequent first."""
    columns = [Sample.source_id if name == "source" else schema.columns[name] for name in _FACETS]
    # Grouping sets would say this shorter, but Postgres does not share those among processes.
    rows = session.execute(
        select(*columns, func.count())
        .where(Sample.dataset_id == schema.dataset_id, where)
        .group_by(*columns)
    ).all()
    names = {number: name for name, number in schema.sources.items()}
    found = {}
    for place, name in enumerate(_FACETS):
        counted: Counter[Any] = Counter()
        for row in rows:
            counted[row[place]] += row[-1]
        del counted[None]
        words = [(names.get(one, "?") if name == "source" else str(one)) for one in counted]
        pairs = zip(words, counted.values(), strict=True)
        found[name] = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_MOST_VALUES]
    return sum(row[-1] for row in rows), found


def chosen(node: Node) -> dict[str, set[str]]:
    """The facet values that a search names at its top level, for the marks in the list."""
    found: dict[str, set[str]] = {name: set() for name in _FACETS}
    for part in conditions(node):
        if isinstance(part, Compare) and part.field in found:
            found[part.field].update(part.values)
    return found


def words_of(node: Node) -> list[str]:
    """The words a search looks for in the text, to mark them."""
    found: list[str] = []
    for part in conditions(node):
        if isinstance(part, Text):
            found += [part.words] if part.phrase else part.words.split()
    return found
