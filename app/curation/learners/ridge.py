"""Ridge regression on standardised features, the head of FineWeb-Edu's classifier."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from app.curation.learners.base import Floats, Learner, Task, standardised
from app.curation.learners.linear import Linear


class Ridge(Learner):
    """A straight line through grades: the score is on the scale of the labels.

    FineWeb-Edu puts one linear output on a frozen embedder (arXiv 2406.17557).
    """

    key: ClassVar = "ridge"
    title: ClassVar = "Ridge regression"
    alpha: float = Field(100.0, gt=0, description="How strongly weights are held small.")

    def fit(self, task: Task, seed: int = 0) -> Linear:  # noqa: ARG002 - nothing is drawn
        """Solve for the weights."""
        mean, spread = standardised(task.features)
        rows = (task.features - mean) / spread
        middle = float(task.labels.mean())
        weights = self._weights(rows, task.labels - middle) / spread
        return Linear(weights, middle - float(mean @ weights), logistic=False)

    def _weights(self, rows: Floats, labels: Floats) -> Floats:
        """The same weights from whichever system is the smaller one."""
        count, width = rows.shape
        if count <= width:
            found: Floats = rows.T @ _solved(rows @ rows.T, self.alpha, labels)
            return found
        return _solved(rows.T @ rows, self.alpha, rows.T @ labels)


def _solved(products: Floats, alpha: float, right: Floats) -> Floats:
    found: Floats = np.linalg.solve(products + alpha * np.eye(len(products)), right)
    return found
