"""Near-duplicates by MinHash: signatures of word n-grams, bands, and Jaccard to verify."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Pairs, Read, Signed, Similarities
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Corpus, Ints
from app.curation.text.hashing import Hashes
from app.curation.text.jit import njit
from app.curation.text.shingles import composed, grams, jaccard, joined, sets, words

MinHashes = NDArray[np.uint32]
_STEP = 5000  # records that are read at once to verify
_ROUNDS = 8  # of giving those that a large bucket's best did not take to the next best
_MULTIPLY: Final = np.uint32(0x85EBCA6B)
_SHIFT: Final = np.uint32(15)


Preset = Literal["short", "fineweb", "lee", "sensitive"]


class Bands(NamedTuple):
    """Bands, rows per band, words per n-gram, least Jaccard; whether pairs are verified."""

    bands: int
    rows: int
    ngram: int
    threshold: float
    verify: bool


PRESETS: Mapping[Preset, Bands] = {
    "short": Bands(16, 8, 5, 0.8, verify=True),
    "fineweb": Bands(14, 8, 5, 0.0, verify=False),
    "lee": Bands(450, 20, 5, 0.8, verify=True),
    "sensitive": Bands(42, 3, 5, 0.5, verify=True),
}


class MinHash(Matcher):
    """Samples that share most of their runs of five words.

    Each text gets a signature of its n-grams (arXiv 2107.06499); two texts that agree in all rows
    of one band are compared: of similarity s the share 1-(1-s^rows)^bands. `short`: 16 bands of 8
    rows, then the Jaccard similarity of the n-grams must reach the threshold of 0.8. `fineweb`
    (arXiv 2406.17557): 14 bands of 8 rows, nothing verified. `lee`: 450 bands of 20 rows, then
    0.8. `sensitive`: 42 bands of 3 rows, then 0.5. A text of fewer words is one n-gram of all it
    has. Words count without case and marks.
    """

    key: ClassVar = "minhash"
    title: ClassVar = "MinHash"
    measure: ClassVar = "Jaccard"

    preset: Preset = Field("short", description="Where what is not given below is taken from.")
    bands: int | None = Field(None, ge=1, le=1000, description="Bands of a signature.")
    rows: int | None = Field(None, ge=1, le=64, description="Hashes per band.")
    ngram: int | None = Field(None, ge=1, le=20, description="Words per n-gram.")
    threshold: float | None = Field(
        None, ge=0, le=1, description="Least Jaccard similarity of a pair."
    )
    verify: Literal["preset", "yes", "no"] = Field(
        "preset", description="Compare the n-grams themselves, not only their signatures."
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="Which hash functions are drawn.")

    def settled(self) -> Bands:
        """All parameters, those that are not given as the preset has them."""
        base = PRESETS[self.preset]
        verify = None if self.verify == "preset" else self.verify == "yes"
        return Bands(
            bands=base.bands if self.bands is None else self.bands,
            rows=base.rows if self.rows is None else self.rows,
            ngram=base.ngram if self.ngram is None else self.ngram,
            threshold=base.threshold if self.threshold is None else self.threshold,
            verify=base.verify if verify is None else verify,
        )

    def signed_by(self) -> dict[str, Any]:
        hashes = self.signed_width() // 4
        return {"seed": self.seed, "ngram": self.settled().ngram, "hashes": hashes}

    def signed_width(self) -> int:
        settled = self.settled()
        return 4 * settled.bands * settled.rows

    def least(self) -> float:
        return self.settled().threshold

    def recall(self, similarity: float) -> float:
        settled = self.settled()
        return float(1 - (1 - similarity**settled.rows) ** settled.bands)

    def sign(self, batch: Batch) -> list[bytes]:
        flat, offsets = self.grams(batch)
        count = self.signed_width() // 4
        signed = _sign(flat, offsets, *_functions(count, self.seed))
        empty = np.diff(offsets) == 0
        return [b"" if none else row.tobytes() for none, row in zip(empty, signed, strict=True)]

    def grams(self, batch: Batch) -> tuple[Hashes, Ints]:
        """Hashes of what is compared, in the order of the text, and where each record begins."""
        corpus = Corpus.of([composed(text) for text in batch.texts])
        return grams(words(corpus), self.settled().ngram)

    def find(self, signed: Signed, read: Read) -> Pairs:
        rows, data = signed.whole(self.signed_width())
        hashes = np.ascontiguousarray(data).view(np.uint32)
        reference = signed.reference[rows]
        settled = self.settled()
        found, left = Pairs.none(), np.arange(len(rows))
        for _ in range(_ROUNDS):  # pragma: no branch - few crowds take more than two
            places, hubs = _candidates(hashes, left, reference, settled)
            fresh = np.setdiff1d(places, found.first * len(rows) + found.second)
            first, second = fresh // max(len(rows), 1), fresh % max(len(rows), 1)
            similarity = (
                self._verified(rows, first, second, read)
                if settled.verify
                else _estimated(hashes, first, second)
            )
            found += Pairs(first, second, similarity).where(similarity >= settled.threshold)
            if not len(hubs):
                break
            left = np.setdiff1d(_alone(found, left), hubs)
        return Pairs(rows[found.first], rows[found.second], found.similarity)

    def _verified(self, rows: Ints, first: Ints, second: Ints, read: Read) -> Similarities:
        """The Jaccard similarity of the n-grams themselves, of the records that are in a pair."""
        needed = np.unique(np.concatenate([first, second]))
        starts = range(0, len(needed), _STEP)
        blocks = (rows[needed[start : start + _STEP]] for start in starts)
        held = joined(sets(*self.grams(read(block))) for block in blocks)
        return jaccard(held, np.searchsorted(needed, first), np.searchsorted(needed, second))


def _functions(count: int, seed: int) -> tuple[MinHashes, MinHashes]:
    """Random hash functions of 32 bits; fewer of them are the beginning of more."""
    drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, 2**32, (count, 2), np.uint32)
    return np.ascontiguousarray(drawn[:, 0]), np.ascontiguousarray(drawn[:, 1]) | np.uint32(1)


@njit
def _sign(flat: Hashes, offsets: Ints, salts: MinHashes, odds: MinHashes) -> MinHashes:
    signed = np.full((len(offsets) - 1, len(salts)), 0xFFFFFFFF, np.uint32)
    for row in range(len(signed)):
        least = signed[row]
        for at in range(offsets[row], offsets[row + 1]):
            gram = np.uint32(flat[at])
            for number in range(len(salts)):
                value = np.uint32((gram ^ salts[number]) * odds[number])
                value = np.uint32((value ^ (value >> _SHIFT)) * _MULTIPLY)
                least[number] = min(value, least[number])
    return signed


@njit
def _band_keys(hashes: MinHashes, rows: Ints, first: int, size: int) -> Hashes:
    """One number for the hashes of a band of each row."""
    keys = np.empty(len(rows), np.uint64)
    for place in range(len(rows)):
        value = np.uint64(0xCBF29CE484222325)
        for at in range(first, first + size):
            value = (value ^ np.uint64(hashes[rows[place], at])) * np.uint64(0x9E3779B97F4A7C15)
            value ^= value >> np.uint64(32)
        keys[place] = value
    return keys


def _candidates(
    hashes: MinHashes, rows: Ints, reference: NDArray[np.bool_], settled: Bands
) -> tuple[Ints, Ints]:
    """Pairs (first * all rows + second) that agree in a band; the best rows of large buckets."""
    held, hubs = np.empty(0, np.int64), [np.empty(0, np.int64)]
    for band in range(settled.bands):
        keys = _band_keys(hashes, rows, band * settled.rows, settled.rows)
        found, best = buckets.pairs(keys, reference[rows])
        here = max(len(rows), 1)
        held = np.union1d(held, rows[found // here] * len(hashes) + rows[found % here])
        hubs.append(rows[best])
    return held, np.unique(np.concatenate(hubs))


def _alone(found: Pairs, among: Ints) -> Ints:
    """The rows that neither lead others nor go with one."""
    rows = int(among.max(initial=-1)) + 1
    rows = max(rows, int(found.second.max(initial=-1)) + 1)
    leader, _ = buckets.stars(rows, found.first, found.second, found.similarity)
    taken = leader != np.arange(rows)
    taken[leader[taken]] = True
    alone: Ints = among[~taken[among]]
    return alone


def _estimated(hashes: MinHashes, first: Ints, second: Ints) -> Similarities:
    """The share of equal hashes, which estimates the Jaccard similarity."""
    found = np.empty(len(first), np.float32)
    for start in range(0, len(first), _STEP):
        some = slice(start, start + _STEP)
        found[some] = (hashes[first[some]] == hashes[second[some]]).mean(axis=1)
    return found
