"""What a selector is: chooses so many rows of a pool by their scores."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.methods import Method

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows to choose from: their scores (NaN: never chosen) and the domain of each."""

    scores: NDArray[np.floating[Any]]
    domains: Sequence[str | None]

    def scored(self) -> Rows:
        """The rows that have a score."""
        return np.flatnonzero(np.isfinite(self.scores))


class Selector(Method):
    """Chooses rows; the same seed chooses the same ones."""

    @abstractmethod
    def select(self, pool: Pool, count: int, seed: int = 0) -> Rows:
        """Places of `count` rows in order, of all that have a score where there are not more."""
