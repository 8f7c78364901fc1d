"""The best rows, or chance in proportion to how good they are."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.curation.selectors.base import Pool, Rows, Selector


class TopK(Selector):
    """The rows with the highest scores; of equal ones the first."""

    key: ClassVar = "top"
    title: ClassVar = "Highest scores"

    def select(self, pool: Pool, count: int, seed: int = 0) -> Rows:  # noqa: ARG002
        """Take from the top."""
        return _highest(pool.scored(), pool.scores, count)


class Temperature(Selector):
    """Draws rows with a chance that grows with their score, without drawing one twice.

    The chance is in proportion to exp(score / tau): a low temperature takes the best, a high one
    takes all alike. QuRating (arXiv 2402.09739) trained better at tau 2 than on the top alone.
    """

    key: ClassVar = "temperature"
    title: ClassVar = "Drawn by score"
    tau: float = Field(
        2.0, ge=1e-6, le=1e9, description="Temperature, in standard deviations of the scores."
    )

    def select(self, pool: Pool, count: int, seed: int = 0) -> Rows:
        """Draw by Gumbel's trick: the highest of score / tau plus noise."""
        rows = pool.scored()
        scores = pool.scores[rows].astype(np.float64)
        spread = float(scores.std()) if len(scores) else 0.0
        noise = np.random.default_rng(seed).gumbel(size=len(rows))
        keys = np.full(len(pool.scores), -np.inf)
        keys[rows] = scores / (self.tau * (spread or 1.0)) + noise
        return _highest(rows, keys, count)


def _highest(rows: Rows, keys: NDArray[np.floating[Any]], count: int) -> Rows:
    best = rows[np.argsort(-keys[rows], kind="stable")[:count]]
    return np.sort(best)
