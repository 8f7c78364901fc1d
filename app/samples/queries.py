"""SELECTs for the catalog: pages of rows, counts, facets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row as SqlRow
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from app.curation.rules.nodes import Compare, Node, Text, conditions
from app.samples import columns as held
from app.samples.models import Sample, SampleBody, SampleParent
from app.samples.order import Sort, page_query
from app.samples.places import TOPIC
from app.samples.ranking import first
from app.samples.search import Schema, compiled
from app.samples.texts import beginnings
from app.samples.truth import columns_for, evaluate, is_in_columns, leaves
from app.sources.models import Source

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
    node: Node,
    sort: Sort,
    key: Sequence[Any] | None,
    limit: int,
) -> list[Row]:
    """A page of the catalog. Texts are fetched for these rows alone, after the order is known."""
    found = _page(session, schema, node, sort, key, limit)
    snippets = beginnings(session, [sample.id for sample, _ in found])
    return [Row(sample, snippets.get(sample.id, ""), value) for sample, value in found]


def _page(
    session: Session,
    schema: Schema,
    node: Node,
    sort: Sort,
    key: Sequence[Any] | None,
    limit: int,
) -> Sequence[SqlRow[Sample, Any]]:
    """Samples with their sort values.

    In the order of ids the next page mostly stands near and a short walk along the index finds
    it. What lies farther, or in another order, is looked for in columns; only where times, tags
    and the like are asked for does Postgres read the dataset.
    """
    query = page_query(schema, compiled(schema, node), sort, key).limit(limit)
    parts = list(leaves(node))
    if sort.name == "id":
        reach = _NEAR_TEXT if any(isinstance(one, Text) for one in parts) else _NEAR
        near = _near(session, schema, query, sort, key, limit, reach)
        if near is not None:
            return near
    in_columns = all(isinstance(one, Text) or is_in_columns(schema, one) for one in parts)
    if in_columns and schema.fields[sort.name].type == "number":
        return _from_columns(session, schema, node, sort, key, limit)
    if sort.name == "id":
        by_value = Sample.id + 0  # no index has this, so none is followed
        query = query.order_by(None).order_by(by_value.desc() if sort.descending else by_value)
    return session.execute(query).all()


# Ids: a walk of some 15 ms; what has rarer words than this one reaches is found by the index.
_NEAR, _NEAR_TEXT = 120_000, 20_000


def _near(
    session: Session,
    schema: Schema,
    query: Select[Sample, Any],
    sort: Sort,
    key: Sequence[Any] | None,
    limit: int,
    reach: int,
) -> Sequence[SqlRow[Sample, Any]] | None:
    """The page when its rows stand near, or when nothing lies beyond."""
    ends = select(func.min(Sample.id), func.max(Sample.id))
    first, last = session.execute(ends.where(Sample.dataset_id == schema.dataset_id)).one()
    start = key[1] if key is not None else (last if sort.descending else first)
    if start is None:
        return ()
    end = start - reach if sort.descending else start + reach
    found = session.execute(query.where(Sample.id.between(min(start, end), max(start, end)))).all()
    return found if len(found) == limit or end <= first or end >= last else None


def _from_columns(
    session: Session,
    schema: Schema,
    node: Node,
    sort: Sort,
    key: Sequence[Any] | None,
    limit: int,
    tries: int = 3,
) -> Sequence[SqlRow[Sample, Any]]:
    columns = held.read(session, schema, {sort.name, *columns_for(schema, node)})
    among = evaluate(session, schema, columns, node).yes
    after = (key[0], key[1]) if key is not None else None
    rows = first(columns, among, sort.name, limit, descending=sort.descending, after=after)
    ids = columns.ids[rows].tolist()
    found = session.execute(select(Sample, sort.column).where(Sample.id.in_(ids))).all()
    if len(found) < len(ids) and tries:  # deleted this moment: a page that is short ends the list
        return _from_columns(session, schema, node, sort, key, limit, tries - 1)
    by_id = {row[0].id: row for row in found}
    return [by_id[one] for one in ids if one in by_id]


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


def count(session: Session, schema: Schema, node: Node) -> int:
    """How many samples match."""
    columns = held.read(session, schema, columns_for(schema, node))
    return int(np.count_nonzero(evaluate(session, schema, columns, node).yes))


def facets(
    session: Session, schema: Schema, node: Node
) -> tuple[int, dict[str, list[tuple[str, int]]]]:
    """How many samples match, and the values of each facet among them, the most frequent first."""
    placed = schema.places
    wanted = {*_FACETS, *columns_for(schema, node), *([placed.topic] if placed.topic else [])}
    columns = held.read(session, schema, wanted)
    matches = evaluate(session, schema, columns, node).yes
    sources = {number: name for name, number in schema.sources.items()}
    found = {}
    for name in _FACETS:
        counts = np.bincount(columns[name][matches]).tolist()
        words = sources if name == "source" else dict(enumerate(columns.words[name]))
        pairs = [(words.get(code, "?"), count) for code, count in enumerate(counts) if count]
        known = [(str(word), count) for word, count in pairs if word is not None]
        found[name] = _most_frequent(known)
    if placed.topic is not None:
        counts = np.bincount(placed.codes(columns[placed.topic][matches]))
        found[TOPIC] = _most_frequent(
            [
                (str(word), count)
                for word, count in zip(placed.words(), counts.tolist(), strict=False)
                if count and word is not None
            ]
        )
    return int(np.count_nonzero(matches)), found


def _most_frequent(known: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(known, key=lambda pair: (-pair[1], pair[0]))[:_MOST_VALUES]


def chosen(node: Node) -> dict[str, set[str]]:
    """The facet values that a search names at its top level, for the marks in the list."""
    found: dict[str, set[str]] = {name: set() for name in (*_FACETS, TOPIC)}
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
