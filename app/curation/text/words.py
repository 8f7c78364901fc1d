"""Counts of words as people count them."""

import numpy as np

from app.curation.text.characters import IDEOGRAPH, SPACE, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits
from app.curation.text.jit import njit


def count_words(corpus: Corpus) -> Ints:
    """Words per text: runs without white space; each Chinese or Japanese character is one."""
    return _count_words(corpus.codes, corpus.offsets, classes())


@njit
def _count_words(codes: Codes, offsets: Ints, table: Table) -> Ints:
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(counts)):
        inside = False
        for at in range(offsets[row], offsets[row + 1]):
            found = bits(codes, table, at)
            single = (found & IDEOGRAPH) != 0
            word = not found & (SPACE | IDEOGRAPH)
            counts[row] += single or (word and not inside)
            inside = word
    return counts
