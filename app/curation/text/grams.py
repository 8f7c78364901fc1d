"""Words and pieces of words as hashed features, of texts that may hide what they say.

Capitals, digits and signs in place of letters ("1d10t"), letters drawn out ("stuuupid") or set
apart ("d u m b") give the same features as the plain word. Written once for the script that learns
weights and for the signal that applies them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Codes, Ints
from app.curation.text.jit import njit

BUCKETS: Final = 1 << 17
_BASIS: Final = 2166136261
_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF
_BIGRAM: Final = 0x9E3779B1
_LONGEST: Final = 24  # letters of a word that are looked at
_SHORTEST_GRAM, _LONGEST_GRAM = 3, 5
_PAD: Final = 94  # stands before and behind a word
_DRAWN_OUT: Final = 3  # equal letters in a row
# Looks of letters: 0 o, 1 i, 3 e, 4 a, 5 s, 7 t, @ a, $ s, ! i, | i.
_LOOKS: Final = (
    (48, 111),
    (49, 105),
    (51, 101),
    (52, 97),
    (53, 115),
    (55, 116),
    (64, 97),
    (36, 115),
    (33, 105),
    (124, 105),
)
_STAR: Final = 42
_WINDOW: Final = 60  # characters after which a window ends with its sentence
_LONGEST_WINDOW: Final = 400

Features = NDArray[np.uint32]


def room_for(longest: int) -> Features:
    """A buffer for the features of a span of so many characters."""
    return np.empty(8 * longest + 16, np.uint32)


@njit
def letter_of(codes: Codes, at: int, end: int) -> int:
    """The small letter that stands here or that a sign stands for; 0 between words."""
    code = int(codes[at])
    if ord("A") <= code <= ord("Z"):
        return code | 32
    if ord("a") <= code <= ord("z") or code == _STAR or code >= 0xC0:
        return code
    for sign, letter in _LOOKS:
        if code == sign:
            # An exclamation mark behind a word is no letter.
            last = at + 1 == end or not _is_latin(int(codes[at + 1]))
            return 0 if code in (33, 124) and last else letter
    return 0


@njit
def _is_latin(code: int) -> bool:
    return ord("a") <= (code | 32) <= ord("z") or ord("0") <= code <= ord("9")


@njit
def features(codes: Codes, start: int, end: int, out: Features) -> int:
    """Write the features of a span into `out`; how many there are."""
    word = np.empty(_LONGEST + 2, np.uint32)
    word[0] = _PAD
    count, length, before, apart, run = 0, 0, 0, 0, 0
    at = start
    while at <= end:
        letter = letter_of(codes, at, end) if at < end else 0
        if letter:
            run = run + 1 if length > 0 and int(word[length]) == letter else 1
            if run == _DRAWN_OUT:
                length -= 1
            elif run < _DRAWN_OUT and length < _LONGEST:
                length += 1
                word[length] = letter
            at += 1
            continue
        if length > apart:
            single = length - apart == 1
            joined = single and at + 1 < end and letter_of(codes, at + 1, end) != 0
            # One letter, a gap, one letter, a gap: the word goes on.
            if joined and (at + 2 >= end or letter_of(codes, at + 2, end) == 0):
                apart = length
                at += 1
                continue
            count, before = _word(word, length, before, out, count)
        length = apart = 0
        at += 1
    return count


@njit
def _word(word: Features, length: int, before: int, out: Features, count: int) -> tuple[int, int]:
    """The features of a word behind another one, whose hash is `before`."""
    word[length + 1] = _PAD
    whole = _hash(word, 0, length + 2)
    out[count] = whole & (BUCKETS - 1)
    out[count + 1] = ((before * _BIGRAM) ^ whole) & (BUCKETS - 1)
    count += 2
    for size in range(_SHORTEST_GRAM, _LONGEST_GRAM + 1):
        for first in range(length + 3 - size):
            # Pieces are apart from whole words of the same letters.
            out[count] = (_hash(word, first, first + size) ^ size) & (BUCKETS - 1)
            count += 1
    return count, whole


@njit
def _hash(word: Features, first: int, last: int) -> int:
    found = _BASIS
    for place in range(first, last):
        found = ((found ^ int(word[place])) * _PRIME) & _MASK
    return found


@njit
def next_window(codes: Codes, start: int, end: int) -> int:
    """Where the window that begins here ends: with a sentence or a line, once it is long enough."""
    at = start
    while at < end and at - start < _LONGEST_WINDOW:
        code = codes[at]
        at += 1
        if at - start >= _WINDOW and code in (10, 46, 33, 63):
            return at
    return at


@njit
def scored_windows(
    codes: Codes, start: int, end: int, weights: NDArray[np.float32], bias: float, room: Features
) -> tuple[Ints, NDArray[np.float64]]:
    """Ends of the windows of a span, and the weight of each, its features scaled to length one."""
    ends = np.empty((end - start) // _WINDOW + 2, np.int64)
    found = np.empty(len(ends), np.float64)
    number = 0
    while start < end:
        stop = next_window(codes, start, end)
        count = features(codes, start, stop, room)
        total = 0.0
        for each in range(count):
            total += weights[room[each]]
        ends[number], found[number] = stop, bias + (total / np.sqrt(count) if count else 0.0)
        number += 1
        start = stop
    return ends[:number], found[:number]
