"""The line and page rules of C4."""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.signals.gopher_quality import ends_with_ellipsis
from app.curation.text.characters import DIGIT, SPACE, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits, stripped
from app.curation.text.jit import njit
from app.curation.text.phrases import find_phrases
from app.curation.text.tokens import Flags, sentences

LONG_WORD: Final = 1000
LONG_PARAGRAPH: Final = 200
MIN_LINE_WORDS: Final = 3

LOREM = "lorem ipsum"
SCRIPT = "javascript"
POLICIES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
CITATIONS = ("[edit]", "[citation needed]")


class C4(Signal):
    """Which lines would C4 keep, and how much text is in them?

    The rules of Raffel et al. (2020, arXiv 1910.10683). A line is kept if it ends in a full stop,
    question mark, exclamation mark or quotation mark (not an ellipsis), has three words, none of
    them over 1,000 characters, and mentions neither JavaScript nor a cookie or privacy policy.
    Marks such as [3] at the end of a line do not count.
    """

    key: ClassVar = "c4"
    title: ClassVar = "C4"
    better: ClassVar = ("c4_kept_line_frac",)
    measures: ClassVar = (
        Measure(
            "c4_sentences",
            "Sentences in kept lines",
            "Sentences in the lines that C4 keeps. C4 wants 5 of them.",
            "sentences",
        ),
        Measure(
            "c4_kept_line_frac", "Kept lines", "Share of lines that C4 keeps; blank ones count."
        ),
        Measure(
            "c4_curly_bracket_lines",
            "Lines with a curly bracket",
            "Sentences with an opening curly bracket, a sign of code. C4 drops a page with one.",
            "lines",
        ),
        Measure(
            "c4_lorem_ipsum_lines",
            "Lines of filler text",
            "Sentences with lorem ipsum. C4 drops a page with one.",
            "lines",
        ),
        Measure(
            "c4_long_paragraphs",
            "Long paragraphs",
            f"Lines of at least {LONG_PARAGRAPH} characters. mC4 wants 3 of them.",
            "paragraphs",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, lines, tokens = batch.corpus, batch.split_lines, batch.tokens
        citations = Corpus.of(CITATIONS)
        verdicts, counts = _judge_lines(
            corpus.codes,
            classes(),
            lines.starts,
            lines.ends,
            find_phrases(corpus.codes, lines.starts, lines.ends, (LOREM, SCRIPT, *POLICIES)),
            citations.codes,
            citations.offsets,
            tokens.starts,
            tokens.flags,
        )
        values = np.empty((len(batch), len(self.measures)), np.float32)
        values[:, 0] = _sums(counts, lines.offsets)
        with np.errstate(invalid="ignore"):
            kept = _sums(verdicts == _KEPT, lines.offsets) + _sums(
                verdicts == _CURLY, lines.offsets
            )
            values[:, 1] = kept / np.diff(lines.offsets)
        values[:, 2] = _sums(verdicts == _CURLY, lines.offsets)
        values[:, 3] = _sums(verdicts == _LOREM, lines.offsets)
        plain = batch.lines
        values[:, 4] = _sums(plain.ends - plain.starts >= LONG_PARAGRAPH, plain.offsets)
        return Scores(values)


_DROPPED: Final = 0
_KEPT: Final = 1
_CURLY: Final = 2
_LOREM: Final = 3


def _sums(each: NDArray[np.generic], offsets: Ints) -> NDArray[np.int64]:
    """Sums over the lines of each text."""
    totals = np.zeros(len(each) + 1, np.int64)
    np.cumsum(each, out=totals[1:])
    sums: NDArray[np.int64] = np.diff(totals[offsets])
    return sums


@njit
def _judge_lines(
    codes: Codes,
    table: Table,
    starts: Ints,
    ends: Ints,
    phrases: Ints,
    citations: Codes,
    citation_offsets: Ints,
    token_starts: Ints,
    flags: Flags,
) -> tuple[Flags, Ints]:
    """Per line: what C4 does with it, and its sentences if it keeps it."""
    verdicts, counts = np.zeros(len(starts), np.uint8), np.zeros(len(starts), np.int64)
    token = 0
    for line in range(len(starts)):
        start, end = stripped(codes, table, starts[line], ends[line])
        while token < len(token_starts) and token_starts[token] < start:
            token += 1
        first = token
        while token < len(token_starts) and token_starts[token] < end:
            token += 1
        if not _has_fitting_words(codes, table, start, end):
            continue
        end = _without_citations(codes, table, start, end, citations, citation_offsets)
        if end == start or not _is_closed(codes, start, end):
            continue
        verdicts[line] = _verdict(codes, start, end, phrases[line])
        if verdicts[line] in (_KEPT, _CURLY):
            counts[line] = sentences(flags, first, token)
    return verdicts, counts


@njit
def _has_fitting_words(codes: Codes, table: Table, start: int, end: int) -> bool:
    words, length = 0, 0
    for at in range(start, end):
        if bits(codes, table, at) & SPACE:
            length = 0
            continue
        words += length == 0
        length += 1
        if length > LONG_WORD:
            return False
    return words >= MIN_LINE_WORDS


@njit
def _without_citations(
    codes: Codes, table: Table, start: int, end: int, citations: Codes, offsets: Ints
) -> int:
    """The end of the line before marks such as [3] or [edit]."""
    while end > start and codes[end - 1] == ord("]"):
        at = end - 1
        while at > start and bits(codes, table, at - 1) & DIGIT:
            at -= 1
        if at > start and codes[at - 1] == ord("["):
            end = at - 1
            continue
        cut = end
        for each in range(len(offsets) - 1):
            length = offsets[each + 1] - offsets[each]
            if end - start >= length and _is_at(codes, end - length, citations, offsets, each):
                cut = end - length
        if cut == end:
            break
        end = cut
    return end


@njit
def _is_closed(codes: Codes, start: int, end: int) -> bool:
    last = codes[end - 1]
    closed = last in (ord("."), ord("?"), ord("!"), ord('"'), ord("'"))
    return closed and not (last == ord(".") and ends_with_ellipsis(codes, start, end))


@njit
def _verdict(codes: Codes, start: int, end: int, phrases: int) -> int:
    """What the words of a well-formed line make of it; the order is that of C4."""
    if phrases & 1:
        return _LOREM
    if phrases & 2:
        return _DROPPED
    for at in range(start, end):
        if codes[at] == ord("{"):
            return _CURLY
    return _DROPPED if phrases else _KEPT


@njit
def _is_at(codes: Codes, start: int, phrases: Codes, offsets: Ints, each: int) -> bool:
    """Whether a phrase stands here, in capitals or not."""
    for at in range(offsets[each], offsets[each + 1]):
        code = codes[start + at - offsets[each]]
        if (code | 32 if ord("A") <= code <= ord("Z") else code) != phrases[at]:
            return False
    return True
