"""Which of some phrases each text holds: one compiled pass instead of a search per phrase."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Codes, Corpus, Ints
from app.curation.text.jit import njit

_ASCII = 128
_KELVIN = 0x212A


def find_phrases(corpus: Corpus, phrases: Sequence[str]) -> Ints:
    """Per text a bit for each phrase in it, in capitals or not; phrases are lower case ASCII.

    At most 63 phrases. The same as `phrase in text.lower()`, without its copies.
    """
    wanted = Corpus.of(phrases)
    return _find(corpus.codes, corpus.offsets, wanted.codes, wanted.offsets)


@njit
def _find(codes: Codes, offsets: Ints, phrases: Codes, bounds: Ints) -> Ints:
    found = np.zeros(len(offsets) - 1, np.int64)
    firsts = _by_first_letter(phrases, bounds)
    for row in range(len(found)):
        for at in range(offsets[row], offsets[row + 1]):
            code = codes[at]
            if code >= _ASCII or firsts[code] == 0:
                continue
            for each in range(len(bounds) - 1):
                if firsts[code] >> each & 1 and is_phrase(
                    codes, at, offsets[row + 1], phrases, bounds[each], bounds[each + 1]
                ):
                    found[row] |= 1 << each
    return found


@njit
def _by_first_letter(phrases: Codes, bounds: Ints) -> NDArray[np.int64]:
    """Per ASCII character a bit for each phrase that begins with it."""
    firsts = np.zeros(_ASCII, np.int64)
    for each in range(len(bounds) - 1):
        letter = phrases[bounds[each]]
        firsts[letter] |= 1 << each
        if ord("a") <= letter <= ord("z"):
            firsts[letter - 32] |= 1 << each
    return firsts


@njit
def is_phrase(codes: Codes, at: int, end: int, phrases: Codes, first: int, last: int) -> bool:
    """Whether the phrase `phrases[first:last]` stands here, in capitals or not."""
    if end - at < last - first:
        return False
    for place in range(last - first):
        code = codes[at + place]
        if ord("A") <= code <= ord("Z"):
            code |= 32
        # The Kelvin sign is the one other character whose small letter is ASCII.
        elif code == _KELVIN:
            code = ord("k")
        if code != phrases[first + place]:
            return False
    return True
