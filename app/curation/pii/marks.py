"""Which lines may hold personal data: one compiled pass that spares most lines all patterns.

No pattern but that of private keys goes beyond its line.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.curation.text.characters import DIGIT, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Spans, Table, bits
from app.curation.text.jit import njit
from app.curation.text.phrases import find_phrases

AT_SIGN: Final = 1
NUMBER: Final = 2
LETTERED: Final = 4
COLONS: Final = 8
LONG_RUN: Final = 16
SECRET_WORD: Final = 32

_GAP: Final = 3
_LETTERS: Final = 2
_LETTERED_DIGITS: Final = 2
_NUMBER_DIGITS: Final = 7
_IP_DIGITS: Final = 4
_IP_DOTS: Final = 3
_COLONS: Final = 2
_RUN: Final = 16  # characters of the shortest key that is looked for
_SECRET_WORDS = (
    *("passw", "pwd", "secret", "token", "api_key", "apikey", "api-key", "api key"),
    *("access_key", "access key", "auth_key", "private key-----"),
)


def mark_lines(corpus: Corpus, lines: Spans) -> NDArray[np.uint8]:
    """Per line the bits of what it may hold."""
    marks = _mark_numbers(corpus.codes, classes(), lines.starts, lines.ends)
    marks |= _mark_runs(corpus.codes, classes(), lines.starts, lines.ends)
    worded = find_phrases(corpus.codes, lines.starts, lines.ends, _SECRET_WORDS)
    marks[worded != 0] |= SECRET_WORD
    return marks


@njit
def _mark_numbers(codes: Codes, table: Table, starts: Ints, ends: Ints) -> NDArray[np.uint8]:
    """Per line: digits enough and near enough, two letters before two digits."""
    marks = np.zeros(len(starts), np.uint8)
    for line in range(len(starts)):
        digits, dots, gap, letters, after = 0, 0, 0, 0, 0
        for at in range(starts[line], ends[line]):
            code = codes[at]
            if bits(codes, table, at) & DIGIT:
                digits, gap, after = digits + 1, 0, after + 1
                if after == _LETTERED_DIGITS and letters >= _LETTERS:
                    marks[line] |= LETTERED
                if digits >= _NUMBER_DIGITS or (digits >= _IP_DIGITS and dots >= _IP_DOTS):
                    marks[line] |= NUMBER
                continue
            after = 0
            # One space after capitals: "AB 12 34 56 C".
            if _is_letter(code):
                letters += 1
            elif code != ord(" ") or at == starts[line] or not _is_capital(codes[at - 1]):
                letters = 0
            if gap < _GAP and _separates(code):
                gap, dots = gap + 1, dots + (code == ord("."))
            else:
                digits = dots = gap = 0
    return marks


@njit
def _mark_runs(codes: Codes, table: Table, starts: Ints, ends: Ints) -> NDArray[np.uint8]:
    """Per line: an at sign, two colons, a run with a digit that is as long as a key."""
    marks = np.zeros(len(starts), np.uint8)
    for line in range(len(starts)):
        colons, run, run_digits = 0, 0, 0
        for at in range(starts[line], ends[line]):
            code = codes[at]
            if _in_key(code):
                run += 1
                run_digits += bits(codes, table, at) & DIGIT != 0
                marks[line] |= LONG_RUN if run >= _RUN and run_digits else 0
                continue
            run = run_digits = 0
            colons += code == ord(":")
            marks[line] |= (AT_SIGN if code == ord("@") else 0) | (
                COLONS if colons >= _COLONS else 0
            )
    return marks


@njit
def _separates(code: int) -> bool:
    """Whether this may stand between the digits of a number."""
    return code in (ord(" "), ord("."), ord("("), ord(")"), ord("-"))


@njit
def _is_capital(code: int) -> bool:
    return ord("A") <= code <= ord("Z")


@njit
def _is_letter(code: int) -> bool:
    return ord("A") <= code <= ord("Z") or ord("a") <= code <= ord("z")


@njit
def _in_key(code: int) -> bool:
    """Whether keys and tokens are written with this."""
    return (
        ord("A") <= code <= ord("Z")
        or ord("a") <= code <= ord("z")
        or ord("0") <= code <= ord("9")
        or code == ord("_")
        or code == ord("-")
    )
