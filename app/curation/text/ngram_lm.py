"""An n-gram language model over hashed words: interpolated Kneser-Ney, in sorted arrays.

Kneser and Ney, ICASSP 1995; the interpolated form and its discount as in Chen and Goodman, 1999,
section 3. A text is preceded by marks of its beginning; its end is not predicted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes

Floats = NDArray[np.float64]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)
# Of few or copied texts the estimate is 0 or 1: then nothing, or all, would be left to the unseen.
_LEAST = 0.1
_BEGIN = np.uint64(0x5851F42D4C957F2D)


@dataclass(frozen=True, slots=True)
class Words:
    """Hashed words of texts; those of text i are numbers `offsets[i]` to `offsets[i + 1]`."""

    hashes: Hashes
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Ints:
        """The text of each word."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    def of(self, chosen: NDArray[np.bool_]) -> "Words":
        """Some of the texts."""
        lengths = np.diff(self.offsets)
        offsets = np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64)
        return Words(self.hashes[np.repeat(chosen, lengths)], offsets)


def combined(left: Hashes, right: Hashes) -> Hashes:
    """One hash for a context and the word behind it."""
    value = (left * _BASE) ^ right
    value = (value ^ (value >> _SHIFT)) * _MIX
    return value ^ (value >> _SHIFT)


@dataclass(frozen=True, slots=True)
class Counts:
    """Sorted keys with a number each."""

    keys: Hashes
    numbers: NDArray[np.float32]

    @classmethod
    def of(cls, keys: Hashes, weights: NDArray[Any] | None = None) -> "Counts":
        """How often each key is there, or the sum of its weights."""
        if weights is None:
            found, counts = np.unique(keys, return_counts=True)
            return cls(found, counts.astype(np.float32))
        found, places = np.unique(keys, return_inverse=True)
        return cls(found, np.bincount(places, weights, len(found)).astype(np.float32))

    def look_up(self, keys: Hashes) -> Floats:
        """The number of each key, zero where it is not there."""
        if not len(self.keys):
            return np.zeros(len(keys))
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        there = self.keys[places] == keys
        return np.where(there, self.numbers[places], 0).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Level:
    """N-grams of one length: how often, the sum per context, the different words behind it."""

    grams: Counts
    totals: Counts
    kinds: Counts
    discount: float

    @classmethod
    def of(cls, grams: Counts, contexts: Hashes) -> "Level":
        """From the counts of n-grams and the context of each."""
        once, twice = int((grams.numbers == 1).sum()), int((grams.numbers == 2).sum())
        discount = once / max(once + 2 * twice, 1)
        discount = min(max(discount, _LEAST), 1 - _LEAST)
        return cls(grams, Counts.of(contexts, grams.numbers), Counts.of(contexts), discount)

    def probability(self, grams: Hashes, contexts: Hashes, lower: Floats) -> Floats:
        """What is discounted from n-grams that were seen goes to what the shorter context says."""
        totals = self.totals.look_up(contexts)
        seen = np.maximum(self.grams.look_up(grams) - self.discount, 0)
        spread = self.discount * self.kinds.look_up(contexts)
        known = totals > 0
        found = (seen + spread * lower) / np.where(known, totals, 1)
        return np.where(known, found, lower)


class NgramModel:
    """How probable words are after the words before them."""

    def __init__(self, levels: Sequence[Level]) -> None:
        self._levels = tuple(levels)

    @property
    def order(self) -> int:
        """The words an n-gram has."""
        return len(self._levels)

    @classmethod
    def fit(cls, words: Words, order: int) -> "NgramModel":
        """Count the n-grams of these texts; shorter ones count by what stands before them."""
        grams, contexts = _grams(words, order)
        levels: list[Level] = []
        keys, places, counts = np.unique(grams[-1], return_index=True, return_counts=True)
        known = Counts(keys, counts.astype(np.float32))
        for size in range(order, 0, -1):
            levels.append(Level.of(known, contexts[size - 1][places]))
            if size > 1:
                shorter = grams[size - 2][places]  # without their first word
                keys, first, counts = np.unique(shorter, return_index=True, return_counts=True)
                known, places = Counts(keys, counts.astype(np.float32)), places[first]
        return cls(levels[::-1])

    def probabilities(self, words: Words) -> Floats:
        """Of each word of the texts, after those before it."""
        grams, contexts = _grams(words, self.order)
        vocabulary = len(self._levels[0].grams.keys) + 1  # and one for all that was never seen
        found = np.full(len(words.hashes), 1.0 / vocabulary)
        for level, gram, context in zip(self._levels, grams, contexts, strict=True):
            found = level.probability(gram, context, found)
        return found

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """All of it as plain arrays."""
        held: dict[str, NDArray[Any]] = {"order": np.array(self.order)}
        for size, level in enumerate(self._levels):
            held[f"{size}.discount"] = np.array(level.discount)
            for name in _TABLES:
                table: Counts = getattr(level, name)
                held[f"{size}.{name}.keys"] = table.keys
                held[f"{size}.{name}.numbers"] = table.numbers
        return held

    @classmethod
    def of(cls, held: Mapping[str, NDArray[Any]]) -> "NgramModel":
        """What `arrays` gave."""
        return cls(
            [
                Level(
                    _table(held, f"{size}.grams"),
                    _table(held, f"{size}.totals"),
                    _table(held, f"{size}.kinds"),
                    float(held[f"{size}.discount"]),
                )
                for size in range(int(held["order"]))
            ]
        )


_TABLES = ("grams", "totals", "kinds")


def _table(held: Mapping[str, NDArray[Any]], name: str) -> Counts:
    return Counts(held[f"{name}.keys"], held[f"{name}.numbers"])


def _grams(words: Words, order: int) -> tuple[list[Hashes], list[Hashes]]:
    """For each size the n-gram that ends with each word, and its context."""
    starts = np.repeat(words.offsets[:-1], np.diff(words.offsets))
    inside = np.arange(len(words.hashes)) - starts  # how many words stand before it in its text
    none = np.zeros(1, np.uint64)
    grams, contexts = [words.hashes], [np.repeat(none, len(words.hashes))]
    opening = np.full(1, _BEGIN)
    for _ in range(1, order):
        before = np.concatenate([opening, grams[-1][:-1]])[: len(words.hashes)]
        context = np.where(inside == 0, opening, before)
        contexts.append(context)
        grams.append(combined(context, words.hashes))
        opening = combined(opening, np.full(1, _BEGIN))
    return grams, contexts
