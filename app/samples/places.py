"""Where samples lie: their topic and their place on the map, as filters and facets read them.

Both stand in slots of `samples.scores` that no list of signals shows. There are two slots of each
kind: a run fills the one that is not in use, then the dataset turns to it in one moment, so that
nobody sees topics or a map that are half done. Numbers of topics are never used twice: a value
that an earlier run left behind names none of the present ones.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, CreatedAt
from app.samples.models import DatasetSignal

TOPIC, MAP = "topic", "map"
MOST_TOPICS = 500
SIDES = ("a", "b")
_NONE = 0  # the code of a sample without a topic


class TopicModel(CreatedAt, Base):
    """Centres of a dataset's topics; of one dataset one at most is `current`.

    Samples that were edited after `read_at` have the topic of what they said before.
    `centres` are float32, `count` of them, in the order of the topics' numbers from `first` on;
    they compare with vectors of the embedding model `embedded_by` alone.
    """

    __tablename__ = "topic_models"
    __table_args__ = (
        UniqueConstraint("dataset_id", "version"),
        Index(
            "uq_topic_models_current", "dataset_id", unique=True, postgresql_where=text("current")
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    version: Mapped[int]
    side: Mapped[str]
    current: Mapped[bool] = mapped_column(default=False)
    first: Mapped[int]
    count: Mapped[int]
    centres: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    embedded_by: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    found: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    read_at: Mapped[datetime | None]


class Topic(Base):
    """One topic: what it is called and by whom, the words that tell it apart, typical samples.

    One that was merged into another keeps its row, so that this can be undone.
    """

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("model_id", "number"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("topic_models.id", ondelete="CASCADE"))
    number: Mapped[int]
    title: Mapped[str]
    titled_by: Mapped[str]
    keywords: Mapped[list[str]] = mapped_column(JSONB, default=list)
    examples: Mapped[list[int]] = mapped_column(JSONB, default=list)
    merged_into: Mapped[int | None]


class TopicChange(CreatedAt, Base):
    """A renaming or a merging, with what stood there before."""

    __tablename__ = "topic_changes"
    __table_args__ = (Index(None, "model_id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("topic_models.id", ondelete="CASCADE"))
    action: Mapped[str]
    before: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class MapLayout(CreatedAt, Base):
    """A map of a dataset: landmarks that place every sample; one at most is `current`."""

    __tablename__ = "map_layouts"
    __table_args__ = (
        UniqueConstraint("dataset_id", "version"),
        Index(
            "uq_map_layouts_current", "dataset_id", unique=True, postgresql_where=text("current")
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    version: Mapped[int]
    side: Mapped[str]
    current: Mapped[bool] = mapped_column(default=False)
    landmarks: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    embedded_by: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    found: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    read_at: Mapped[datetime | None]


class MapArea(CreatedAt, Base):
    """A part of a map with a name, which filters know as `map:NAME`: a polygon of [x, y]."""

    __tablename__ = "map_areas"
    __table_args__ = (UniqueConstraint("layout_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    layout_id: Mapped[int] = mapped_column(ForeignKey("map_layouts.id", ondelete="CASCADE"))
    name: Mapped[str]
    polygon: Mapped[list[list[int]]] = mapped_column(JSONB)
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


def slot_name(kind: str, side: str) -> str:
    """What the slot of a side is called; no signal can have a colon in its name."""
    return f"{kind}:{side}"


@dataclass(frozen=True, slots=True)
class Places:
    """What filters know of topics and of the map: slots in use, titles, areas."""

    topic: str | None = None
    titles: Mapping[str, Sequence[int]] = field(default_factory=dict)
    x: str | None = None
    y: str | None = None
    areas: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """All numbers that are a topic."""
        return [one for some in self.titles.values() for one in some]

    def words(self) -> list[str | None]:
        """The title of each code of `codes`; none of code 0."""
        return [None, *self.titles]

    def codes(self, column: NDArray[np.float32]) -> NDArray[np.int64]:
        """Per row the place of its topic in `words`; 0 where it has none."""
        pairs = sorted(
            (number, code)
            for code, some in enumerate(self.titles.values(), start=1)
            for number in some
        )
        if not pairs:
            return np.zeros(len(column), np.int64)
        numbers, codes = np.array(pairs, np.int64).T
        # Numbers follow each other closely: a table of them is a look-up per row.
        table = np.full(numbers[-1] - numbers[0] + 2, _NONE, np.int64)
        table[numbers - numbers[0]] = codes
        known = np.nan_to_num(column, nan=-1).astype(np.int64) - numbers[0]
        return table[np.where((known >= 0) & (known < len(table) - 1), known, len(table) - 1)]


def topic_model(session: Session, dataset_id: int) -> TopicModel | None:
    """The topics of a dataset that are in use."""
    query = select(TopicModel).where(TopicModel.dataset_id == dataset_id, TopicModel.current)
    return session.scalar(query)


def topics(session: Session, model: TopicModel) -> Sequence[Topic]:
    """All topics of a model by number, those that were merged into others included."""
    query = select(Topic).where(Topic.model_id == model.id)
    return session.scalars(query.order_by(Topic.number)).all()


def layout(session: Session, dataset_id: int) -> MapLayout | None:
    """The map of a dataset that is in use."""
    query = select(MapLayout).where(MapLayout.dataset_id == dataset_id, MapLayout.current)
    return session.scalar(query)


def areas(session: Session, found: MapLayout) -> Sequence[MapArea]:
    """The areas of a map, oldest first."""
    query = select(MapArea).where(MapArea.layout_id == found.id)
    return session.scalars(query.order_by(MapArea.id)).all()


@dataclass(frozen=True, slots=True)
class TopicTitles:
    """Titles of topics by number, and the slot that holds the number of a sample's topic."""

    slot: int | None = None
    titles: Mapping[int, str] = field(default_factory=dict)

    def of(self, scores: Sequence[float | None] | None) -> str | None:
        """The title of a sample's topic, if it has one."""
        if self.slot is None or scores is None or self.slot >= len(scores):
            return None
        number = scores[self.slot]
        return self.titles.get(int(number)) if number is not None else None


def topic_titles(session: Session, dataset_id: int) -> TopicTitles:
    """What topics of single samples are called."""
    model = topic_model(session, dataset_id)
    if model is None:
        return TopicTitles()
    name = slot_name(TOPIC, model.side)
    slot = select(DatasetSignal.slot).where(
        DatasetSignal.dataset_id == dataset_id, DatasetSignal.name == name
    )
    named = by_title(topics(session, model)).items()
    return TopicTitles(
        session.scalar(slot), {number: title for title, some in named for number in some}
    )


def of(session: Session, dataset_id: int) -> Places:
    """What filters of a dataset may ask."""
    model, found = topic_model(session, dataset_id), layout(session, dataset_id)
    return Places(
        topic=slot_name(TOPIC, model.side) if model is not None else None,
        titles=by_title(topics(session, model)) if model is not None else {},
        x=slot_name("map_x", found.side) if found is not None else None,
        y=slot_name("map_y", found.side) if found is not None else None,
        areas=(
            {one.name: one.polygon for one in areas(session, found)} if found is not None else {}
        ),
    )


def by_title(known: Sequence[Topic]) -> dict[str, list[int]]:
    """The numbers that a title stands for: its own, and those merged into it."""
    found = {one.number: [one.number] for one in known if one.merged_into is None}
    for one in known:
        if one.merged_into is not None:
            found[one.merged_into].append(one.number)
    return {one.title: found[one.number] for one in known if one.merged_into is None}
