"""Learning a signal from labels: starting the job, what was learned, what it means for all rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.catalog import LEARNERS
from app.curation.learners import labels as rules
from app.curation.learners.base import LabelsError, Learner
from app.curation.learners.drift import ALARM, psi
from app.curation.learners.stored import Learned
from app.datasets.models import Dataset
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
from app.samples.models import DatasetSignal
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
    learner = learner_of(order.learner, order.params or {})
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
        check_labels(learner, found)
        return
    if not learner.numbers:
        raise InvalidError(f"{learner.title} tells two classes apart; ladders have grades.")
    grading.good_answers(session, dataset_id, order.where)


def learner_of(key: str, params: Mapping[str, Any]) -> Learner:
    """The learner with its parameters."""
    if key not in LEARNERS:
        raise InvalidError(f"There is no learner `{key}`. There are {', '.join(LEARNERS)}.")
    return build(LEARNERS[key], params, key)


def check_labels(learner: Learner, found: Labels) -> None:
    """Refuse labels that teach nothing."""
    names = [str(one) for one in found.ids]
    try:
        rules.check(learner, found.values, found.contents, names)
    except LabelsError as error:
        raise InvalidError(str(error)) from error


def shown_metrics(row: LearnedScorer) -> dict[str, Any]:
    """The metrics for people: without the scores that drift is measured against."""
    return {name: one for name, one in row.metrics.items() if name != "held_out"}


def versions(session: Session, dataset_id: int, name: str) -> Sequence[LearnedScorer]:
    """The versions of a learned signal, the newest first."""
    query = select(LearnedScorer).where(
        LearnedScorer.dataset_id == dataset_id, LearnedScorer.name == name
    )
    return session.scalars(query.order_by(LearnedScorer.version.desc())).all()


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
