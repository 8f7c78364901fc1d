"""The quality rules of Gopher."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, stripped
from app.curation.text.hashing import Hashes, span_hash
from app.curation.text.jit import njit
from app.curation.text.tokens import HAS_ALPHA, IS_WORD, Flags

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

_ELLIPSIS = 0x2026
_BULLET = 0x2022


class GopherQuality(Signal):
    """Does the text read like sentences a person wrote?

    Counts words, marks and line shapes as Rae et al. (2021, arXiv 2112.11446, table A1) do.
    Words are tokens that are not marks alone. The published limits are made for English web pages.
    """

    key: ClassVar = "gopher_quality"
    title: ClassVar = "Gopher quality"
    measures: ClassVar = (
        Measure(
            "gopher_words",
            "Words",
            "Words that are not marks alone. Gopher keeps 50 to 100,000.",
            "words",
        ),
        Measure(
            "gopher_mean_word_length",
            "Mean word length",
            "Characters per word. Gopher keeps 3 to 10; no value without words.",
            "characters",
        ),
        Measure(
            "gopher_symbol_word_ratio",
            "Symbols per word",
            "Hash signs, or ellipses if there are more of them, per token. Gopher keeps up to 0.1.",
        ),
        Measure(
            "gopher_bullet_line_frac",
            "Bullet lines",
            "Share of lines that begin with a bullet or a hyphen. Gopher keeps up to 0.9.",
        ),
        Measure(
            "gopher_ellipsis_line_frac",
            "Lines ending in an ellipsis",
            "Share of lines cut off by an ellipsis. Gopher keeps up to 0.3.",
        ),
        Measure(
            "gopher_alpha_word_frac",
            "Words with a letter",
            "Share of tokens that have a letter. Gopher keeps 0.8 and more.",
        ),
        Measure(
            "gopher_stop_words",
            "Different stop words",
            "How many of the, be, to, of, and, that, have, with occur, in lower case. "
            "Gopher keeps 2 and more.",
            "words",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, tokens, lines = batch.corpus, batch.tokens, batch.split_lines
        table = classes()
        words = _words(
            tokens.starts,
            tokens.ends,
            tokens.hashes,
            tokens.flags,
            tokens.offsets,
            _stop_hashes(),
        )
        symbols = _symbols(corpus.codes, corpus.offsets)
        shapes = _line_shapes(corpus.codes, table, lines.starts, lines.ends, lines.offsets)
        values = np.empty((len(batch), len(self.measures)), np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, 0] = words[:, 1]
            values[:, 1] = words[:, 2] / words[:, 1]
            values[:, 2] = np.where(words[:, 0], symbols / words[:, 0], np.nan)
            values[:, 3:5] = shapes / np.diff(lines.offsets)[:, None]
            values[:, 5] = words[:, 3] / words[:, 0]
        values[:, 6] = words[:, 4]
        return Scores(values)


def _stop_hashes() -> Hashes:
    corpus = Corpus.of(STOP_WORDS)
    bounds = zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True)
    return np.array([span_hash(corpus.codes, start, end) for start, end in bounds], np.uint64)


@njit
def _words(
    starts: Ints, ends: Ints, hashes: Hashes, flags: Flags, offsets: Ints, stop_hashes: Hashes
) -> NDArray[np.float64]:
    """Per text: tokens, words, characters in words, tokens with a letter, different stop words."""
    rows = np.zeros((len(offsets) - 1, 5))
    for row in range(len(rows)):
        found = 0
        for each in range(offsets[row], offsets[row + 1]):
            flag = flags[each]
            if flag & IS_WORD:
                rows[row, 1] += 1
                rows[row, 2] += ends[each] - starts[each]
            rows[row, 3] += (flag & HAS_ALPHA) != 0
            if ends[each] - starts[each] <= 4:
                for place in range(len(stop_hashes)):
                    found |= (hashes[each] == stop_hashes[place]) << place
        rows[row, 0] = offsets[row + 1] - offsets[row]
        while found:
            rows[row, 4] += found & 1
            found >>= 1
    return rows


@njit
def _symbols(codes: Codes, offsets: Ints) -> NDArray[np.float64]:
    """Per text: hash signs or ellipses, whichever are more."""
    counts = np.zeros(len(offsets) - 1)
    for row in range(len(counts)):
        signs, ellipses, dots = 0, 0, 0
        for at in range(offsets[row], offsets[row + 1]):
            code = codes[at]
            signs += code == ord("#")
            ellipses += code == _ELLIPSIS
            dots = dots + 1 if code == ord(".") else 0
            if dots == 3:
                ellipses += 1
                dots = 0
        counts[row] = max(signs, ellipses)
    return counts


@njit
def _line_shapes(
    codes: Codes, table: Table, starts: Ints, ends: Ints, offsets: Ints
) -> NDArray[np.float64]:
    """Per text: lines that begin with a bullet, lines that end with an ellipsis."""
    rows = np.zeros((len(offsets) - 1, 2))
    for row in range(len(rows)):
        for line in range(offsets[row], offsets[row + 1]):
            start, end = starts[line], ends[line]
            start, end = stripped(codes, table, start, end)
            if start == end:
                continue
            rows[row, 0] += codes[start] == _BULLET or codes[start] == ord("-")
            rows[row, 1] += ends_with_ellipsis(codes, start, end)
    return rows


@njit
def ends_with_ellipsis(codes: Codes, start: int, end: int) -> bool:
    """Whether the span ends in three full stops or the one character for them."""
    if codes[end - 1] == _ELLIPSIS:
        return True
    if end - start < 3:
        return False
    return bool(
        codes[end - 1] == ord(".") and codes[end - 2] == ord(".") and codes[end - 3] == ord(".")
    )
