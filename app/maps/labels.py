"""Where the names of values stand on a map: each where most of its points are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CELLS = 24  # in a row of the grid in which points are counted
_SPAN = 65_536 // _CELLS + 1
_MOST = 60


def labels(
    values: NDArray[Any], words: Sequence[str | None], x: NDArray[Any], y: NDArray[Any]
) -> list[dict[str, Any]]:
    """Name, place (0 to 65,535) and number of points of the most frequent values, largest first.

    `values` are places in `words`, one per point; a word that is None names nothing.
    """
    cells = (y.astype(np.int64) // _SPAN) * _CELLS + x.astype(np.int64) // _SPAN
    keys = values.astype(np.int64) * _CELLS * _CELLS + cells
    found, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    across = np.bincount(inverse, x, len(found)) / counts
    up = np.bincount(inverse, y, len(found)) / counts
    owners = found // (_CELLS * _CELLS)
    total = np.bincount(values, minlength=len(words))
    named = [one for one in np.argsort(-total, kind="stable").tolist() if words[one] is not None]
    densest = {int(owners[at]): at for at in np.argsort(counts, kind="stable").tolist()}
    return [
        {
            "name": words[one],
            "x": round(float(across[densest[one]])),
            "y": round(float(up[densest[one]])),
            "count": int(total[one]),
        }
        for one in named[:_MOST]
        if one in densest
    ]
