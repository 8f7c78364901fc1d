"""Signs of broken text."""

import zlib
from itertools import pairwise
from typing import ClassVar

import numpy as np
from ftfy.badness import badness
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import CONTROL, SPACE, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits
from app.curation.text.jit import njit

_REPLACEMENT = 0xFFFD
_NON_ASCII = 0x80
_CONTEXT = 3


class Corruption(Signal):
    """Is the text damaged, random, or the same thing over and over?

    How well zlib compresses the text, and traces of a wrong decoding.
    """

    key: ClassVar = "corruption"
    title: ClassVar = "Corruption"
    measures: ClassVar = (
        Measure(
            "corruption_compression_ratio",
            "Compression ratio",
            "Bytes after zlib (level 6) per byte of UTF-8. Below 0.2: repetition. Above 0.9 in a "
            "text of 1,000 bytes or more: random; short texts never compress well.",
        ),
        Measure(
            "corruption_replacement_chars",
            "Replacement characters",
            "How often U+FFFD stands for a byte that could not be read.",
            "characters",
        ),
        Measure(
            "corruption_control_chars",
            "Control characters",
            "Characters of Unicode category Cc that are not white space, NUL among them.",
            "characters",
        ),
        Measure(
            "corruption_mojibake",
            "Mojibake",
            "Places that look like text decoded with the wrong table, such as Ã©. "
            "Counted by ftfy (Speer 2019).",
            "places",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus = batch.corpus
        values = np.empty((len(batch), len(self.measures)), np.float32)
        values[:, 0] = [_compression(text) for text in batch.texts]
        values[:, 1:3] = _count(corpus.codes, corpus.offsets, classes())
        values[:, 3] = [badness(text) if text else 0 for text in _around_non_ascii(corpus)]
        return Scores(values)


def _around_non_ascii(corpus: Corpus) -> list[str]:
    """Each text without its characters that are far from any outside ASCII.

    Every pattern of ftfy has a character outside ASCII and at most two of ASCII in a row, so with
    three on either side all of its matches stay and none arises; its patterns are slow.
    """
    codes, offsets = corpus.codes, corpus.offsets
    odd = codes >= _NON_ASCII
    near = odd.copy()
    for distance in range(1, _CONTEXT + 1):
        near[distance:] |= odd[:-distance]
        near[:-distance] |= odd[distance:]
    kept = codes[near].tobytes().decode("utf-32-le", "surrogatepass")
    bounds = np.concatenate(([0], np.cumsum(near)))[offsets].tolist()
    return [kept[start:end] for start, end in pairwise(bounds)]


def _compression(text: str) -> float:
    raw = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(raw)) / len(raw) if raw else float("nan")


@njit
def _count(codes: Codes, offsets: Ints, table: Table) -> NDArray[np.int64]:
    """Per text: replacement characters, control characters."""
    rows = np.zeros((len(offsets) - 1, 2), np.int64)
    for row in range(len(rows)):
        for at in range(offsets[row], offsets[row + 1]):
            rows[row, 0] += codes[at] == _REPLACEMENT
            rows[row, 1] += bits(codes, table, at) & (CONTROL | SPACE) == CONTROL
    return rows
