"""Decision trees as flat arrays, walked without the library that grew them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.learners.base import Arrays, Floats, Scorer
from app.curation.learners.linear import sigmoid
from app.curation.text.jit import njit

Ints = NDArray[np.int64]
_LEAF = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes by number: go left where the feature is at most the bound; a leaf has feature -1."""

    features: NDArray[Any]
    bounds: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    values: NDArray[Any]


class Trees(Scorer):
    """The sum of all trees' leaves and a base; as a probability where `logistic`."""

    kind: ClassVar = "trees"

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    @classmethod
    def grown(cls, trees: Sequence[Tree], *, base: float, logistic: bool) -> "Trees":
        """The scorer of these trees."""
        sizes = [len(tree.features) for tree in trees]
        roots = np.cumsum([0, *sizes[:-1]])
        arrays: dict[str, NDArray[Any]] = {
            "roots": roots.astype(np.int64),
            "features": np.concatenate([tree.features for tree in trees]).astype(np.int64),
            "bounds": np.concatenate([tree.bounds for tree in trees]).astype(np.float64),
            "values": np.concatenate([tree.values for tree in trees]).astype(np.float64),
            "numbers": np.array([base, float(logistic)]),
        }
        for side in ("left", "right"):
            parts = [
                np.asarray(getattr(tree, side), np.int64) + root
                for tree, root in zip(trees, roots.tolist(), strict=True)
            ]
            arrays[side] = np.concatenate(parts)
        return cls(arrays)

    def score(self, features: Floats) -> Floats:
        """Walk every tree for every row."""
        one = self._arrays
        base, logistic = one["numbers"].tolist()
        nodes = (one["features"], one["bounds"], one["left"], one["right"], one["values"])
        rows = np.ascontiguousarray(features, np.float32)
        total = base + _walk(rows, one["roots"], *nodes)
        return sigmoid(total) if logistic else total

    def arrays(self) -> Arrays:
        """All nodes."""
        return self._arrays

    @classmethod
    def of(cls, arrays: Arrays) -> "Trees":
        """The scorer with these nodes."""
        return cls(arrays)


@njit
def _walk(
    rows: Floats, roots: Ints, features: Ints, bounds: Floats, left: Ints, right: Ints, leaf: Floats
) -> Floats:
    sums = np.zeros(len(rows), np.float64)
    for root in roots:
        for row in range(len(rows)):
            node = root
            while features[node] != _LEAF:
                small = rows[row, features[node]] <= bounds[node]
                node = left[node] if small else right[node]
            sums[row] += leaf[node]
    return sums
