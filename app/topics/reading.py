"""What topics hold: how many samples of which status, and typical ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.samples import columns as held
from app.samples import places
from app.samples.models import Sample, Status
from app.samples.places import Topic, TopicModel
from app.samples.search import schema_of
from app.samples.texts import beginnings


@dataclass(frozen=True, slots=True)
class Row:
    """A topic with its samples by status; `merged` topics are counted in it."""

    topic: Topic
    size: int
    share: float
    by_status: Mapping[Status, int]
    merged: Sequence[Topic]


@dataclass(frozen=True, slots=True)
class Overview:
    """All topics of a dataset, the largest first, and the samples that have none."""

    model: TopicModel
    rows: Sequence[Row]
    total: int
    without: int
    by_status: Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class Example:
    """A sample near the centre of a topic."""

    id: int
    status: Status
    text: str


def overview(session: Session, dataset: Dataset) -> Overview | None:
    """Topics by status; None where none were found yet."""
    model = places.topic_model(session, dataset.id)
    if model is None:
        return None
    schema = schema_of(session, dataset.id)
    placed = schema.places
    columns = held.read(session, schema, {"status", str(placed.topic)})
    topic, status = placed.codes(columns[str(placed.topic)]), columns["status"]
    words = columns.words["status"]
    table = np.zeros((len(placed.titles) + 1, len(words)), np.int64)
    np.add.at(table, (topic, status), 1)
    known = places.topics(session, model)
    live = {one.title: one for one in known if one.merged_into is None}
    total = len(columns)
    rows = [
        Row(
            topic=live[title],
            size=int(counts.sum()),
            share=float(counts.sum()) / total if total else 0.0,
            by_status=_named(counts.tolist(), words),
            merged=[one for one in known if one.merged_into == live[title].number],
        )
        for title, counts in zip(placed.titles, table[1:], strict=True)
    ]
    return Overview(
        model=model,
        rows=sorted(rows, key=lambda row: (-row.size, row.topic.number)),
        total=total,
        without=int(table[0].sum()),
        by_status=_named(table.sum(0).tolist(), words),
    )


def _named(counts: Sequence[int], words: Sequence[str | None]) -> dict[Status, int]:
    found = dict(zip(words, counts, strict=True))
    return {one: found.get(one.value, 0) for one in Status}


def examples(session: Session, row: Row) -> list[Example]:
    """Samples near the centre; those that were deleted since are left out."""
    ids = [number for one in (row.topic, *row.merged) for number in one.examples]
    query = select(Sample.id, Sample.status).where(Sample.id.in_(ids))
    statuses = dict(session.execute(query).all())
    texts = beginnings(session, ids)
    return [Example(one, statuses[one], texts.get(one, "")) for one in ids if one in statuses]
