"""The line rules that FineWeb adds to C4 and Gopher."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import TERMINAL, classes
from app.curation.text.corpus import Codes, Ints, Table, bits, is_blank
from app.curation.text.hashing import room_for, seen, span_hash
from app.curation.text.jit import njit

SHORT_LINE = 30


class FineWeb(Signal):
    """Are the lines sentences, or lists, menus and fragments?

    The custom filters of FineWeb (Penedo et al. 2024, arXiv 2406.17557). Blank lines do not count.
    """

    key: ClassVar = "fineweb"
    title: ClassVar = "FineWeb"
    better: ClassVar = ("fineweb_line_punct_ratio",)
    measures: ClassVar = (
        Measure(
            "fineweb_line_punct_ratio",
            "Lines ending in a full stop",
            "Share of lines that end in a mark that ends sentences. FineWeb keeps 0.12 and more.",
        ),
        Measure(
            "fineweb_short_line_ratio",
            "Short lines",
            f"Share of lines of at most {SHORT_LINE} characters. FineWeb keeps up to 0.67.",
        ),
        Measure(
            "fineweb_dup_line_char_ratio",
            "Characters in repeated lines",
            "Characters in lines that occurred before, per character that is no line feed. "
            "FineWeb keeps up to 0.01.",
        ),
        Measure(
            "fineweb_newline_word_ratio",
            "Line feeds per word",
            "Line feeds per token. FineWeb keeps up to 0.3: more is a list.",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, lines = batch.corpus, batch.lines
        found = _lines(corpus.codes, classes(), lines.starts, lines.ends, lines.offsets)
        newlines = np.diff(lines.offsets) - 1
        chars, words = np.diff(corpus.offsets) - newlines, np.diff(batch.tokens.offsets)
        values = np.empty((len(batch), len(self.measures)), np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, 0:2] = found[:, 1:3] / found[:, :1]
            values[:, 2] = found[:, 3] / chars
            values[:, 3] = newlines / words
        values[found[:, 0] == 0] = np.nan
        return Scores(values)


@njit
def _lines(
    codes: Codes, table: Table, starts: Ints, ends: Ints, offsets: Ints
) -> NDArray[np.float64]:
    """Per text: lines that are not blank, those ending a sentence, short ones, repeated chars."""
    rows = np.zeros((len(offsets) - 1, 4))
    room = room_for(np.diff(offsets).max() if len(rows) else 0)
    keys, stamps = np.empty(room, np.uint64), np.zeros(room, np.int64)
    for row in range(len(rows)):
        own_room = room_for(offsets[row + 1] - offsets[row])
        for line in range(offsets[row], offsets[row + 1]):
            start, end = starts[line], ends[line]
            if is_blank(codes, table, start, end):
                continue
            rows[row, 0] += 1
            rows[row, 1] += (bits(codes, table, end - 1) & TERMINAL) != 0
            rows[row, 2] += end - start <= SHORT_LINE
            if seen(keys, stamps, own_room, row + 1, span_hash(codes, start, end)):
                rows[row, 3] += end - start
    return rows
