"""Which places of two texts are the same: what a person looks at before one of them goes."""

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Corpus
from app.curation.text.shingles import Words, grams, words

# Runs of so many words are more than chance; shorter texts are compared by what they have.
_RUN = 3

Spans = tuple[tuple[int, int], ...]


def same_places(first: str, second: str, run: int = _RUN) -> tuple[Spans, Spans]:
    """Places (start, end) in each text whose runs of words stand in the other one too."""
    found = words(Corpus.of([first, second]))
    counts = np.diff(found.offsets)
    size = int(min(run, *counts))
    if not size:
        return (), ()
    hashes, offsets = grams(found, size)
    left, right = hashes[: offsets[1]], hashes[offsets[1] :]
    return (
        _spans(found, 0, np.isin(left, right), size, 0),
        _spans(found, 1, np.isin(right, left), size, len(first)),
    )


def _spans(found: Words, row: int, same: NDArray[np.bool_], size: int, base: int) -> Spans:
    """Places of runs that lie side by side or overlap, as one."""
    begin = found.offsets[row]
    covered = np.zeros(found.offsets[row + 1] - begin + 1, bool)
    for step in range(size):
        covered[step : step + len(same)] |= same
    covered[-1] = False
    edges = np.flatnonzero(np.diff(covered.astype(np.int8), prepend=0))
    starts, ends = edges[::2], edges[1::2]
    return tuple(
        (int(found.starts[begin + a]) - base, int(found.ends[begin + b - 1]) - base)
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    )
