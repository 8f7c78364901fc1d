"""How hard English text is to read."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import ALPHA, SPACE, classes
from app.curation.text.corpus import Codes, Ints, Table, bits
from app.curation.text.jit import njit
from app.curation.text.tokens import count_sentences


class Readability(Signal):
    """How hard is the text to read?

    Two formulas made for English prose; no value for text without words in Latin letters.
    Syllables are groups of vowels, a silent e at the end apart: an estimate.
    """

    key: ClassVar = "readability"
    title: ClassVar = "Readability"
    better: ClassVar = ("flesch_reading_ease",)
    measures: ClassVar = (
        Measure(
            "flesch_reading_ease",
            "Flesch reading ease",
            "206.835 - 1.015 words per sentence - 84.6 syllables per word (Flesch 1948). "
            "90: easy, 60: plain, 30: hard.",
        ),
        Measure(
            "flesch_kincaid_grade",
            "Flesch-Kincaid grade",
            "0.39 words per sentence + 11.8 syllables per word - 15.59 (Kincaid et al. 1975).",
            "school years",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus = batch.corpus
        counts = _count(corpus.codes, corpus.offsets, classes())
        with np.errstate(divide="ignore", invalid="ignore"):
            pace = counts[:, 0] / count_sentences(batch.tokens)
            weight = counts[:, 1] / counts[:, 0]
        values = np.empty((len(batch), len(self.measures)), np.float32)
        values[:, 0] = 206.835 - 1.015 * pace - 84.6 * weight
        values[:, 1] = 0.39 * pace + 11.8 * weight - 15.59
        return Scores(values)


@njit
def _count(codes: Codes, offsets: Ints, table: Table) -> NDArray[np.float64]:
    """Per text: words with a Latin letter, their syllables."""
    rows = np.zeros((len(offsets) - 1, 2))
    for row in range(len(rows)):
        at = offsets[row]
        while at < offsets[row + 1]:
            start = at
            while at < offsets[row + 1] and not bits(codes, table, at) & SPACE:
                at += 1
            syllables = _syllables(codes, table, start, at)
            rows[row, 0] += syllables > 0
            rows[row, 1] += syllables
            at += 1
    return rows


@njit
def _syllables(codes: Codes, table: Table, start: int, end: int) -> int:
    """Groups of vowels, at least one in a word with a letter; 0 without a Latin letter."""
    groups, letters, after_vowel, last, before_last = 0, 0, False, 0, 0
    for at in range(start, end):
        if not bits(codes, table, at) & ALPHA or codes[at] >= 0x250:
            continue
        before_last, last = last, codes[at] | 32
        vowel = _is_vowel(last)
        groups += vowel and not after_vowel
        after_vowel = vowel
        letters += 1
    silent = last == ord("e") and not _is_vowel(before_last) and before_last != ord("l")
    if silent and groups > 1:
        groups -= 1
    return max(groups, 1 if letters else 0)


@njit
def _is_vowel(code: int) -> bool:
    # Accented Latin letters of the supplement: all but ç, ð, ñ, þ, ß and the sign ÷.
    if code >= 0xC0:
        return code not in (0xE7, 0xF0, 0xF1, 0xF7, 0xFE, 0xDF)
    return code in (ord("a"), ord("e"), ord("i"), ord("o"), ord("u"), ord("y"))
