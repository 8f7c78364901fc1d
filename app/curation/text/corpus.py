"""Texts of a batch as one array of code points, and their lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.curation.text.characters import LINE_END, SPACE, TABLE_SIZE, classes
from app.curation.text.jit import njit

Codes = NDArray[np.uint32]
Ints = NDArray[np.int64]
Table = NDArray[np.uint16]

_NEWLINE = 10
_RETURN = 13
_LAST = TABLE_SIZE - 1


@dataclass(frozen=True, slots=True)
class Corpus:
    """Text i is `codes[offsets[i]:offsets[i + 1]]`; lone surrogates and NUL are kept."""

    codes: Codes
    offsets: Ints

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Corpus":
        """Lay the texts end to end."""
        raw = "".join(texts).encode("utf-32-le", "surrogatepass")
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        return cls(np.frombuffer(raw, np.uint32), offsets)


@dataclass(frozen=True, slots=True)
class Spans:
    """Places in a corpus; those of text i are numbers `offsets[i]` to `offsets[i + 1]`."""

    starts: Ints
    ends: Ints
    offsets: Ints


def lines(corpus: Corpus) -> Spans:
    """Lines as `text.split("\\n")` gives them: an empty text has one, empty, line."""
    return Spans(*_split(corpus.codes, corpus.offsets, classes(), universal=False))


def split_lines(corpus: Corpus) -> Spans:
    """Lines as `text.splitlines()` gives them: all Unicode line ends, no line after the last."""
    return Spans(*_split(corpus.codes, corpus.offsets, classes(), universal=True))


@njit
def bits(codes: Codes, table: Table, at: int) -> int:
    """The character classes of the code point at this place."""
    code = codes[at]
    return int(table[code]) if code < _LAST else 0


@njit
def stripped(codes: Codes, table: Table, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends."""
    while start < end and bits(codes, table, start) & SPACE:
        start += 1
    while end > start and bits(codes, table, end - 1) & SPACE:
        end -= 1
    return start, end


@njit
def is_blank(codes: Codes, table: Table, start: int, end: int) -> bool:
    """Whether the span is empty or white space alone."""
    at = start
    while at < end and bits(codes, table, at) & SPACE:
        at += 1
    return at == end


@njit
def _count_line_ends(codes: Codes, table: Table, universal: bool) -> int:
    count = 0
    for at in range(len(codes)):
        count += codes[at] == _NEWLINE or (universal and bits(codes, table, at) & LINE_END != 0)
    return count


@njit
def _split(codes: Codes, offsets: Ints, table: Table, universal: bool) -> tuple[Ints, Ints, Ints]:
    texts = len(offsets) - 1
    room = _count_line_ends(codes, table, universal) + texts
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    line_offsets = np.zeros(texts + 1, np.int64)
    count = 0
    for row in range(texts):
        start, stop = offsets[row], offsets[row + 1]
        at = start
        while at < stop:
            code = codes[at]
            if code == _NEWLINE or (universal and bits(codes, table, at) & LINE_END):
                starts[count], ends[count] = start, at
                count += 1
                if universal and code == _RETURN and at + 1 < stop and codes[at + 1] == _NEWLINE:
                    at += 1
                start = at + 1
            at += 1
        if start < stop or not universal:
            starts[count], ends[count] = start, stop
            count += 1
        line_offsets[row + 1] = count
    return starts[:count], ends[:count], line_offsets
