"""The heuristic filters that NeMo Curator recommends for English."""

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import ALPHA, DIGIT, SPACE, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits, is_blank, stripped
from app.curation.text.hashing import room_for, seen, span_hash
from app.curation.text.jit import njit
from app.curation.text.phrases import find_phrases

_URL = re.compile(r"https?://[^\s\"'<>]+")
_PARAGRAPH = re.compile(r"\n\s*\n")
_BOILERPLATE = (
    "lorem ipsum",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "privacy overview",
    "use of cookies",
    "use cookies",
    "privacy & cookies policy",
    "privacy and cookies policy",
)
_WORD_MARKS = ("...", "[...]", "…", "(...)", "[…]")


class NemoEnglish(Signal):
    """Is this running English text, or tables, links and boilerplate?

    The heuristic filters that NeMo Curator (NVIDIA, Apache-2.0) applies to English text. Words are
    what white space parts; shares of characters are of the whole text.
    """

    key: ClassVar = "nemo_english"
    title: ClassVar = "NeMo Curator, English"
    better: ClassVar = (
        "nemo_unique_line_frac",
        "nemo_unique_line_char_frac",
        "nemo_unique_para_frac",
        "nemo_unique_para_char_frac",
    )
    measures: ClassVar = (
        Measure("nemo_words", "Words", "Words by white space. Kept: 50 to 100,000.", "words"),
        Measure(
            "nemo_non_alnum_frac",
            "Neither letter nor digit",
            "Share of characters other than English letters, digits, line feeds and . , ! ? "
            "Spaces count. Kept: up to 0.25.",
        ),
        Measure("nemo_digit_frac", "Digits", "Share of characters. Kept: up to 0.15."),
        Measure("nemo_white_space_frac", "White space", "Share of characters. Kept: up to 0.25."),
        Measure("nemo_parenthesis_frac", "Brackets", "Share of characters. Kept: up to 0.1."),
        Measure("nemo_url_char_frac", "Web addresses", "Share of characters. Kept: up to 0.2."),
        Measure(
            "nemo_symbol_word_ratio",
            "Words of symbols",
            "Share of words that are an ellipsis or mostly hash signs. Kept: up to 0.1.",
        ),
        Measure(
            "nemo_alpha_word_frac",
            "Words with a letter",
            "Share of words that have a letter. Kept: 0.8 and more.",
        ),
        Measure(
            "nemo_no_end_mark_frac",
            "Lines without an end mark",
            "Share of lines that end in none of . ? ! and quotation marks; blank lines do not "
            "count. Kept: up to 0.85.",
        ),
        Measure(
            "nemo_boilerplate_frac",
            "Boilerplate paragraphs",
            "Share of paragraphs that mention cookies, privacy or terms; 1 for lorem ipsum. "
            "Kept: up to 0.4.",
        ),
        Measure("nemo_unique_line_frac", "Different lines", "Share of lines. Kept: from 0.7."),
        Measure(
            "nemo_unique_line_char_frac",
            "Characters in different lines",
            "Each line counted once. Kept: from 0.8.",
        ),
        Measure(
            "nemo_unique_para_frac", "Different paragraphs", "Share of paragraphs. Kept: from 0.7."
        ),
        Measure(
            "nemo_unique_para_char_frac",
            "Characters in different paragraphs",
            "Each paragraph counted once. Kept: from 0.8.",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, lines, table = batch.corpus, batch.lines, classes()
        chars = np.diff(corpus.offsets)
        marks = Corpus.of(_WORD_MARKS)
        words = _words(corpus.codes, corpus.offsets, table, marks.codes, marks.offsets)
        uniques = _uniques(corpus.codes, table, lines.starts, lines.ends, lines.offsets)
        values = np.empty((len(batch), len(self.measures)), np.float32)
        values[:, 0] = words[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, 1:5] = _chars(corpus.codes, corpus.offsets, table) / chars[:, None]
            values[:, 5] = _rows(batch, ("http",), _url_chars) / chars
            values[:, 6:8] = words[:, 1:] / words[:, :1]
            values[:, 8] = uniques[:, 0] / uniques[:, 1]
            values[:, 9] = _rows(batch, _BOILERPLATE, _boilerplate)
            values[:, 10:] = uniques[:, 2:6] / uniques[:, 6:10]
        values[words[:, 0] == 0, 1:] = np.nan
        return Scores(values)


def _rows(
    batch: Batch, phrases: Sequence[str], measure: Callable[[str], float]
) -> NDArray[np.float64]:
    """What each text measures; 0 for those with none of the phrases, which most are."""
    values = np.zeros(len(batch))
    corpus = batch.corpus
    found = find_phrases(corpus.codes, corpus.offsets[:-1], corpus.offsets[1:], phrases)
    for row in np.flatnonzero(found):
        values[row] = measure(batch.texts[row])
    return values


def _url_chars(text: str) -> int:
    return sum(len(url) for url in _URL.findall(text))


def _boilerplate(text: str) -> float:
    lower = text.lower()
    if _BOILERPLATE[0] in lower:
        return 1.0
    paragraphs = _PARAGRAPH.split(lower.strip())
    return sum(any(phrase in each for phrase in _BOILERPLATE) for each in paragraphs) / len(
        paragraphs
    )


@njit
def _chars(codes: Codes, offsets: Ints, table: Table) -> NDArray[np.float64]:
    """Per text: characters other than letters and digits, digits, white space, brackets."""
    rows = np.zeros((len(offsets) - 1, 4))
    for row in range(len(rows)):
        for at in range(offsets[row], offsets[row + 1]):
            code = codes[at]
            found = bits(codes, table, at)
            rows[row, 1] += (found & DIGIT) != 0
            if code < 128 and found & (ALPHA | DIGIT):
                continue
            rows[row, 0] += code not in (10, ord("."), ord(","), ord("!"), ord("?"))
            rows[row, 2] += code in (8, 9, 10, 13, 32)
            rows[row, 3] += _is_bracket(code)
    return rows


@njit
def _is_bracket(code: int) -> bool:
    return code in (40, 41, 91, 93, 123, 125, 0x27E8, 0x27E9)


@njit
def _words(
    codes: Codes, offsets: Ints, table: Table, marks: Codes, mark_offsets: Ints
) -> NDArray[np.float64]:
    """Per text: words, those of symbols, those with a letter."""
    rows = np.zeros((len(offsets) - 1, 3))
    for row in range(len(rows)):
        at = offsets[row]
        while at < offsets[row + 1]:
            start, alpha, hashes = at, False, 0
            while at < offsets[row + 1]:
                found = bits(codes, table, at)
                if found & SPACE:
                    break
                alpha |= (found & ALPHA) != 0
                # A run of hash signs counts once, as one match of the pattern "#+".
                hashes += codes[at] == ord("#") and (at == start or codes[at - 1] != ord("#"))
                at += 1
            if at > start:
                rows[row, 0] += 1
                rows[row, 2] += alpha
                known = 2 * hashes > at - start
                # No mark has a letter: most words need no comparison.
                for each in range(0 if alpha else len(mark_offsets) - 1):
                    mark = marks[mark_offsets[each] : mark_offsets[each + 1]]
                    known |= len(mark) == at - start and bool((mark == codes[start:at]).all())
                rows[row, 1] += known
            at += 1
    return rows


@njit
def _uniques(
    codes: Codes, table: Table, starts: Ints, ends: Ints, offsets: Ints
) -> NDArray[np.float64]:
    """Per text: lines without an end mark, lines; then different lines, their characters,
    different paragraphs, their characters; then all lines, characters, paragraphs, characters."""
    rows = np.zeros((len(offsets) - 1, 10))
    room = room_for(np.diff(offsets).max() if len(rows) else 0)
    keys, stamps = np.empty(room, np.uint64), np.zeros(room, np.int64)
    for row in range(len(rows)):
        first, last = offsets[row], offsets[row + 1]
        own_room = room_for(last - first)
        for line in range(first, last):
            start, end = stripped(codes, table, starts[line], ends[line])
            if start == end:
                continue
            rows[row, 0] += not _has_end_mark(codes[end - 1])
            rows[row, 1] += 1
            new = not seen(keys, stamps, own_room, 2 * row + 1, span_hash(codes, start, end))
            _add(rows[row], 2, end - start, new)
        line = first
        while line < last:
            stop = line
            while stop < last and not is_blank(codes, table, starts[stop], ends[stop]):
                stop += 1
            if stop > line:
                start, end = stripped(codes, table, starts[line], ends[stop - 1])
                new = not seen(keys, stamps, own_room, 2 * row + 2, span_hash(codes, start, end))
                _add(rows[row], 4, end - start, new)
            line = stop + 1
    return rows


@njit
def _add(row: NDArray[np.float64], place: int, length: int, new: bool) -> None:
    row[place] += new
    row[place + 1] += length * new
    row[place + 4] += 1
    row[place + 5] += length


@njit
def _has_end_mark(code: int) -> bool:
    return code in (ord("."), ord("?"), ord("!"), ord('"'), ord("'"))
