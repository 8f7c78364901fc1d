"""N-grams of the words of benchmark items, and where texts have the same."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)
NONE = 0  # the number of words that no item has


@dataclass(slots=True)
class Shared:
    """The places at which a text and an item have n-grams in common."""

    text: int
    item: int
    text_starts: list[int] = field(default_factory=list)
    item_starts: list[int] = field(default_factory=list)


class Vocabulary:
    """Words of items by number; all others are one and the same."""

    def __init__(self, items: Sequence[Sequence[str]]) -> None:
        words = dict.fromkeys(word for item in items for word in item)
        self._numbers: Mapping[str, int] = {word: at for at, word in enumerate(words, start=1)}

    def lettered(self) -> NDArray[np.bool_]:
        """By number, whether a word has letters."""
        told = [not word.isdecimal() for word in self._numbers]
        return np.array([False, *told])

    def numbers(self, texts: Sequence[Sequence[str]]) -> tuple[Ints, Ints]:
        """Numbers of all words one behind the other, and where each text begins."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(one) for one in texts], out=offsets[1:])
        get = self._numbers.get
        flat = (get(word, NONE) for one in texts for word in one)
        return np.fromiter(flat, np.int64, int(offsets[-1])), offsets


class Grams:
    """An index of the n-grams of items, without those that are common or allowed.

    `lettered` is how many of its words have a letter at least: lists of numbers are no questions.
    """

    def __init__(
        self,
        items: Sequence[Sequence[str]],
        size: int,
        *,
        most_items: int,
        ignored: Sequence[Sequence[str]] = (),
        lettered: int = 0,
    ) -> None:
        self.size = size
        self._items = items
        self._vocabulary = Vocabulary(items)
        numbers, offsets = self._vocabulary.numbers(items)
        keys, owners, starts = _windows(numbers, offsets, size)
        if lettered:
            told = self._vocabulary.lettered()[numbers]
            sums = np.concatenate([[0], np.cumsum(told)])
            at = offsets[owners] + starts
            enough = sums[at + size] - sums[at] >= lettered
            keys, owners, starts = keys[enough], owners[enough], starts[enough]
        order = np.lexsort((starts, owners, keys))
        keys, self._owners, self._starts = keys[order], owners[order], starts[order]
        self._keys, first, count = np.unique(keys, return_index=True, return_counts=True)
        self._first, self._count = first.astype(np.int64), count.astype(np.int64)
        self._count[self._common(most_items)] = 0
        if ignored:
            keys_, _, _ = _windows(*self._vocabulary.numbers(ignored), size)
            self._count[np.isin(self._keys, keys_)] = 0

    def _common(self, most_items: int) -> NDArray[np.bool_]:
        """N-grams of more items than so many: a template, not a question."""
        before = np.ones(len(self._owners), bool)
        before[1:] = self._owners[1:] != self._owners[:-1]
        before[self._first] = True
        items = np.add.reduceat(before, self._first) if len(self._first) else self._count
        return np.asarray(items > most_items)

    def shared(self, texts: Sequence[Sequence[str]]) -> Iterator[Shared]:
        """What texts share with items, compared word by word: equal hashes may deceive."""
        keys, owners, starts = _windows(*self._vocabulary.numbers(texts), self.size)
        if not len(self._keys):
            return
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        found = np.flatnonzero((self._keys[at] == keys) & (self._count[at] > 0))
        pairs: dict[tuple[int, int], Shared] = defaultdict()
        for place in found.tolist():
            text, start, key = int(owners[place]), int(starts[place]), at[place]
            words = texts[text][start : start + self.size]
            for each in range(self._first[key], self._first[key] + self._count[key]):
                item, there = int(self._owners[each]), int(self._starts[each])
                if self._items[item][there : there + self.size] == words:
                    pair = pairs.setdefault((text, item), Shared(text, item))
                    pair.text_starts.append(start)
                    pair.item_starts.append(there)
        yield from pairs.values()


def _windows(numbers: Ints, offsets: Ints, size: int) -> tuple[Keys, Ints, Ints]:
    """Hash, text and place of every n-gram that has only words of items."""
    count = max(len(numbers) - size + 1, 0)
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[:count]
    places = np.arange(count)
    ends = offsets[1:][owners] if count else places
    known = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(numbers != NONE, out=known[1:])
    whole = (places + size <= ends) & (known[places + size] - known[places] == size)
    keys = np.zeros(count, np.uint64)
    for step in range(size):
        keys = (keys ^ numbers[step : step + count].astype(np.uint64)) * np.uint64(_BASE)
        keys = (keys ^ (keys >> _SHIFT)) * _MIX
    return keys[whole], owners[whole], (places - offsets[owners])[whole]
