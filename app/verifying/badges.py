"""The verdicts on one sample, with their reasons: what its page and review show."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.catalog import VERIFIERS
from app.samples.models import DatasetSignal, Sample
from app.scoring.models import ScoreNote


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict: `verified`, `refuted` or `not checked`; `stale` when the text was edited since."""

    name: str
    title: str
    verdict: str
    reason: str
    stale: bool


def badges(session: Session, sample: Sample) -> list[Badge]:
    """All verdicts on a sample, also those that could not be given."""
    query = (
        select(DatasetSignal, ScoreNote)
        .join(ScoreNote, ScoreNote.signal_id == DatasetSignal.id)
        .where(ScoreNote.sample_id == sample.id, DatasetSignal.key.in_(VERIFIERS))
        .order_by(DatasetSignal.slot)
    )
    return [
        Badge(
            name=signal.name,
            title=signal.title,
            verdict=_word(sample, signal),
            reason=note.note,
            stale=note.revision != sample.revision,
        )
        for signal, note in session.execute(query)
    ]


def _word(sample: Sample, signal: DatasetSignal) -> str:
    scores = sample.scores or []
    value = scores[signal.slot] if signal.slot < len(scores) else None
    return "not checked" if value is None else "verified" if value == 1 else "refuted"
