"""Whether a draft is new: MinHash against what there is and against the run, ROUGE-L for questions.

Nearness is estimated from 128 hashes (standard error 0.035 at 0.8), without reading texts again.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.curation.matchers.minhash import MinHash, MinHashes
from app.curation.records import Record
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes

_BANDS, _ROWS = 16, 8
_TINY = 1e-9
# Odd multipliers that make one number of the hashes of a band.
_ODDS = np.random.Generator(np.random.PCG64(7)).integers(0, 2**63, _ROWS, np.uint64) * 2 + 1


class Seen:
    """Signatures of samples that there are, and which of them a new one is near to.

    What a dataset has is held in arrays, 700 bytes a sample; what a run makes in a dictionary.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        self._threshold = threshold
        self._method = MinHash(preset="short")
        self._blocks: list[tuple[Ints, MinHashes]] = []
        self._held: _Held | None = None
        self._made: dict[tuple[int, int], list[tuple[int, MinHashes]]] = defaultdict(list)

    def add(self, records: Sequence[Record]) -> None:
        """Know these samples; texts without words are never near to anything."""
        rows = [
            (record.id, signed)
            for record, signed in zip(records, self._sign(records), strict=True)
            if signed is not None
        ]
        if rows:
            ids = np.array([sample_id for sample_id, _ in rows], np.int64)
            self._blocks.append((ids, np.stack([signed for _, signed in rows])))
            self._held = None

    def learn(self, record: Record) -> None:
        """Know a draft of the run, whose id is 0, or a sample that came meanwhile."""
        (signed,) = self._sign([record])
        if signed is not None:
            for band, key in enumerate(_keys(signed[None])[0].tolist()):
                self._made[band, key].append((record.id, signed))

    def near(self, record: Record, apart_from: Sequence[int] = ()) -> tuple[int, float] | None:
        """The id of the nearest that is near enough, and how near; 0 is one of the run itself."""
        (signed,) = self._sign([record])
        if signed is None:
            return None
        if self._held is None:
            self._held = _Held(self._blocks)
            self._blocks = [(self._held.ids, self._held.signed)]
        keys = _keys(signed[None])[0]
        found = [
            (float((other == signed).mean()), sample_id)
            for sample_id, other in self._held.candidates(keys)
            if sample_id not in apart_from
        ]
        for band, key in enumerate(keys.tolist()):
            found += [
                (float((other == signed).mean()), sample_id)
                for sample_id, other in self._made.get((band, key), ())
                if not sample_id or sample_id not in apart_from
            ]
        best = max(found, default=(0.0, 0))
        return (best[1], best[0]) if best[0] >= self._threshold else None

    def _sign(self, records: Sequence[Record]) -> list[MinHashes | None]:
        raw = self._method.sign(Batch(records))
        return [np.frombuffer(one, np.uint32) if one else None for one in raw]


class _Held:
    """Signatures in arrays, the keys of each band sorted."""

    def __init__(self, blocks: Sequence[tuple[Ints, MinHashes]]) -> None:
        none = np.empty((0, _BANDS * _ROWS), np.uint32)
        self.ids = np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in blocks)])
        self.signed = np.concatenate([none, *(signed for _, signed in blocks)])
        keys = _keys(self.signed)
        self._order = np.argsort(keys, axis=0).astype(np.int32)
        self._keys = np.take_along_axis(keys, self._order, axis=0)

    def candidates(self, keys: Hashes) -> Iterator[tuple[int, MinHashes]]:
        """Samples that agree in a band."""
        places: set[int] = set()
        for band in range(_BANDS):
            first = np.searchsorted(self._keys[:, band], keys[band], "left")
            last = np.searchsorted(self._keys[:, band], keys[band], "right")
            places.update(self._order[first:last, band].tolist())
        for place in places:
            yield int(self.ids[place]), self.signed[place]


def _keys(signed: MinHashes) -> Hashes:
    """A number for each band of each row."""
    bands = signed.reshape(-1, _BANDS, _ROWS).astype(np.uint64)
    found: Hashes = (bands * _ODDS).sum(axis=2, dtype=np.uint64)
    return found


class Pool:
    """Questions by their words, and how near a new one comes to one of them by ROUGE-L.

    Which ones can be near enough is read from lists of the questions that have a word, all at
    once: among 52,000 that takes a millisecond or two.
    """

    def __init__(self) -> None:
        self._known: list[list[str]] = []
        self._lengths = array("i")
        self._having: dict[str, tuple[array[int], array[int]]] = {}  # questions, how often there

    def add(self, text: str) -> None:
        """Know this question."""
        words = text.lower().split()
        for word, count in Counter(words).items():
            places, counts = self._having.setdefault(word, (array("i"), array("i")))
            places.append(len(self._known))
            counts.append(count)
        self._known.append(words)
        self._lengths.append(len(words))

    def nearest(self, text: str, least: float) -> float:
        """The largest ROUGE-L (F measure) to a known one, 0 where none reaches `least`."""
        words = text.lower().split()
        most, best = self._bounds(words), 0.0
        found = np.flatnonzero(most >= max(least, _TINY))
        for place in found[np.argsort(-most[found])].tolist():
            if most[place] <= best:
                break
            other = self._known[place]
            best = max(best, 2 * _common(words, other) / (len(words) + len(other)))
        return best if best >= least else 0.0

    def _bounds(self, words: Sequence[str]) -> NDArray[np.float64]:
        """The most that ROUGE-L can be with each: words in common, in any order."""
        common = np.zeros(len(self._known), np.int64)
        for word, count in Counter(words).items():
            if word in self._having:
                places, counts = self._having[word]
                common[np.frombuffer(places, np.int32)] += np.minimum(
                    np.frombuffer(counts, np.int32), count
                )
        lengths = np.frombuffer(self._lengths, np.int32) if self._lengths else np.zeros(0, np.int32)
        found: NDArray[np.float64] = 2 * common / np.maximum(lengths + len(words), 1)
        return found


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for place, other in enumerate(second, start=1):
            before, row[place] = (
                row[place],
                before + 1 if word == other else max(row[place], row[place - 1]),
            )
    return row[-1]
