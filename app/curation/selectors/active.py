"""Which samples teach most when a person labels them next: doubt, disagreement, novelty.

Larger values come first. A share drawn at random belongs beside any of these orders: what the
model is wrongly sure of is never shown otherwise, and estimates need it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.learners import metrics

Floats = NDArray[np.floating[Any]]


def uncertainty(scores: Floats, cut: float) -> Floats:
    """How near each score lies to the cut, on the scale of the scores' spread; NaN without score.

    For probabilities and a cut of 0.5 it is the order of 1 - |2p - 1|.
    """
    known = scores[np.isfinite(scores)].astype(np.float64)
    spread = float(known.std()) if len(known) else 0.0
    found: Floats = -np.abs(scores.astype(np.float64) - cut) / (spread or 1.0)
    return found


def ranks(scores: Floats) -> Floats:
    """The share of scores below each, ties in the middle; NaN without score."""
    found = np.full(len(scores), np.nan)
    known = np.flatnonzero(np.isfinite(scores))
    found[known] = (metrics.ranks(scores[known]) - 1) / max(len(known) - 1, 1)
    return found


def disagreement(scores: Sequence[Floats]) -> Floats:
    """The spread (standard deviation) of the ranks that scorers give a row; NaN below two."""
    stacked = np.vstack([ranks(one) for one in scores])
    known = np.isfinite(stacked)
    count = known.sum(0)
    filled = np.where(known, stacked, 0.0)
    mean = filled.sum(0) / np.maximum(count, 1)
    spread = np.where(known, (stacked - mean) ** 2, 0.0).sum(0) / np.maximum(count, 1)
    found: Floats = np.where(count > 1, np.sqrt(spread), np.nan)
    return found


def novel(vectors: Floats, labelled: Floats, count: int) -> NDArray[np.intp]:
    """Places of `count` unit vectors, each the farthest from all labelled and chosen before it.

    k-center greedy (Sener and Savarese, arXiv 1708.00489); zeros, texts without words, come last.
    """
    nearest = np.full(len(vectors), -1.0)
    if len(labelled) and len(vectors):
        nearest = (vectors @ labelled.T).max(1).astype(np.float64)
    nearest = np.where(vectors.any(1), nearest, 2.0)
    chosen: list[int] = []
    for _ in range(min(count, len(vectors))):
        place = int(nearest.argmin())
        chosen.append(place)
        nearest = np.maximum(nearest, vectors @ vectors[place])
        nearest[chosen] = np.inf
    return np.array(chosen, np.intp)
