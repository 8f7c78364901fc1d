"""Whether a draft is new: MinHash against what there is and against the run, ROUGE-L for questions.

Nearness is estimated from 128 hashes (standard error 0.035 at 0.8), without reading texts again.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from app.curation.matchers.minhash import MinHash, MinHashes
from app.curation.records import Record
from app.curation.signals.batch import Batch

_BANDS, _ROWS = 16, 8


class Seen:
    """Signatures of samples that there are, and which of them a new one is near to."""

    def __init__(self, threshold: float = 0.8) -> None:
        self._threshold = threshold
        self._method = MinHash(preset="short")
        self._buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        self._signed: list[MinHashes] = []
        self._ids: list[int] = []

    def add(self, records: Sequence[Record]) -> None:
        """Know these from now on; texts without words are never near to anything."""
        for record, signed in zip(records, self._sign(records), strict=True):
            if signed is not None:
                self._know(record.id, signed)

    def near(self, record: Record, apart_from: Sequence[int] = ()) -> tuple[int, float] | None:
        """The id of the nearest that is near enough, and how near; 0 is one of the run itself."""
        (signed,) = self._sign([record])
        if signed is None:
            return None
        places = {place for key in _keys(signed) for place in self._buckets.get(key, ())}
        found = [
            (float((self._signed[place] == signed).mean()), self._ids[place])
            for place in places
            if not self._ids[place] or self._ids[place] not in apart_from
        ]
        best = max(found, default=(0.0, 0))
        return (best[1], best[0]) if best[0] >= self._threshold else None

    def _know(self, sample_id: int, signed: MinHashes) -> None:
        for key in _keys(signed):
            self._buckets[key].append(len(self._ids))
        self._signed.append(signed)
        self._ids.append(sample_id)

    def _sign(self, records: Sequence[Record]) -> list[MinHashes | None]:
        raw = self._method.sign(Batch(records))
        return [np.frombuffer(one, np.uint32) if one else None for one in raw]


def _keys(signed: MinHashes) -> list[tuple[int, bytes]]:
    return [(band, signed[band * _ROWS : (band + 1) * _ROWS].tobytes()) for band in range(_BANDS)]


class Pool:
    """Questions by their words, and how near a new one comes to one of them by ROUGE-L."""

    def __init__(self) -> None:
        self._known: list[tuple[list[str], Counter[str]]] = []

    def add(self, text: str) -> None:
        """Know this question."""
        words = text.lower().split()
        self._known.append((words, Counter(words)))

    def nearest(self, text: str, least: float) -> float:
        """The largest ROUGE-L (F measure) to a known one, 0 where none reaches `least`."""
        words = text.lower().split()
        counts, best = Counter(words), 0.0
        for other, known in self._known:
            total = len(words) + len(other)
            most = 2 * sum((counts & known).values()) / total if total else 0.0
            if most >= max(least, best):  # in order there are not more than in any order
                best = max(best, 2 * _common(words, other) / total)
        return best if best >= least else 0.0


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
