"""Some samples of each verdict with their reasons, to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.samples.models import DatasetSignal, Sample, SampleBody
from app.scoring.models import ScoreNote

_SHOWN = 20
_CHARS = 160


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample in a list: its beginning, and why it has its verdict."""

    id: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """A verdict, the filter of all samples that have it, some of them."""

    verdict: str
    where: str
    samples: Sequence[Shown]


def groups(session: Session, dataset: Dataset, signal: DatasetSignal) -> list[Group]:
    """Refuted samples first: those are what people look for."""
    value = Sample.scores[signal.slot + 1]
    name = signal.name
    return [
        Group("Refuted", f"{name}:0", _some(session, dataset, signal, value == 0)),
        Group("Not checked", f"missing:{name}", _some(session, dataset, signal, value.is_(None))),
        Group("Verified", f"{name}:1", _some(session, dataset, signal, value == 1)),
    ]


def _some(
    session: Session, dataset: Dataset, signal: DatasetSignal, wanted: ColumnElement[bool]
) -> list[Shown]:
    query = (
        select(Sample.id, func.left(SampleBody.text, _CHARS).label("text"), ScoreNote.note)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .join(
            ScoreNote,
            (ScoreNote.sample_id == Sample.id) & (ScoreNote.signal_id == signal.id),
        )
        .where(Sample.dataset_id == dataset.id, wanted)
        .order_by(Sample.id)
        .limit(_SHOWN)
    )
    return [Shown(row.id, row.text, row.note) for row in session.execute(query)]
