"""A contrastive head: nearer to what was approved than to what was rejected."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from app.curation.learners.base import Arrays, Floats, Learner, Scorer, Task, standardised


class Contrastive(Learner):
    """Is a sample nearer to the approved ones than to the rejected ones?

    A linear projection of the frozen embeddings shrinks the directions in which samples of one
    side differ among themselves; the score is the cosine with the middle of the approved ones
    minus that with the middle of the rejected ones.
    """

    key: ClassVar = "contrastive"
    title: ClassVar = "Contrastive head"
    numbers: ClassVar = False
    shrinkage: float = Field(
        0.5, gt=0, le=1, description="1 treats all directions alike, small values trust the labels."
    )

    def fit(self, task: Task, seed: int = 0) -> "Contrast":  # noqa: ARG002 - nothing is drawn
        """Find projection and middles."""
        mean, spread = standardised(task.features)
        rows = (task.features - mean) / spread
        good = task.labels > 0
        within = np.vstack([rows[side] - rows[side].mean(0) for side in (good, ~good)])
        projection = _shrunk(within, self.shrinkage) / spread[:, np.newaxis]
        placed = _unit((task.features - mean) @ projection)
        middles = np.vstack([placed[good].mean(0), placed[~good].mean(0)])
        return Contrast(mean, projection, _unit(middles))


class Contrast(Scorer):
    """`cos(e, approved) - cos(e, rejected)` after a projection."""

    kind: ClassVar = "contrast"

    def __init__(self, mean: Floats, projection: Floats, middles: Floats) -> None:
        self._mean, self._projection, self._middles = mean, projection, middles

    def score(self, features: Floats) -> Floats:
        """Between -2 and 2."""
        near = _unit((features - self._mean) @ self._projection) @ self._middles.T
        difference: Floats = near[:, 0] - near[:, 1]
        return difference

    def arrays(self) -> Arrays:
        """Projection and middles."""
        return {"mean": self._mean, "projection": self._projection, "middles": self._middles}

    @classmethod
    def of(cls, arrays: Arrays) -> "Contrast":
        """The scorer with this projection."""
        return cls(arrays["mean"], arrays["projection"], arrays["middles"])


def _shrunk(within: Floats, shrinkage: float) -> Floats:
    """The inverse root of the covariance within classes, drawn towards the identity."""
    variances, axes = _axes(within)
    scale = 1 / np.sqrt((1 - shrinkage) * variances + shrinkage) - 1 / np.sqrt(shrinkage)
    # Directions in which nothing varies are scaled as the identity says.
    whitening: Floats = (axes * scale) @ axes.T + np.eye(len(axes)) / np.sqrt(shrinkage)
    return whitening


def _axes(within: Floats) -> tuple[Floats, Floats]:
    """The directions that vary and how much, from whichever product is the smaller one."""
    count, width = within.shape
    if count > width:
        values, axes = np.linalg.eigh(within.T @ within)
        return np.maximum(values, 0) / count, axes
    values, left = np.linalg.eigh(within @ within.T)
    kept = values > values[-1] * 1e-9
    return values[kept] / count, within.T @ left[:, kept] / np.sqrt(values[kept])


def _unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = rows / np.where(lengths > 0, lengths, 1)
    return scaled
