"""Which of some phrases each span of a corpus holds: one compiled pass for all of them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Codes, Corpus, Ints
from app.curation.text.jit import njit

_ASCII: Final = 128
_KELVIN: Final = 0x212A


def find_phrases(codes: Codes, starts: Ints, ends: Ints, phrases: Sequence[str]) -> Ints:
    """Per span a bit for each phrase in it, in capitals or not, as `phrase in span.lower()`.

    At most 63 phrases of two characters or more, in lower case ASCII.
    """
    wanted = Corpus.of(phrases)
    letters = np.zeros((2, _ASCII), np.int64)
    for each, phrase in enumerate(phrases):
        for place in (0, 1):
            for letter in {phrase[place], phrase[place].upper()}:
                letters[place, ord(letter)] |= 1 << each
    return _find(codes, starts, ends, letters, wanted.codes, wanted.offsets)


@njit
def _find(
    codes: Codes, starts: Ints, ends: Ints, letters: NDArray[np.int64], phrases: Codes, bounds: Ints
) -> Ints:
    """`letters` has the phrases by first and by second letter: few places are looked at closer."""
    found = np.zeros(len(starts), np.int64)
    for row in range(len(starts)):
        for at in range(starts[row], ends[row] - 1):
            code, after = codes[at], codes[at + 1]
            if code >= _ASCII or letters[0, code] == 0:
                continue
            likely = letters[0, code] & (letters[1, after] if after < _ASCII else -1)
            each = 0
            while likely:
                if likely & 1 and _is_phrase(
                    codes, at, ends[row], phrases, bounds[each], bounds[each + 1]
                ):
                    found[row] |= 1 << each
                likely >>= 1
                each += 1
    return found


@njit
def _is_phrase(codes: Codes, at: int, end: int, phrases: Codes, first: int, last: int) -> bool:
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
