"""How well two raters agree: kappa in three kinds, ranks, ROC, each with its uncertainty."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.curation.learners.metrics import ranks

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], float]

_RESAMPLES = 300


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def bootstrapped(
    statistic: Statistic, scores: Floats, labels: Floats, random: np.random.Generator
) -> Interval:
    """A statistic and the middle 95 % of it over resampled rows."""
    rows = random.integers(0, len(scores), (_RESAMPLES, len(scores)))
    found = np.array([statistic(scores[one], labels[one]) for one in rows])
    low, high = np.nanpercentile(found, [2.5, 97.5]) if not np.isnan(found).all() else (0.0, 0.0)
    return Interval(statistic(scores, labels), float(low), float(high))


def kappa(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Cohen's kappa of two yes-or-no verdicts, which is the quadratic one of two classes."""
    agreed = float(np.mean(one == other))
    a, b = float(np.mean(one)), float(np.mean(other))
    chance = a * b + (1 - a) * (1 - b)
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0


def nominal_kappa(one: Floats, other: Floats) -> float:
    """Cohen's kappa of two raters over categories: no pair of them is nearer than another."""
    agreed = float(np.mean(one == other))
    chance = sum(
        float(np.mean(one == value)) * float(np.mean(other == value)) for value in np.unique(one)
    )
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0


def quadratic_kappa(one: Floats, other: Floats) -> float:
    """Quadratic weighted kappa of two ratings on one scale; any spacing of the scale is kept."""
    disagreed = float(np.mean((one - other) ** 2))
    by_chance = float(one.var() + other.var() + (one.mean() - other.mean()) ** 2)
    return 1 - disagreed / by_chance if by_chance > 0 else 0.0


def spearman(one: Floats, other: Floats) -> float:
    """Correlation of ranks; NaN where one side is constant."""
    a, b = ranks(one), ranks(other)
    if a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def auroc(scores: Floats, labels: Floats) -> float:
    """The chance that an approved row scores above a rejected one, ties by half (Mann-Whitney)."""
    positive = labels > 0
    ups, downs = int(positive.sum()), int((~positive).sum())
    if not ups or not downs:
        return float("nan")
    return float((ranks(scores)[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))
