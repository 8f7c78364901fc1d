"""How well scores agree with labels, each number with an interval from resampling."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.learners.base import Floats

RESAMPLED = 200
_TAILS = (2.5, 97.5)
Metric = Callable[[Floats, Floats], float]
Interval = tuple[float, float, float]


def auroc(labels: Floats, scores: Floats) -> float:
    """The chance that a good row scores above a bad one."""
    good = labels > 0
    count = int(good.sum())
    others = len(labels) - count
    return float((ranks(scores)[good].sum() - count * (count + 1) / 2) / (count * others))


def pr_auc(labels: Floats, scores: Floats) -> float:
    """Average precision: the precision at each good row from the top, equal scores as one step."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order] > 0)
    last = np.append(np.diff(scores[order]) != 0, True)
    precision = hits[last] / (np.flatnonzero(last) + 1)
    gained = np.diff(hits[last], prepend=0) / hits[-1]
    return float((precision * gained).sum())


def spearman(labels: Floats, scores: Floats) -> float:
    """The correlation of ranks; 0 where one side never differs."""
    one, other = (ranks(values) - (len(values) + 1) / 2 for values in (labels, scores))
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size else 0.0


def f1(labels: Floats, scores: Floats) -> float:
    """F1 of keeping scores from a cut on; each half is cut where the other half has its best."""
    half = np.random.default_rng(0).permutation(len(labels)) % 2 == 0
    kept = np.empty(len(labels), bool)
    for side in (half, ~half):
        kept[side] = scores[side] >= best_cut(labels[~side], scores[~side])
    good = labels > 0
    return float(2 * (kept & good).sum() / max(int(kept.sum() + good.sum()), 1))


def best_cut(labels: Floats, scores: Floats) -> float:
    """The cut of the highest F1."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order] > 0)
    last = np.append(np.diff(scores[order]) != 0, True)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    return float(scores[order][np.argmax(np.where(last, f1, -1))])


def mean_error(labels: Floats, scores: Floats) -> float:
    """How far scores are from labels on average."""
    return float(np.abs(labels - scores).mean())


def measured(
    labels: Floats, scores: Floats, *, classes: bool, seed: int = 0
) -> dict[str, Interval]:
    """All metrics of these labels: (value, lower end, upper end) of the 95 % interval."""
    wanted: Mapping[str, Metric] = {"spearman": spearman, "mean_error": mean_error}
    if classes:
        wanted = {"auroc": auroc, "pr_auc": pr_auc, "f1": f1, "spearman": spearman}
    drawn = _resamples(labels, classes, seed)
    return {name: _with_ends(metric, labels, scores, drawn) for name, metric in wanted.items()}


def main(labels: Floats, scores: Floats, *, classes: bool, either_way: bool = False) -> Interval:
    """AUROC for classes, Spearman for numbers, with its interval; of what may count downwards
    (`either_way`) in the direction that is better."""
    metric = auroc if classes else spearman
    if either_way and metric(labels, scores) < metric(labels, -scores):
        scores = -scores
    return _with_ends(metric, labels, scores, _resamples(labels, classes, 0))


def _with_ends(
    metric: Metric, labels: Floats, scores: Floats, drawn: Sequence[NDArray[Any]]
) -> Interval:
    others = [metric(labels[one], scores[one]) for one in drawn]
    low, high = np.percentile(others, _TAILS).tolist()
    return (round(metric(labels, scores), 4), round(low, 4), round(high, 4))


def _resamples(labels: Floats, classes: bool, seed: int) -> list[NDArray[Any]]:
    """Rows drawn with replacement; of two classes one row each is sure to be there."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(len(labels), len(labels)) for _ in range(RESAMPLED)]
    if classes:
        sides = np.flatnonzero(labels > 0), np.flatnonzero(labels <= 0)
        for rows in drawn:
            rows[:2] = [rng.choice(side) for side in sides]
    return drawn


def ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values share the middle of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle: Floats = (ends - (counts - 1) / 2)[place]
    return middle


def wilson(hits: int, count: int) -> Interval:
    """A share with its 95 % interval, which stays between 0 and 1 for few rows too."""
    if not count:
        return (0.0, 0.0, 1.0)
    z2 = 1.959964**2
    share = hits / count
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = (z2 * share * (1 - share) / count + z2 * z2 / (4 * count * count)) ** 0.5
    half /= 1 + z2 / count
    return (round(share, 4), round(max(middle - half, 0.0), 4), round(min(middle + half, 1.0), 4))
