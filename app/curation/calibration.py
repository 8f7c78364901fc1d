"""Does a score agree with people? Agreement, thresholds and biases, each with its uncertainty.

Scores are a judge's or any signal's; labels are what people said: verdicts (1 approved, 0
rejected) or ratings on the scale of the score. Bars for trust: quadratic kappa 0.6 (substantial
agreement after Landis and Koch 1977) over 100 labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.agreement import (
    Floats,
    Interval,
    auroc,
    bootstrapped,
    kappa,
    nominal_kappa,
    quadratic_kappa,
    spearman,
)

ENOUGH = 100
KAPPA_BAR = 0.6
_MOST_CUTS = 101
_FOLDS = 5
_MOST_CATEGORIES = 12
_FEW = 8  # of a group: below this its mean says nothing


@dataclass(frozen=True, slots=True)
class Cut:
    """What a threshold does: kept are the scores from it upwards."""

    at: float
    kept: float
    kappa: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Step:
    """A level of the calibration curve: from this score on, so likely is an approval."""

    score: float
    approved: float
    count: int


@dataclass(frozen=True, slots=True)
class Group:
    """Leniency in a group of samples."""

    name: str
    count: int
    leniency: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a score stands to what people said.

    Kappa is the quadratic one for a rating on the scale of the score, else that of keeping at the
    cut. Leniency is what the score gives more than people: in points of a shared scale, else in
    shares kept. `alike` is the share of rows with the very same value and `nominal` the
    kappa of values as categories, both only for ratings of few values. `roc` are (cut, false
    positive rate, true positive rate).
    """

    count: int
    approved: float
    kappa: Interval
    alike: float | None
    nominal: Interval | None
    spearman: Interval
    auroc: Interval
    cuts: Sequence[Cut]
    suggested: Cut
    curve: Sequence[Step]
    calibration_error: float
    brier: float
    leniency: float
    by_domain: Sequence[Group]
    length_bias: Interval
    roc: Sequence[tuple[float, float, float]]

    @property
    def trusted(self) -> bool:
        """Whether it agrees with people well enough to decide in their place."""
        return self.count >= ENOUGH and self.kappa.value >= KAPPA_BAR


class TooFewError(ValueError):
    """The labels can't tell anything; the sentence says what is missing."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows with a score and a label; `passing` is the rating from which a row counts as good.

    Without `passing` the labels are verdicts.
    """

    scores: Floats
    labels: Floats
    domains: Sequence[str]
    lengths: Floats
    passing: float | None = None

    @property
    def good(self) -> Floats:
        """1 where people approved, else 0."""
        return (self.labels >= (1.0 if self.passing is None else self.passing)).astype(np.float64)


def calibrate(rows: Labelled, *, cut: float | None = None, seed: int = 0) -> Calibration:
    """Compare scores with labels.

    `cut` is the threshold in use; without one the suggested threshold is told of. Raise TooFewError
    where there is nothing to compare.
    """
    scores, good = rows.scores, rows.good
    if len(scores) == 0:
        raise TooFewError("No sample has both a score and a verdict of a person.")
    if good.min() == good.max():
        only = "approved" if good[0] else "rejected"
        raise TooFewError(
            f"People {only} all {len(good):,} samples that have this score: without the other "
            "verdict there is nothing to compare."
        )
    table = thresholds(scores, good)
    suggested = max(table, key=lambda one: one.kappa)
    used = cut if cut is not None else suggested.at
    random = np.random.default_rng(seed)
    curve, _ = isotonic(scores, good)
    expected = out_of_fold(scores, good, random)
    return Calibration(
        count=len(scores),
        approved=float(good.mean()),
        kappa=_agreement(rows, used, random),
        **_as_categories(rows, random),
        spearman=bootstrapped(spearman, scores, rows.labels, random),
        auroc=bootstrapped(auroc, scores, good, random),
        cuts=table,
        suggested=suggested,
        curve=curve,
        calibration_error=calibration_error(expected, good),
        brier=float(np.mean((expected - good) ** 2)),
        leniency=float(_lenience(rows, used).mean()),
        by_domain=_by_domain(rows, used),
        length_bias=length_bias(rows, random),
        roc=[(one.at, _share(scores[good == 0] >= one.at), one.recall) for one in table],
    )


def _agreement(rows: Labelled, cut: float, random: np.random.Generator) -> Interval:
    if _one_scale(rows):
        return bootstrapped(quadratic_kappa, rows.scores, rows.labels, random)
    return bootstrapped(
        lambda one, other: kappa(one >= cut, other > 0), rows.scores, rows.good, random
    )


def _one_scale(rows: Labelled) -> bool:
    """Whether score and rating lie on the same scale, so that their distance means something."""
    if rows.passing is None:
        return False
    ends = [(float(one.min()), float(one.max())) for one in (rows.scores, rows.labels)]
    (low, high), (least, most) = ends
    room = 0.4 * max(most - least, high - low)
    return abs(low - least) <= room and abs(high - most) <= room


def _as_categories(rows: Labelled, random: np.random.Generator) -> dict[str, Any]:
    """Agreement of values as they are, where both sides take the same few."""
    values = np.union1d(rows.scores, rows.labels)
    if rows.passing is None or len(values) > _MOST_CATEGORIES:
        return {"alike": None, "nominal": None}
    return {
        "alike": float(np.mean(rows.scores == rows.labels)),
        "nominal": bootstrapped(nominal_kappa, rows.scores, rows.labels, random),
    }


def _lenience(rows: Labelled, cut: float) -> Floats:
    """Per row what the score gives more than people did."""
    if _one_scale(rows):
        return rows.scores - rows.labels
    return (rows.scores >= cut).astype(np.float64) - rows.good


def thresholds(scores: Floats, labels: Floats) -> list[Cut]:
    """What each possible threshold does; of many values, some evenly spread ones."""
    values = np.unique(scores)
    if len(values) > _MOST_CUTS:
        values = np.unique(np.quantile(scores, np.linspace(0, 1, _MOST_CUTS)))
    return [_cut(scores, labels, float(value)) for value in values]


def _cut(scores: Floats, labels: Floats, at: float) -> Cut:
    kept, good = scores >= at, labels > 0
    both = float(np.sum(kept & good))
    return Cut(
        at=at,
        kept=float(kept.mean()),
        kappa=kappa(kept, good),
        precision=both / max(float(kept.sum()), 1.0),
        recall=both / max(float(good.sum()), 1.0),
    )


def isotonic(scores: Floats, labels: Floats) -> tuple[list[Step], Floats]:
    """The best rising curve from score to share approved (pool adjacent violators)."""
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weights=labels)
    blocks: list[list[float]] = []  # first value, sum, count
    for value, total, count in zip(values.tolist(), sums.tolist(), counts.tolist(), strict=True):
        blocks.append([value, total, count])
        while len(blocks) > 1 and _mean(blocks[-2]) >= _mean(blocks[-1]):
            _, more, rows = blocks.pop()
            blocks[-1][1] += more
            blocks[-1][2] += rows
    curve = [Step(one[0], _mean(one), int(one[2])) for one in blocks]
    starts = np.array([one.score for one in curve])
    levels = np.array([one.approved for one in curve])
    return curve, levels[np.searchsorted(starts, scores, side="right") - 1]


def out_of_fold(scores: Floats, good: Floats, random: np.random.Generator) -> Floats:
    """For each row the share that a curve expects which was drawn without its fifth of the rows."""
    expected = np.full(len(scores), good.mean())
    fold = random.permutation(len(scores)) % _FOLDS
    for number in range(_FOLDS):
        mine, others = fold == number, fold != number
        if mine.any() and others.any():
            curve, _ = isotonic(scores[others], good[others])
            starts = np.array([one.score for one in curve])
            levels = np.array([one.approved for one in curve])
            places = np.searchsorted(starts, scores[mine], side="right") - 1
            expected[mine] = levels[np.maximum(places, 0)]
    return expected


def _mean(block: Sequence[float]) -> float:
    return block[1] / block[2]


def calibration_error(expected: Floats, labels: Floats, bins: int = 10) -> float:
    """Expected calibration error: how far shares lie from what was expected, by tenths."""
    place = np.minimum((expected * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    gaps = np.abs(
        np.bincount(place, weights=expected, minlength=bins)
        - np.bincount(place, weights=labels, minlength=bins)
    )
    return float(gaps.sum() / max(counts.sum(), 1))


def _by_domain(rows: Labelled, cut: float) -> list[Group]:
    given = _lenience(rows, cut)
    names = np.array(rows.domains)
    return [
        Group(str(name), int(mine.sum()), float(given[mine].mean()))
        for name in np.unique(names)
        if (mine := names == name).sum() >= _FEW
    ]


def length_bias(rows: Labelled, random: np.random.Generator) -> Interval:
    """What the longer half of the texts gets more in score, labels being equal (least squares)."""
    longer = (rows.lengths > np.median(rows.lengths)).astype(np.float64)

    def effect(scores: Floats, places: Floats) -> float:
        at = places.astype(int)
        design = np.stack([np.ones(len(at)), rows.labels[at], longer[at]], axis=1)
        solved: Floats = np.linalg.lstsq(design, scores, rcond=None)[0]
        return float(solved[2])

    return bootstrapped(effect, rows.scores, np.arange(len(rows.scores), dtype=float), random)


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else 0.0
