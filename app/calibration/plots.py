"""The figures of a calibration as coordinates: the page draws them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.curation.calibration import Calibration, Cut, Labelled

WIDTH, HEIGHT = 372, 236
LEFT, TOP, BOTTOM = 30, 18, 22
_BARS = 11


@dataclass(frozen=True, slots=True)
class Bar:
    """Rows with scores from `at`: where the bar stands, how high approved and rejected rise."""

    at: float
    x: float
    width: float
    approved: float
    rejected: float
    counts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bars:
    """All bars, lines of the scale (y, count), and where the cut stands."""

    bars: Sequence[Bar]
    scale: Sequence[tuple[float, int]]
    cut: float


def bars(rows: Labelled, cut: float) -> Bars:
    """What people said, by score: a bar per value, or per bin where there are many."""
    values = np.unique(rows.scores)
    edges = values if len(values) <= _BARS else np.linspace(values[0], values[-1], _BARS + 1)[:-1]
    place = np.searchsorted(edges, rows.scores, side="right") - 1
    good = np.bincount(place, weights=rows.good, minlength=len(edges)).astype(int)
    bad = np.bincount(place, minlength=len(edges)).astype(int) - good
    tallest = max(int((good + bad).max()), 1)
    width = (WIDTH - LEFT) / len(edges)
    room = HEIGHT - TOP - BOTTOM
    found = [
        Bar(
            float(at),
            LEFT + width * number + 2,
            width - 4,
            room * int(good[number]) / tallest,
            room * int(bad[number]) / tallest,
            (int(good[number]), int(bad[number])),
        )
        for number, at in enumerate(edges)
    ]
    shares = [(HEIGHT - BOTTOM - room * share, round(tallest * share)) for share in (0.5, 1.0)]
    below = float(np.searchsorted(edges, cut))
    return Bars(found, shares, LEFT + width * below)


@dataclass(frozen=True, slots=True)
class Curves:
    """Kappa, precision and recall over thresholds; `x` of the cut and of the suggested one."""

    kappa: str
    precision: str
    recall: str
    ticks: Sequence[tuple[float, float]]
    cut: float
    suggested: float


def curves(found: Calibration, cut: float, height: int = 150) -> Curves:
    """Polylines of what each threshold does."""
    low, high = found.cuts[0].at, found.cuts[-1].at
    span = (high - low) or 1.0

    def x(at: float) -> float:
        return LEFT + 8 + (WIDTH - LEFT - 16) * min(max((at - low) / span, 0), 1)

    def line(values: Sequence[float]) -> str:
        points = zip(found.cuts, values, strict=True)
        return " ".join(f"{x(one.at):.1f},{_y(value, height):.1f}" for one, value in points)

    cuts: Sequence[Cut] = found.cuts
    ticks = [(x(low + span * share), low + span * share) for share in (0, 0.25, 0.5, 0.75, 1)]
    return Curves(
        line([one.kappa for one in cuts]),
        line([one.precision for one in cuts]),
        line([one.recall for one in cuts]),
        ticks,
        x(cut),
        x(found.suggested.at),
    )


def _y(value: float, height: int) -> float:
    return 8 + (height - 30) * (1 - min(max(value, 0), 1))


def roc(found: Calibration, size: int = 138) -> str:
    """The ROC curve as a polyline, from (1, 1) to (0, 0)."""
    points = [(one[1], one[2]) for one in found.roc] + [(0.0, 0.0)]
    return " ".join(f"{24 + size * x:.1f},{6 + size * (1 - y):.1f}" for x, y in points)
