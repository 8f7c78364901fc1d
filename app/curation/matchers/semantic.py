"""Samples that mean the same: vectors that point the same way."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Pairs, Read, Signed
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes

Vectors = NDArray[np.float32]
_BLOCK = 1024
_WHOLE = 60_000  # rows that are all compared with all: some 15 s on two cores
_LEARN = 50_000  # rows that the cells are learned from


class Semantic(Matcher):
    """Samples whose vectors have a cosine of 0.9 or more, whatever their words.

    Up to 60,000 samples all are compared with all. Of more, samples are put into their two nearest
    of as many cells as the root of their number, and compared within cells (in the manner of
    SemDeDup, arXiv 2303.09540): some pairs at the borders are missed. Near in meaning is not the
    same: look at what is found before it goes, and set the threshold by it.
    """

    key: ClassVar = "semantic"
    title: ClassVar = "Meaning"
    embeds: ClassVar = True
    measure: ClassVar = "cosine"

    tier: Literal["static", "transformer"] = Field(
        "static", description="Static for whole catalogs on a CPU, transformer where it matters."
    )
    threshold: float = Field(0.9, ge=0, le=1, description="Least cosine of a pair.")
    cells: int = Field(
        0, ge=0, le=100_000, description="Cells to compare within; 0: all with all, or the root."
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="Where the search for cells begins.")

    def least(self) -> float:
        return self.threshold

    def sign(self, batch: Batch) -> list[bytes]:
        """Nothing: the embedder makes the vectors."""
        return [b""] * len(batch)

    def find(self, signed: Signed, read: Read) -> Pairs:  # noqa: ARG002 - vectors tell all
        width = int(np.diff(signed.offsets).max(initial=0))
        if not width:
            return Pairs.none()
        rows, data = signed.whole(width)
        vectors = np.ascontiguousarray(data).view(np.float16).astype(np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        reference = signed.reference[rows]
        same = _equal(data, reference)
        left = np.setdiff1d(np.arange(len(rows)), same.second) if len(same) else None
        places = np.arange(len(rows)) if left is None else left
        found = same
        for some in self._cells(vectors, places):
            found += self._within(vectors, reference, some)
        pairs = _distinct(found, len(rows))
        return Pairs(rows[pairs.first], rows[pairs.second], pairs.similarity)

    def _cells(self, vectors: Vectors, places: Ints) -> Iterator[Ints]:
        """The rows to compare with each other, the best ranked first."""
        if not self.cells and len(places) <= _WHOLE:
            yield places
            return
        from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - a second to load

        count = min(self.cells or round(len(places) ** 0.5), len(places))
        drawn = np.random.Generator(np.random.PCG64(self.seed)).permutation(len(places))
        learned = MiniBatchKMeans(count, random_state=self.seed, n_init=1, batch_size=4096)
        centres = learned.fit(vectors[places[drawn[:_LEARN]]]).cluster_centers_.T
        nearest = np.empty((len(places), min(2, count)), np.int64)
        for start in range(0, len(places), _BLOCK):
            block = slice(start, start + _BLOCK)
            far = -(vectors[places[block]] @ centres)
            nearest[block] = np.argsort(far, axis=1)[:, : nearest.shape[1]]
        for cell in range(count):
            yield places[(nearest == cell).any(axis=1)]

    def _within(self, vectors: Vectors, reference: NDArray[np.bool_], places: Ints) -> Pairs:
        """Pairs of these rows. A row that goes with a better one and with many others adds none."""
        across = bool(reference.any())
        taken = np.zeros(len(places), bool)
        first, second, near = [], [], []
        for start in range(0, len(places), _BLOCK):
            block = places[start : start + _BLOCK]
            cosine = vectors[block] @ vectors[places[start:]].T
            alike = cosine >= self.threshold
            if across:
                alike &= reference[block][:, np.newaxis] != reference[places[start:]]
            for row in np.flatnonzero(alike.any(axis=1)).tolist():
                others = np.flatnonzero(alike[row, row + 1 :]) + row + 1
                if len(others) and not (taken[start + row] and len(others) > buckets.SMALL):
                    taken[start + others] = True
                    first.append(np.full(len(others), block[row]))
                    second.append(places[start + others])
                    near.append(np.minimum(cosine[row, others], 1))
        if not first:
            return Pairs.none()
        return Pairs(np.concatenate(first), np.concatenate(second), np.concatenate(near))


def _equal(data: NDArray[np.uint8], reference: NDArray[np.bool_]) -> Pairs:
    """Rows with the very same vector: one of them is compared with the rest."""
    keys: Hashes = np.array([hash(row.tobytes()) for row in data], np.int64).view(np.uint64)
    found, _ = buckets.pairs(keys, reference, small=1)
    first, second = found // len(data), found % len(data)
    same = (data[first] == data[second]).all(axis=1)
    return Pairs(first[same], second[same], np.ones(int(same.sum()), np.float32))


def _distinct(pairs: Pairs, rows: int) -> Pairs:
    """Each pair once: two rows may share two cells."""
    _, places = np.unique(pairs.first * rows + pairs.second, return_index=True)
    chosen = np.zeros(len(pairs), bool)
    chosen[places] = True
    return pairs.where(chosen)
