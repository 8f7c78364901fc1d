"""What a learner is: fits features to labels and returns a scorer made of plain arrays."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from app.curation.methods import Method

Floats = NDArray[np.floating[Any]]
Arrays = Mapping[str, NDArray[Any]]


class LabelsError(ValueError):
    """Nothing can be learned from these labels; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """Features (one row per sample) and their labels: 0 and 1, or any numbers.

    Rows of one group, answers to the same question say, are never on both sides of a validation.
    """

    features: Floats
    labels: Floats
    classes: bool
    groups: NDArray[np.integer[Any]] | None = None

    def rows(self, chosen: NDArray[Any]) -> "Task":
        """A part of the task."""
        groups = None if self.groups is None else self.groups[chosen]
        return Task(self.features[chosen], self.labels[chosen], self.classes, groups)

    def __len__(self) -> int:
        return len(self.labels)


class Scorer(ABC):
    """A fitted model; `arrays` is all of it, so that nothing is run when it is read again."""

    kind: ClassVar[str]

    @abstractmethod
    def score(self, features: Floats) -> Floats:
        """One number per row, higher for what is like label 1 or a high label."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """What `of` needs to make the same scorer."""

    @classmethod
    @abstractmethod
    def of(cls, arrays: Arrays) -> "Scorer":
        """The scorer with these arrays."""


class Learner(Method):
    """Learns a score from labelled samples."""

    numbers: ClassVar[bool] = True  # whether labels may be any numbers, or two classes alone

    @abstractmethod
    def fit(self, task: Task, seed: int = 0) -> Scorer:
        """The scorer for these labels; the same seed gives the same scorer."""

    def lighter(self) -> Self:
        """What stands in for it where it is fitted many times, to validate it."""
        return self


def standardised(features: Floats) -> tuple[Floats, Floats]:
    """Mean and spread per column; a column that never varies counts as spread 1."""
    spread = features.std(0, dtype=np.float64)
    return features.mean(0, dtype=np.float64), np.where(spread > 1e-9, spread, 1.0)
