"""Measuring signals over a dataset: starting the job, and scoring one range of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.catalog import MEASURES, SIGNALS
from app.curation.records import Record
from app.curation.signals.base import Batch, Signal
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples import registry
from app.samples.models import DatasetSignal, Sample, SampleBody
from app.samples.registry import SignalSpec
from app.samples.search import condition
from app.scoring import policies
from app.scoring.models import ScoreNote
from app.scoring.writing import write_scores
from app.validation import build

BATCH = 1000


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
    names = [measure.name for signal in signals_of(job) for measure in signal.measures]
    at = now()
    for slot in slots(session, job, names).values():
        slot.measured_at = at


def slots(session: Session, job: Job, names: Sequence[str]) -> dict[str, DatasetSignal]:
    """The slots of the dataset by measure name."""
    query = select(DatasetSignal).where(
        DatasetSignal.dataset_id == job.dataset_id, DatasetSignal.name.in_(names)
    )
    return {signal.name: signal for signal in session.scalars(query)}


def batches(
    session: Session, job: Job, low: int, high: int
) -> Iterator[tuple[list[int], list[Record], list[int]]]:
    """Samples of an id range that the job covers: ids, records and revisions, by the batch."""
    wanted = condition(session, job.params["dataset_id"], job.params["where"])
    last = low - 1
    while True:
        rows = session.execute(
            select(Sample, SampleBody.body)
            .join(
                SampleBody,
                (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
            )
            .where(Sample.id > last, Sample.id <= high, wanted)
            .order_by(Sample.id)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        last = rows[-1][0].id
        yield (
            [sample.id for sample, _ in rows],
            [_record(sample, body) for sample, body in rows],
            [sample.revision for sample, _ in rows],
        )


def _record(sample: Sample, body: Mapping[str, Any]) -> Record:
    return Record(
        kind=sample.kind,
        body=body,
        external_id=sample.external_id,
        language=sample.language,
        domain=sample.domain,
        origin=sample.origin,
        id=sample.id,
    )


def score_batch(
    session: Session,
    job: Job,
    signals: Sequence[Signal],
    ids: Sequence[int],
    records: Sequence[Record],
    revisions: Sequence[int],
) -> None:
    """Measure a batch in one pass over shared tokens, and write all values at once."""
    batch = Batch(records)
    names = [measure.name for signal in signals for measure in signal.measures]
    known = slots(session, job, names)
    results = [(signal, signal.score(batch)) for signal in signals]
    write_scores(session, ids, revisions, results, known)


def count(session: Session, dataset_id: int, where: str) -> int:
    """How many samples a job over this filter covers."""
    query = select(func.count()).select_from(Sample).where(condition(session, dataset_id, where))
    return session.scalar(query) or 0


def notes(session: Session, sample_id: int) -> dict[int, str]:
    """The rationale of each score of a sample, by the id of its signal."""
    query = select(ScoreNote.signal_id, ScoreNote.note).where(ScoreNote.sample_id == sample_id)
    return dict(session.execute(query).all())
