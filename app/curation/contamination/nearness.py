"""Items and texts as vectors: who is nearer than rows that have nothing to do with an item.

A cosine alone says little: short questions are near to everything, long ones to nothing. So each
item's cosines to rows of the dataset give a mean and a spread, and what counts is how far a text
stands out from them, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
Block = tuple[Places, Places, Floats]  # texts, items, cosines

FITTED_ROWS = 1000  # of the datasets that curves were fitted to
_ROWS = 256  # texts compared with all items at a time: 25,000 items take 26 MB
_LEAST_SPREAD = 0.02


@dataclass(frozen=True, slots=True)
class Curve:
    """How probable a hit is: logistic in the cosine and in how far it stands out.

    The weights were fitted to rephrased items of public benchmarks among rows of instruction sets.
    """

    cosine: float
    outstanding: float
    bias: float

    def likely(self, cosine: Floats, outstanding: Floats, rows: int) -> Floats:
        """Probabilities in a dataset of so many rows.

        An item leaks as often into a large dataset as into a small one, but the more rows there
        are, the nearer the nearest of them is by chance.
        """
        x = self.cosine * cosine + self.outstanding * outstanding + self.bias
        x = x - np.log(max(rows / FITTED_ROWS, 1.0))
        found: Floats = (1 / (1 + np.exp(-x))).astype(np.float32)
        return found

    def needed(self, mean: Floats, spread: Floats, likely: float) -> Floats:
        """The cosine at which a hit of each item becomes so probable among the fewest rows."""
        wanted = np.log(likely / (1 - likely)) - self.bias
        slope = self.cosine + self.outstanding / spread
        found: Floats = ((wanted + self.outstanding * mean / spread) / slope).astype(np.float32)
        return found


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and spread of each item's cosines to rows of the dataset."""

    mean: Floats
    spread: Floats

    FEWEST: ClassVar = 20  # fewer rows tell nothing of a spread

    @classmethod
    def of(cls, items: Floats, background: Floats) -> "Spread":
        """Measured on these unit vectors; with too few of them, what is usual."""
        if len(background) < cls.FEWEST:
            return cls.usual(len(items), 0.15, 0.12)
        # Through the moments of the rows: no table of items by rows is needed.
        squares = (background.T @ background) / len(background)
        second = np.einsum("ij,ij->i", items @ squares, items)
        return cls.of_moments(items @ background.mean(0), second)

    @classmethod
    def of_moments(cls, mean: NDArray[Any], squares: NDArray[Any]) -> "Spread":
        """From the means of cosines and of their squares."""
        spread = np.sqrt(np.maximum(squares - mean**2, 0))
        return cls(mean.astype(np.float32), np.maximum(spread, _LEAST_SPREAD).astype(np.float32))

    @classmethod
    def usual(cls, count: int, mean: float, spread: float) -> "Spread":
        """The same for all items."""
        return cls(np.full(count, mean, np.float32), np.full(count, spread, np.float32))


@dataclass(frozen=True, slots=True)
class Near:
    """An item near a text: cosine, and how probable it is that they are the same."""

    item: int
    text: int
    cosine: float
    likely: float


@dataclass(frozen=True, slots=True)
class Reference:
    """What cosines to items mean: their spread, the curve, the rows of the dataset."""

    spread: Spread
    curve: Curve
    rows: int

    def needed(self, least: float) -> Floats:
        """The cosine that a text needs to each item to be listed."""
        return self.curve.needed(self.spread.mean, self.spread.spread, least)

    def best(self, blocks: Iterable[Block], most: int) -> list[Near]:
        """Of these pairs the best few texts of each item."""
        parts = list(blocks)
        if not parts:
            return []
        rows, places, cosines = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((-cosines, places))
        rows, places, cosines = rows[order], places[order], cosines[order]
        first = np.searchsorted(places, places, side="left")
        keep = np.arange(len(places)) - first < most
        rows, places, cosines = rows[keep], places[keep], cosines[keep]
        outstanding = (cosines - self.spread.mean[places]) / self.spread.spread[places]
        likely = self.curve.likely(cosines, outstanding, self.rows)
        return [
            Near(int(item), int(text), float(cosine), float(chance))
            for item, text, cosine, chance in zip(places, rows, cosines, likely, strict=True)
        ]


def dense_blocks(texts: Floats, items: Floats, needed: Floats) -> Iterator[Block]:
    """Pairs of unit vectors that are near enough, some texts at a time."""
    for start in range(0, len(texts), _ROWS):
        cosines = texts[start : start + _ROWS] @ items.T
        rows, places = np.nonzero(cosines >= needed)
        yield rows + start, places, cosines[rows, places]
