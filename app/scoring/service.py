"""Measuring signals over a dataset: starting the job, and scoring one range of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.catalog import MEASURES, SIGNALS
from app.curation.signals.base import Signal
from app.curation.signals.batch import Batch
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples import registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.samples.search import condition
from app.scoring import policies
from app.scoring.models import ScoreNote
from app.scoring.reading import Page
from app.scoring.writing import write_languages, write_values
from app.validation import build


@dataclass(frozen=True, slots=True)
class Wanted:
    """A signal that somebody asked for, with its parameters."""

    key: str
    params: Mapping[str, Any]


def resolve(wanted: Sequence[Wanted]) -> list[Signal]:
    """The signals with checked parameters; a measure's name stands for its family."""
    if not wanted:
        raise InvalidError(f"Name at least one signal. There are {', '.join(SIGNALS)}.")
    signals: dict[str, Signal] = {}
    for one in wanted:
        key = one.key if one.key in SIGNALS else MEASURES.get(one.key, (one.key,))[0]
        if key not in SIGNALS:
            raise InvalidError(
                f"There is no signal `{one.key}`. There are {', '.join(SIGNALS)}.",
                errors=[{"path": "signals", "message": f"unknown signal {one.key}"}],
            )
        signals[key] = build(SIGNALS[key], one.params, key)
    return list(signals.values())


def start(
    session: Session,
    dataset: Dataset,
    wanted: Sequence[Wanted],
    *,
    by: Principal,
    where: str = "",
) -> Job:
    """Measure these signals over the samples that match; one run per signal at a time."""
    policies.may_score(by)
    signals = resolve(wanted)
    condition(session, dataset.id, where)
    asked = {signal.key for signal in signals}
    for job in jobs.open_jobs(session, dataset.id, JobKind.SCORE):
        busy = asked & {one["key"] for one in job.params["signals"]}
        if busy:
            raise ConflictError(f"`{min(busy)}` is being measured here right now.")
    return jobs.start(
        session,
        JobKind.SCORE,
        f"Measure {', '.join(signal.title for signal in signals)}",
        by=by,
        dataset_id=dataset.id,
        params={
            "dataset_id": dataset.id,
            "signals": [{"key": one.key, "params": one.params()} for one in signals],
            "where": where,
        },
    )


def signals_of(job: Job) -> list[Signal]:
    """The signals that a job measures."""
    return resolve([Wanted(one["key"], one["params"]) for one in job.params["signals"]])


def prepare(session: Session, job: Job) -> None:
    """Claim a slot for every measure of the job's signals."""
    specs = [
        SignalSpec(
            name=measure.name,
            title=measure.title,
            key=signal.key,
            fingerprint=signal.fingerprint(),
            help=measure.help,
            version=signal.version,
            params=signal.params(),
        )
        for signal in signals_of(job)
        for measure in signal.measures
    ]
    registry.claim_slots(session, job.params["dataset_id"], specs, job.id)


def measured(session: Session, job: Job) -> None:
    """Note when the job's signals were measured."""
    at = now()
    for signal in slots_of(session, job).values():
        signal.measured_at = at


def slots_of(session: Session, job: Job) -> dict[str, DatasetSignal]:
    """The slots of the job's signals in its dataset, by the name of the measure."""
    names = [measure.name for signal in signals_of(job) for measure in signal.measures]
    query = select(DatasetSignal).where(
        DatasetSignal.dataset_id == job.dataset_id, DatasetSignal.name.in_(names)
    )
    return {signal.name: signal for signal in session.scalars(query)}


def score(
    session: Session, signals: Sequence[Signal], slots: Mapping[str, DatasetSignal], page: Page
) -> None:
    """Measure samples in one pass over shared tokens, and write all values at once."""
    batch = Batch(page.records)
    results = [(signal, signal.score(batch)) for signal in signals]
    measured = [
        ([slots[measure.name] for measure in signal.measures], scores) for signal, scores in results
    ]
    write_values(session, page.ids, page.revisions, measured)
    for signal, scores in results:
        if scores.labels is not None and signal.key == "language":
            write_languages(session, page.ids, scores.labels)


def notes(session: Session, sample_id: int) -> dict[int, str]:
    """The rationale of each score of a sample, by the id of its signal."""
    query = select(ScoreNote.signal_id, ScoreNote.note).where(ScoreNote.sample_id == sample_id)
    return dict(session.execute(query).all())


def reasons(session: Session, dataset_id: int, signal: str, ids: Sequence[int]) -> dict[int, str]:
    """What a signal noted on these samples."""
    query = (
        select(ScoreNote.sample_id, ScoreNote.note)
        .join(DatasetSignal, DatasetSignal.id == ScoreNote.signal_id)
        .where(
            DatasetSignal.dataset_id == dataset_id,
            DatasetSignal.name == signal,
            ScoreNote.sample_id.in_(ids),
        )
    )
    return dict(session.execute(query).all())
