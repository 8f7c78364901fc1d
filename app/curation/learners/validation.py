"""Scores of rows by models that never saw them, and what more labels would bring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.curation.learners import metrics
from app.curation.learners.base import Floats, Learner, Task

FOLDS = 5
_CURVE = (0.1, 0.25, 0.5, 0.75)
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Validated:
    """Scores out of fold, and the learning curve: labels, metric and the ends of its interval."""

    scores: Floats
    curve: list[tuple[int, float, float, float]]


def validate(learner: Learner, task: Task, seed: int = 0) -> Validated:
    """Five times learn from four fifths, score the fifth; one of them also from fewer labels."""
    learner, fold = learner.lighter(), folds(task, seed)
    scores = np.zeros(len(task))
    for number in range(FOLDS):
        held = fold == number
        scores[held] = learner.fit(task.rows(~held), seed).score(task.features[held])
    return Validated(scores, _curve(learner, task, scores, fold == 0, seed))


def _curve(
    learner: Learner, task: Task, scores: Floats, held: NDArray[np.bool_], seed: int
) -> list[tuple[int, float, float, float]]:
    """The quality on one fold after learning from parts of the others, and from all of them."""
    seen = np.flatnonzero(~held)
    parts = [_part(task, seen, share, seed) for share in _CURVE if len(seen) * share >= _FEWEST]
    found = [
        (len(part), *_quality(task, learner.fit(task.rows(part), seed).score(task.features), held))
        for part in parts
    ]
    return [*found, (len(seen), *_quality(task, scores, held))]


def folds(task: Task, seed: int) -> NDArray[np.int64]:
    """The fold of each row; every fold has its share of each class, or of each range of labels.

    Groups stay whole; the mean of their labels is what is spread.
    """
    groups = np.arange(len(task)) if task.groups is None else task.groups
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=task.labels) / sizes
    shuffled = np.random.default_rng(seed).permutation(len(means))
    order = shuffled[np.argsort(means[shuffled], kind="stable")]
    fold = np.empty(len(means), np.int64)
    fold[order] = np.arange(len(means)) % FOLDS
    return fold[group]


def _part(task: Task, seen: NDArray[np.intp], share: float, seed: int) -> NDArray[np.intp]:
    """A share of the rows seen, of each class its own."""
    rng = np.random.default_rng(seed + 1)
    if not task.classes:
        return rng.permutation(seen)[: round(len(seen) * share)]
    good = task.labels[seen] > 0
    sides = [rng.permutation(seen[side]) for side in (good, ~good)]
    return np.concatenate([side[: max(round(len(side) * share), 2)] for side in sides])


def _quality(task: Task, scores: Floats, rows: NDArray[np.bool_]) -> metrics.Interval:
    """AUROC for classes, Spearman for numbers, with their intervals."""
    return metrics.main(task.labels[rows], scores[rows], classes=task.classes)
