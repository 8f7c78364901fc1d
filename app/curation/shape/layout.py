"""A map of vectors in two dimensions: laid out over some of them, the others put beside these.

Neighbours are kept by t-SNE (openTSNE: FIt-SNE, arXiv 1712.09005) over at most some ten thousand
vectors, begun from their principal components so that the whole keeps its order (Kobak and
Berens, 2019). Every further vector goes to where its nearest ones of these stand.
"""

import logging
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.float32]

SIDE = 65_535  # coordinates are whole numbers from 0 to it
MOST = 20_000  # vectors that are laid out: a minute on two cores
_WIDTH = 50  # components that neighbours are looked for in
_NEIGHBOURS = 5
_ALONE = 2_000  # so many vectors at most are laid out by one thread
_FEWEST = 12  # fewer distinct vectors have no neighbourhoods to speak of
_BLOCK = 2048
_GROUP = 64
_SHARP = 30.0  # how much nearer ones count: a neighbour at a cosine .1 less has 5 % of the say
_SAME = 1 - 1e-5


@dataclass(frozen=True)
class Layout:
    """Landmarks: their vectors, reduced and of unit length, and where they stand."""

    mean: Floats
    axes: Floats
    vectors: Floats
    places: Places

    @cached_property
    def spacing(self) -> NDArray[np.float64]:
        """How far the next landmark is from each on the map; 0 where there is no other."""
        from scipy.spatial import cKDTree  # noqa: PLC0415 - half a second that few jobs need

        if len(self.places) < 2:
            return np.zeros(len(self.places))
        away, _ = cKDTree(self.places).query(self.places, k=2)
        return np.asarray(away[:, 1])

    @classmethod
    def fit(cls, vectors: Floats, seed: int = 0) -> Self:
        """Lay out unit vectors; zeros (texts without words) and repeated ones are left out."""
        told = np.unique(vectors[vectors.any(1)], axis=0)
        if len(told) > MOST:
            told = told[np.sort(np.random.default_rng(seed).permutation(len(told))[:MOST])]
        mean = told.mean(0) if len(told) else np.zeros(vectors.shape[1], np.float32)
        axes = _components(told - mean)
        reduced = (told - mean) @ axes
        places = reduced[:, :2] if axes.shape[1] >= 2 else np.pad(reduced, ((0, 0), (0, 2)))[:, :2]
        if len(told) >= _FEWEST:
            places = _neighbourly(_unit(reduced), places, seed)
        return cls(mean, axes, _unit(reduced), _on_the_sheet(places))

    def place(self, vectors: Floats) -> Places:
        """Where vectors stand, shape (rows, 2); NaN for zeros, and where nothing was laid out."""
        found = np.full((len(vectors), 2), np.nan, np.float32)
        rows = np.flatnonzero(vectors.any(1))
        if not len(self.places):
            return found
        for at in range(0, len(rows), _BLOCK):
            some = rows[at : at + _BLOCK]
            found[some] = self._beside(_unit((vectors[some] - self.mean) @ self.axes))
        return found

    def _beside(self, vectors: Floats) -> Places:
        """Beside the nearest landmark, towards the mean of the nearest ones, the nearer the more.

        No farther than the next landmark of the map is: the mean of landmarks that stand far apart
        lies among strangers (5,000 rows of Alpaca beside 20,000 landmarks: trustworthiness 0.84 at
        the mean itself, 0.91 so). A landmark stays in its place.
        """
        which, cosines = _highest(vectors @ self.vectors.T, min(_NEIGHBOURS, len(self.vectors)))
        best = cosines.argmax(1)[:, np.newaxis]
        highest = np.take_along_axis(cosines, best, 1)
        weights = np.exp(_SHARP * (cosines - highest))
        weights /= weights.sum(1, keepdims=True)
        mixed = (self.places[which] * weights[:, :, np.newaxis]).sum(1)
        first = np.take_along_axis(which, best, 1)[:, 0]
        own, way = self.places[first], mixed - self.places[first]
        length = np.linalg.norm(way, axis=1)
        part = np.minimum(self.spacing[first] / np.where(length > 0, length, 1), 1)
        part[highest[:, 0] >= _SAME] = 0
        placed: Places = np.rint(own + part[:, np.newaxis] * way).astype(np.float32)
        return placed

    def to_bytes(self) -> bytes:
        """All of it, as it is stored; halves of floats do for neighbours."""
        shape = np.array([*self.axes.shape, len(self.vectors)], np.int64)
        parts = (self.mean, self.axes, self.vectors, self.places)
        return (
            shape.tobytes()
            + b"".join(one.astype(np.float16).tobytes() for one in parts[:3])
            + (parts[3].astype(np.uint16).tobytes())
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """What `to_bytes` wrote."""
        width, kept, count = np.frombuffer(raw, np.int64, 3).tolist()
        sizes = (width, width * kept, count * kept)
        halves = np.frombuffer(raw, np.float16, sum(sizes), offset=24).astype(np.float32)
        mean, axes, vectors = np.split(halves, np.cumsum(sizes)[:2])
        places = np.frombuffer(raw, np.uint16, 2 * count, offset=24 + 2 * sum(sizes))
        return cls(
            mean,
            axes.reshape(width, kept),
            _unit(vectors.reshape(count, kept)),
            places.astype(np.float32).reshape(count, 2),
        )


def _highest(near: Floats, count: int) -> tuple[NDArray[np.intp], Floats]:
    """The places of the `count` highest values of each row, and these values.

    They can only stand in the groups with the highest maxima, so these alone are sorted.
    """
    rows, width = near.shape
    if width > count * _GROUP:
        padded = np.full((rows, -(-width // _GROUP) * _GROUP), -2, np.float32)
        padded[:, :width] = near
        groups = padded.reshape(rows, -1, _GROUP)
        best = np.argpartition(groups.max(2), -count, axis=1)[:, -count:]
        some = np.take_along_axis(groups, best[:, :, np.newaxis], 1).reshape(rows, -1)
        of = (best[:, :, np.newaxis] * _GROUP + np.arange(_GROUP)).reshape(rows, -1)
    else:
        some, of = near, np.broadcast_to(np.arange(width), near.shape)
    inside = np.argpartition(some, -count, axis=1)[:, -count:]
    return np.take_along_axis(of, inside, 1), np.take_along_axis(some, inside, 1)


def _components(centred: Floats) -> Floats:
    """The first principal components as columns, signs fixed so that a map is the same again."""
    kept = min(_WIDTH, *centred.shape)
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, np.argsort(-values)[:kept]].astype(np.float32)
    if not kept:
        return axes[:, :0]
    largest = axes[np.argmax(np.abs(axes), axis=0), np.arange(kept)]
    signed: Floats = axes * np.sign(largest)
    return signed


def _unit(vectors: NDArray[Any]) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def _neighbourly(vectors: Floats, start: Places, seed: int) -> NDArray[Any]:
    """Where t-SNE moves the first two components."""
    # Threads that wait for each other must not spin: other workers need the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from openTSNE import TSNE  # noqa: PLC0415 - compiled code that few jobs need

    logging.getLogger("openTSNE").setLevel(logging.WARNING)  # it tells of every step
    spread = start.std()
    model = TSNE(
        perplexity=min(30, (len(vectors) - 1) / 3),
        initialization=start / (spread if spread > 0 else 1) * 1e-4,
        metric="cosine",
        n_jobs=(os.cpu_count() or 1) if len(vectors) > _ALONE else 1,
        random_state=seed,
    )
    return np.asarray(model.fit(vectors))


def _on_the_sheet(places: NDArray[Any]) -> Places:
    """Whole coordinates within a margin; both axes keep their scale, and the middle is the middle.

    A few points far outside would press all others together: beyond the 0.1 % at each end they
    stand on the margin.
    """
    if not len(places):
        return np.zeros((0, 2), np.float32)
    low, high = np.quantile(places, (0.001, 0.999), axis=0)
    span = max(float((high - low).max()), 1e-9)
    scaled = (places - (low + high) / 2) / span * (0.92 * SIDE) + SIDE / 2
    found: Places = np.rint(np.clip(scaled, 0.02 * SIDE, 0.98 * SIDE)).astype(np.float32)
    return found
