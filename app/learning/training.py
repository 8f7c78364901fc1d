"""Training a scorer: the labels as they are now, validated, and a version with its file."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.catalog import SIGNALS
from app.curation.learners import labels as rules
from app.curation.learners import metrics, reduction
from app.curation.learners.base import Floats, Learner, Task
from app.curation.learners.bench import bench
from app.curation.learners.features import BLOCKS, combined, filled, middles
from app.curation.learners.reduction import Reduction
from app.curation.learners.stored import Learned
from app.curation.learners.validation import validate
from app.curation.text.surprise import Pairs
from app.embeddings import service as embeddings
from app.embeddings.models import EmbeddingModel, Part
from app.jobs.models import Job
from app.learning import files, grading, labels
from app.learning.labels import Labels
from app.learning.models import LearnedScorer
from app.learning.service import KEY, check_labels, learner_of, shown_metrics, versions
from app.providers.embedders import Tier
from app.samples import registry
from app.samples.models import DatasetSignal, Sample
from app.samples.registry import SignalSpec

_LENGTH = "words"


def train(session: Session, job: Job) -> LearnedScorer:
    """Learn from the labels as they are now; the same labels give the same version again."""
    params = job.params
    learner = learner_of(params["learner"], params["params"])
    model = embeddings.model_of(session, Tier(params["tier"]))
    good: Pairs | None = None
    if grading.is_ladder(job):
        found, good = grading.good_answers(session, params["dataset_id"], params["where"])
        row = _version(session, job, model, found, [])
    else:
        found = labels.read(
            session, params["dataset_id"], params["labels"], params["cut"], params["where"]
        )
        check_labels(learner, found)
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
    task = Task(reduced.apply(whole), found.values, classes, found.questions)
    checked = validate(learner, task)
    row.metrics = {
        "labels": len(task),
        **metrics.measured(task.labels, checked.scores, classes=classes),
        "beside": _beside(session, row, found, raw[:, BLOCKS * model.width :], classes),
    }
    row.curve = [list(point) for point in checked.curve]
    row.bench = [asdict(cut) for cut in bench(task.labels, checked.scores)] if classes else []
    row.file_sha256 = files.write(Learned(learner.fit(task), stand_ins, reduced).to_bytes())
    # What the drift of the pool is measured against, when all rows have their score.
    row.metrics = {**row.metrics, "held_out": _quantiles(checked.scores)}


def _beside(
    session: Session, row: LearnedScorer, found: Labels, signals: Floats, classes: bool
) -> dict[str, metrics.Interval]:
    """What can be had without learning: the length, and the one signal that agrees best.

    Of the signals the best is taken by these very labels, so it looks a little better than it is.
    """
    query = select(Sample.id, Sample.words).where(Sample.id.in_(found.ids))
    words = {one.id: one.words for one in session.execute(query)}
    columns = dict(zip(row.features, filled(signals, middles(signals)).T, strict=True))
    agrees = metrics.auroc if classes else metrics.spearman
    least = 0.5 if classes else 0.0
    chosen = max(
        columns, key=lambda name: abs(agrees(found.values, columns[name]) - least), default=None
    )
    alone = {_LENGTH: np.array([words.get(one, 0) for one in found.ids], float)}
    if chosen is not None:
        alone[chosen] = columns[chosen]
    return {
        name: metrics.main(found.values, column, classes=classes, either_way=True)
        for name, column in alone.items()
    }


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
