"""The line rules of RefinedWeb."""

import re
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import DIGIT, SPACE, UPPER, classes
from app.curation.text.corpus import Codes, Ints, Table, bits
from app.curation.text.jit import njit
from app.curation.text.phrases import find_phrases

_COUNTED = (
    "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|"
    "followers"
)
_COUNTER = re.compile(
    rf"^[^\w\n]*\d[\d,.]*[kmb]?[^\S\n]+(?:{_COUNTED})[^\w\n]*$", re.MULTILINE | re.IGNORECASE
)

# A call to act in a line of at most ten words: at its start, at its end, or anywhere.
_ACTION = re.compile(
    r"^(?:[^\S\n]*sign[- ]in\b.*|.*\bread more(?:\.\.\.|…)?[^\S\n]*|.*\bitems in cart\b.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_HINTS = (*_COUNTED.split("|"), "sign-in", "sign in", "read more", "items in cart")
_ACTION_WORDS: Final = 10

_UPPERCASE: Final = 1
_NUMERIC: Final = 2
_SINGLE: Final = 3
_COUNTING: Final = 4
_ACTING: Final = 5


class RefinedWeb(Signal):
    """How much of the text is menus, counters and buttons?

    The line-wise rules of RefinedWeb (Penedo et al. 2023, arXiv 2306.01116, appendix G.2), with
    the limits of DCLM (arXiv 2406.11794). A line is one of: mostly capitals, digits alone,
    a counter ("12 likes"), a single word, a call to act ("read more"). Blank lines do not count.
    """

    key: ClassVar = "refinedweb"
    title: ClassVar = "RefinedWeb lines"
    measures: ClassVar = (
        Measure(
            "refinedweb_removed_word_frac",
            "Words in removed lines",
            "Share of words that stand in lines of any kind below. RefinedWeb keeps up to 0.05.",
        ),
        Measure(
            "refinedweb_uppercase_line_frac",
            "Lines in capitals",
            "Share of lines of which more than half the characters are capitals.",
        ),
        Measure("refinedweb_numeric_line_frac", "Lines of digits", "Share of lines of digits."),
        Measure(
            "refinedweb_single_word_line_frac", "One-word lines", "Share of lines of one word."
        ),
        Measure(
            "refinedweb_counter_line_frac",
            "Counters",
            'Share of lines such as "3 likes" or "1,204 views".',
        ),
        Measure(
            "refinedweb_action_line_frac",
            "Calls to act",
            'Share of lines of at most ten words with "read more", "sign in", "items in cart".',
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, lines = batch.corpus, batch.lines
        marks = np.zeros(len(lines.starts), np.uint8)
        # No pattern goes beyond its line, and few lines hold a phrase of one.
        hinted = np.flatnonzero(find_phrases(corpus.codes, lines.starts, lines.ends, _HINTS))
        rows = np.searchsorted(lines.offsets, hinted, side="right") - 1
        for line, row in zip(hinted.tolist(), rows.tolist(), strict=True):
            place = corpus.offsets[row]
            marks[line] = _mark(
                batch.texts[row], lines.starts[line] - place, lines.ends[line] - place
            )
        counts = _count(corpus.codes, classes(), lines.starts, lines.ends, lines.offsets, marks)
        values = np.empty((len(batch), len(self.measures)), np.float32)
        with np.errstate(invalid="ignore"):
            values[:, 0] = counts[:, 1] / counts[:, 0]
            values[:, 1:] = counts[:, 3:] / counts[:, 2:3]
        return Scores(values)


def _mark(text: str, start: int, end: int) -> int:
    """What the phrases make of the line: a counter, a call to act, or nothing."""
    if _COUNTER.match(text, start, end):
        return _COUNTING
    return _ACTING if _ACTION.match(text, start, end) else 0


@njit
def _count(
    codes: Codes, table: Table, starts: Ints, ends: Ints, offsets: Ints, marks: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Per text: words, words in lines with a mark, lines, then lines by mark."""
    rows = np.zeros((len(offsets) - 1, 3 + _ACTING))
    for row in range(len(rows)):
        for line in range(offsets[row], offsets[row + 1]):
            words, shape = _shape(codes, table, starts[line], ends[line])
            if words == 0:
                continue
            mark = marks[line]
            if mark == 0 or (mark == _ACTING and words > _ACTION_WORDS):
                mark = shape
            rows[row, 0] += words
            rows[row, 2] += 1
            if mark:
                rows[row, 1] += words
                rows[row, 2 + mark] += 1
    return rows


@njit
def _shape(codes: Codes, table: Table, start: int, end: int) -> tuple[int, int]:
    """Words of the line, and its kind by its characters."""
    words, upper, digits, inside = 0, 0, 0, False
    for at in range(start, end):
        found = bits(codes, table, at)
        upper += (found & UPPER) != 0
        digits += (found & DIGIT) != 0
        space = (found & SPACE) != 0
        words += not space and not inside
        inside = not space
    if 2 * upper > end - start:
        return words, _UPPERCASE
    if digits == end - start:
        return words, _NUMERIC
    return words, _SINGLE if words == 1 else 0
