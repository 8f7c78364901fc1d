"""Learning a signal from labels: starting the job, training, scoring every sample."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.catalog import LEARNERS, SIGNALS
from app.curation.learners import labels as rules
from app.curation.learners import reduction
from app.curation.learners.base import Floats, LabelsError, Learner, Task
from app.curation.learners.bench import bench
from app.curation.learners.drift import ALARM, psi
from app.curation.learners.features import BLOCKS, combined, filled, middles
from app.curation.learners.metrics import measured
from app.curation.learners.reduction import Reduction
from app.curation.learners.stored import Learned
from app.curation.learners.validation import validate
from app.curation.text.surprise import Pairs
from app.datasets.models import Dataset
from app.embeddings import service as embeddings
from app.embeddings.models import EmbeddingModel, Part
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.learning import files, grading, labels
from app.learning.labels import Labels
from app.learning.models import LearnedScorer
from app.providers.embedders import Tier
from app.review import ordering, queue
from app.samples import columns as held
from app.samples import naming, registry
from app.samples.models import DatasetSignal, Sample
from app.samples.registry import SignalSpec
from app.samples.search import schema_of
from app.validation import build

KEY = "learned"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be learned: the signal's name, from which labels, by which learner."""

    signal: str
    labels: str
    cut: float | None = None
    where: str = ""
    learner: str = "forest"
    params: Mapping[str, Any] | None = None
    tier: Tier = Tier.STATIC


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Learn a signal from the rows that have a label, then score every row.

    The first version has the name that was asked for. Learning it again from other labels or in
    another way writes a signal beside it (`name_v2`), so that rules go on meaning what they meant.
    """
    require_role(by, Role.LEAD, "learn signals")
    learner = _learner(order.learner, order.params or {})
    naming.check(session, dataset.id, order.signal, KEY)
    labels.check(session, dataset.id, order.labels, order.cut)
    _check_taught(session, dataset.id, learner, order)
    for job in jobs.open_jobs(session, dataset.id, JobKind.LEARN):
        if job.params["signal"] == order.signal:
            raise ConflictError(f"`{order.signal}` is being learned here right now.")
    return jobs.start(
        session,
        JobKind.LEARN,
        f"Learn {order.signal} from {order.labels}",
        by=by,
        dataset_id=dataset.id,
        params={**asdict(order), "params": learner.params(), "dataset_id": dataset.id},
    )


def _check_taught(session: Session, dataset_id: int, learner: Learner, order: Order) -> None:
    """Refuse at once what the job would refuse."""
    if order.labels != labels.LADDER:
        found = labels.read(session, dataset_id, order.labels, order.cut, order.where)
        _check_labels(learner, found)
        return
    if not learner.numbers:
        raise InvalidError(f"{learner.title} tells two classes apart; ladders have grades.")
    grading.good_answers(session, dataset_id, order.where)


def _learner(key: str, params: Mapping[str, Any]) -> Learner:
    if key not in LEARNERS:
        raise InvalidError(f"There is no learner `{key}`. There are {', '.join(LEARNERS)}.")
    return build(LEARNERS[key], params, key)


def _check_labels(learner: Learner, found: Labels) -> None:
    names = [str(one) for one in found.ids]
    try:
        rules.check(learner, found.values, found.contents, names)
    except LabelsError as error:
        raise InvalidError(str(error)) from error


def train(session: Session, job: Job) -> LearnedScorer:
    """Learn from the labels as they are now; the same labels give the same version again."""
    params = job.params
    learner = _learner(params["learner"], params["params"])
    model = embeddings.model_of(session, Tier(params["tier"]))
    good: Pairs | None = None
    if grading.is_ladder(job):
        found, good = grading.good_answers(session, params["dataset_id"], params["where"])
        row = _version(session, job, model, found, [])
    else:
        found = labels.read(
            session, params["dataset_id"], params["labels"], params["cut"], params["where"]
        )
        _check_labels(learner, found)
        row = _version(session, job, model, found, _heuristics(session, params["dataset_id"]))
    if row.id is None or not files.is_whole(row.file_sha256):
        if good is None:
            _fit(session, row, learner, model, found)
        else:
            held_out = grading.fit(row, learner, good, Tier(params["tier"]))
            row.metrics = {**row.metrics, "held_out": _quantiles(held_out)}
        session.add(row)
        session.flush()
    row.job_id = job.id
    registry.claim_slots(session, row.dataset_id, [_spec(row, learner)], job.id)
    shown = shown_metrics(row)
    job.result = {"signal": row.signal, "version": row.version, "scorer": row.id, **shown}
    return row


def shown_metrics(row: LearnedScorer) -> dict[str, Any]:
    """The metrics for people: without the scores that drift is measured against."""
    return {name: one for name, one in row.metrics.items() if name != "held_out"}


def _heuristics(session: Session, dataset_id: int) -> list[DatasetSignal]:
    """Signals that measure texts; columns of files, judges and what was learned may give labels."""
    return [one for one in registry.signals(session, dataset_id) if one.key in SIGNALS]


def _version(
    session: Session,
    job: Job,
    model: EmbeddingModel,
    found: Labels,
    signals: Sequence[DatasetSignal],
) -> LearnedScorer:
    """The version that was learned from just this, or a new one that is not stored yet."""
    params = job.params
    used = [one for one in signals if one.name != params["labels"]]
    recipe = [
        model.fingerprint,
        [[one.name, one.fingerprint] for one in used],
        *(found.hash(), params["cut"], params["learner"], params["params"], reduction.VERSION),
    ]
    fingerprint = hashlib.sha256(orjson.dumps(recipe)).hexdigest()
    known = versions(session, params["dataset_id"], params["signal"])
    for one in known:
        if one.fingerprint == fingerprint:
            return one
    version = known[0].version + 1 if known else 1
    return LearnedScorer(
        dataset_id=params["dataset_id"],
        name=params["signal"],
        version=version,
        signal=params["signal"] if version == 1 else f"{params['signal']}_v{version}",
        labels=params["labels"],
        cut=params["cut"],
        where=params["where"],
        learner=params["learner"],
        params=params["params"],
        model_id=model.id,
        features=[one.name for one in used],
        labelled=len(found.ids),
        labels_hash=found.hash(),
        fingerprint=fingerprint,
        created_by=job.created_by,
    )


def versions(session: Session, dataset_id: int, name: str) -> Sequence[LearnedScorer]:
    """The versions of a learned signal, the newest first."""
    query = select(LearnedScorer).where(
        LearnedScorer.dataset_id == dataset_id, LearnedScorer.name == name
    )
    return session.scalars(query.order_by(LearnedScorer.version.desc())).all()


def _fit(
    session: Session,
    row: LearnedScorer,
    learner: Learner,
    model: EmbeddingModel,
    found: Labels,
) -> None:
    """Validate, learn from all labels, and write the file."""
    raw = features(session, row, model, found.ids, found.revisions)
    stand_ins = middles(raw)
    classes = rules.is_classes(found.values)
    whole = filled(raw, stand_ins)
    reduced = Reduction.fit(whole, BLOCKS * model.width)
    task = Task(reduced.apply(whole), found.values, classes)
    checked = validate(learner, task)
    row.metrics = {"labels": len(task), **measured(task.labels, checked.scores, classes=classes)}
    row.curve = [list(point) for point in checked.curve]
    row.bench = [asdict(cut) for cut in bench(task.labels, checked.scores)] if classes else []
    row.file_sha256 = files.write(Learned(learner.fit(task), stand_ins, reduced).to_bytes())
    # What the drift of the pool is measured against, when all rows have their score.
    row.metrics = {**row.metrics, "held_out": _quantiles(checked.scores)}


def _quantiles(scores: Floats) -> list[float]:
    count = min(len(scores), 200)
    found: list[float] = np.quantile(scores, (np.arange(count) + 0.5) / count).round(6).tolist()
    return found


def features(
    session: Session,
    row: LearnedScorer,
    model: EmbeddingModel,
    ids: Sequence[int],
    revisions: Sequence[int],
) -> Floats:
    """What the scorer sees of these samples; embeddings that are missing are made."""
    prompts, responses = (
        embeddings.vectors(session, model, part, ids, revisions)
        for part in (Part.PROMPT, Part.RESPONSE)
    )
    slots = {one.name: one.slot for one in registry.signals(session, row.dataset_id)}
    columns = [Sample.scores[slots[name] + 1] for name in row.features if name in slots]
    values = {
        one: rest
        for one, *rest in session.execute(select(Sample.id, *columns).where(Sample.id.in_(ids)))
    }
    nothing = [None] * len(columns)
    signals = np.array([values.get(one, nothing) for one in ids], np.float32)
    return combined(prompts, responses, signals.reshape(len(ids), len(columns)))


def _spec(row: LearnedScorer, learner: Learner) -> SignalSpec:
    return SignalSpec(
        name=row.signal,
        title=f"{row.name} ({learner.title})",
        key=KEY,
        fingerprint=row.fingerprint,
        help=grading.help_of(row),
        version=row.version,
        params={
            **{name: getattr(row, name) for name in ("name", "labels", "where", "cut", "learner")},
            **row.params,
        },
    )


def load(row: LearnedScorer) -> Learned:
    """The scorer from its file, which must be the one that was written."""
    return Learned.from_bytes(files.read(row.file_sha256))


def slot(session: Session, row: LearnedScorer) -> DatasetSignal:
    """Where the scores go."""
    known = registry.signals(session, row.dataset_id)
    return next(one for one in known if one.name == row.signal)


def finish(session: Session, job: Job) -> None:
    """Compare the pool with the labelled rows, and complete the bench with what cuts keep of it."""
    row = session.get_one(LearnedScorer, job.result["scorer"])
    schema = schema_of(session, row.dataset_id)
    column = held.read(session, schema, {row.signal})[row.signal]
    pool = column[np.isfinite(column)]
    # A ladder's held-out answers are the good ones alone: the pool differs from them by its nature.
    compared = len(pool) and row.labels != labels.LADDER
    row.drift = psi(np.array(row.metrics["held_out"]), pool) if compared else None
    row.bench = [
        {**cut, "kept_of_all": round(float((pool >= np.float32(cut["at"])).mean()), 4)}
        for cut in row.bench
        if len(pool)
    ]
    signal = slot(session, row)
    signal.measured_at = now()
    if ordering.active(queue.order_by_of(session, row.dataset_id)) is not None:
        queue.forget_order(session, row.dataset_id)  # the model doubts other samples now
    drifted = row.drift is not None and row.drift > ALARM
    job.result = {**job.result, "drift": row.drift, "drift_alarm": drifted}


def of_dataset(session: Session, dataset_id: int) -> Sequence[LearnedScorer]:
    """All that was learned in a dataset, the newest first."""
    query = select(LearnedScorer).where(LearnedScorer.dataset_id == dataset_id)
    return session.scalars(query.order_by(LearnedScorer.id.desc())).all()
