"""The repetition rules of Gopher."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import classes
from app.curation.text.corpus import Codes, Ints, Table, stripped
from app.curation.text.hashing import (
    Hashes,
    Stamps,
    begin_grams,
    find_slot,
    lengthen_grams,
    mix,
    room_for,
    seen,
    span_hash,
)
from app.curation.text.jit import njit

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)

_NEWLINE = 10


def _top(size: int, limit: float) -> Measure:
    return Measure(
        f"gopher_top_{size}gram_char_frac",
        f"Most frequent {size}-gram",
        f"Characters of the most frequent run of {size} tokens, all its places together, per "
        f"character of the text. Gopher keeps up to {limit:.2f}. Always large in short texts.",
    )


def _duplicate(size: int, limit: float) -> Measure:
    return Measure(
        f"gopher_dup_{size}gram_char_frac",
        f"Repeated {size}-grams",
        f"Characters in runs of {size} tokens that occurred before, per character of the text. "
        f"Gopher keeps up to {limit:.2f}.",
    )


class GopherRepetition(Signal):
    """How much of the text repeats itself?

    Repeated lines, paragraphs and runs of words, as Rae et al. (2021, arXiv 2112.11446, table A1)
    measure them. Shares of characters are of the whole text, white space included.
    """

    key: ClassVar = "gopher_repetition"
    title: ClassVar = "Gopher repetition"
    measures: ClassVar = (
        Measure(
            "gopher_dup_line_frac",
            "Repeated lines",
            "Share of lines that occurred before. Gopher keeps up to 0.30.",
        ),
        Measure(
            "gopher_dup_line_char_frac",
            "Characters in repeated lines",
            "Characters in lines that occurred before, per character. Gopher keeps up to 0.20.",
        ),
        Measure(
            "gopher_dup_para_frac",
            "Repeated paragraphs",
            "Share of paragraphs (parted by blank lines) that occurred before. "
            "Gopher keeps up to 0.30.",
        ),
        Measure(
            "gopher_dup_para_char_frac",
            "Characters in repeated paragraphs",
            "Characters in paragraphs that occurred before, per character. "
            "Gopher keeps up to 0.20.",
        ),
        _top(2, 0.20),
        _top(3, 0.18),
        _top(4, 0.16),
        _duplicate(5, 0.15),
        _duplicate(6, 0.14),
        _duplicate(7, 0.13),
        _duplicate(8, 0.12),
        _duplicate(9, 0.11),
        _duplicate(10, 0.10),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, tokens = batch.corpus, batch.tokens
        blocks = _blocks(corpus.codes, corpus.offsets, classes())
        lengths = tokens.ends - tokens.starts
        grams = _grams(tokens.hashes, lengths, tokens.offsets)
        chars = np.diff(corpus.offsets)[:, None]
        values = np.empty((len(batch), len(self.measures)), np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, 0:4:2] = blocks[:, 0::3] / blocks[:, 2::3]
            values[:, 1:4:2] = blocks[:, 1::3] / chars
            values[:, 4:] = grams / chars
        values[chars[:, 0] == 0] = np.nan
        return Scores(values)


@njit
def _blocks(codes: Codes, offsets: Ints, table: Table) -> NDArray[np.float64]:
    """Per text: repeated lines, their characters, all lines; the same of paragraphs."""
    rows = np.zeros((len(offsets) - 1, 6))
    longest = np.diff(offsets).max() if len(rows) else 0
    room = room_for(longest // 2 + 2)
    keys, stamps = np.empty(room, np.uint64), np.zeros(room, np.int64)
    for row in range(len(rows)):
        start, end = offsets[row], offsets[row + 1]
        rows[row, 0:3] = _repeated(codes, start, end, 1, keys, stamps, 2 * row + 1)
        start, end = stripped(codes, table, start, end)
        rows[row, 3:6] = _repeated(codes, start, end, 2, keys, stamps, 2 * row + 2)
    return rows


@njit
def _repeated(
    codes: Codes, start: int, end: int, newlines: int, keys: Hashes, stamps: Stamps, stamp: int
) -> tuple[float, float, float]:
    """Split at runs of so many line feeds or more: repeated parts, their characters, all parts."""
    room = room_for((end - start) // 2 + 2)
    parts, repeated, chars = 0, 0, 0
    part, at = start, start
    while at <= end:
        run = at
        while run < end and codes[run] == _NEWLINE:
            run += 1
        if at == end or run - at >= newlines:
            parts += 1
            if seen(keys, stamps, room, stamp, span_hash(codes, part, at)):
                repeated += 1
                chars += at - part
            part = run
            if at == end:
                break
        at = max(run, at + 1)
    return float(repeated), float(chars), float(parts)


@njit
def _grams(hashes: Hashes, lengths: Ints, offsets: Ints) -> NDArray[np.float64]:
    """Per text: characters of the most frequent 2- to 4-gram, then of repeated 5- to 10-grams."""
    rows = np.zeros((len(offsets) - 1, len(TOP_SIZES) + len(DUPLICATE_SIZES)))
    longest = np.diff(offsets).max() if len(rows) else 0
    room = room_for(longest)
    keys, stamps = np.empty(room, np.uint64), np.zeros(room, np.int64)
    counts, firsts = np.empty(room, np.int64), np.empty(room, np.int64)
    room_of_grams = np.empty(longest, np.uint64)
    stamp = 0
    for row in range(len(rows)):
        own = slice(offsets[row], offsets[row + 1])
        grams = room_of_grams[: offsets[row + 1] - offsets[row]]
        begin_grams(grams)
        lengthen_grams(grams, hashes[own], 1)
        repeats = True
        for place, size in enumerate(TOP_SIZES):
            stamp += 1
            lengthen_grams(grams, hashes[own], size)
            chars, repeats = _top_gram(
                grams, lengths[own], size, keys, stamps, counts, firsts, stamp, repeats
            )
            rows[row, place] = chars
        for place, size in enumerate(DUPLICATE_SIZES):
            if not repeats:
                break
            stamp += 1
            lengthen_grams(grams, hashes[own], size)
            chars = _repeated_grams(grams, lengths[own], size, keys, stamps, stamp)
            rows[row, len(TOP_SIZES) + place] = chars
            repeats = chars > 0
    return rows


@njit
def _top_gram(
    grams: Hashes,
    lengths: Ints,
    size: int,
    keys: Hashes,
    stamps: Stamps,
    counts: Ints,
    firsts: Ints,
    stamp: int,
    repeats: bool,
) -> tuple[int, bool]:
    """Length of the most frequent n-gram, spaces included, times its count; ties: the first.

    Without a repeated shorter n-gram no longer one repeats: then the first stands for all.
    """
    if len(grams) < size:
        return 0, False
    best, place = 1, 0
    if repeats:
        room = room_for(len(grams))
        for at in range(len(grams) - size + 1):
            key = mix(grams[at])
            slot = find_slot(keys, stamps, room, stamp, key)
            if stamps[slot] != stamp:
                keys[slot], stamps[slot], counts[slot], firsts[slot] = key, stamp, 0, at
            counts[slot] += 1
            if counts[slot] > best or (counts[slot] == best and firsts[slot] < place):
                best, place = counts[slot], firsts[slot]
    return (lengths[place : place + size].sum() + size - 1) * best, best > 1


@njit
def _repeated_grams(
    grams: Hashes, lengths: Ints, size: int, keys: Hashes, stamps: Stamps, stamp: int
) -> int:
    """Characters in n-grams that occurred before; a repeated one is counted once and jumped."""
    room = room_for(len(grams))
    chars, at = 0, 0
    while at + size <= len(grams):
        if seen(keys, stamps, room, stamp, mix(grams[at])):
            chars += lengths[at : at + size].sum()
            at += size
        else:
            at += 1
    return chars
