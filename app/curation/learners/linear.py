"""A weighted sum of features, and its logistic form."""

from typing import ClassVar

import numpy as np

from app.curation.learners.base import Arrays, Floats, Scorer


class Linear(Scorer):
    """`features @ weights + offset`; as a probability where `logistic`."""

    kind: ClassVar = "linear"

    def __init__(self, weights: Floats, offset: float, *, logistic: bool) -> None:
        self._weights = np.asarray(weights, np.float64)
        self._offset = offset
        self._logistic = logistic

    def score(self, features: Floats) -> Floats:
        """The sum, or its probability."""
        total: Floats = features @ self._weights + self._offset
        return sigmoid(total) if self._logistic else total

    def arrays(self) -> Arrays:
        """Weights and offset."""
        numbers = np.array([self._offset, float(self._logistic)])
        return {"weights": self._weights, "numbers": numbers}

    @classmethod
    def of(cls, arrays: Arrays) -> "Linear":
        """The scorer with these weights."""
        offset, logistic = arrays["numbers"].tolist()
        return cls(arrays["weights"], offset, logistic=bool(logistic))


def sigmoid(values: Floats) -> Floats:
    """Log odds as probabilities."""
    shares: Floats = 0.5 * (1 + np.tanh(0.5 * values))
    return shares
