"""Words and punctuation of a batch, close to what spaCy's blank English tokenizer finds.

The published thresholds of the web filters were set on such tokens, so the rules here follow
theirs: white space, then marks off both ends, then hyphens, slashes and the like inside.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.curation.text.characters import ALPHA, PUNCTUATION, SYMBOL, TERMINAL, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits
from app.curation.text.hashing import Hashes, span_hash
from app.curation.text.jit import njit
from app.curation.text.splitting import split

HAS_ALPHA: Final = 1
# Not made of symbols alone: the words that the Gopher rules count.
IS_WORD: Final = 2
IS_PUNCTUATION: Final = 4
ENDS_SENTENCE: Final = 8

Flags = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a corpus; those of text i are numbers `offsets[i]` to `offsets[i + 1]`."""

    starts: Ints
    ends: Ints
    hashes: Hashes
    flags: Flags
    offsets: Ints


def tokenize(corpus: Corpus) -> Tokens:
    """Find the tokens of every text."""
    table = classes()
    starts, ends, offsets = split(corpus.codes, corpus.offsets, table)
    hashes, flags = _describe(corpus.codes, table, starts, ends)
    return Tokens(starts, ends, hashes, flags, offsets)


def count_sentences(tokens: Tokens) -> Ints:
    """Sentences of every text."""
    return _count_sentences(tokens.flags, tokens.offsets)


@njit
def _count_sentences(flags: Flags, offsets: Ints) -> Ints:
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(counts)):
        counts[row] = sentences(flags, offsets[row], offsets[row + 1])
    return counts


@njit
def sentences(flags: Flags, first: int, last: int) -> int:
    """Sentences among these tokens: one ends at a terminal mark once a word follows it."""
    count, ended = (1 if last > first else 0), False
    for each in range(first, last):
        if flags[each] & ENDS_SENTENCE:
            ended = True
        elif ended and not flags[each] & IS_PUNCTUATION:
            count += 1
            ended = False
    return count


@njit
def _describe(codes: Codes, table: Table, starts: Ints, ends: Ints) -> tuple[Hashes, Flags]:
    hashes = np.empty(len(starts), np.uint64)
    flags = np.empty(len(starts), np.uint8)
    for each in range(len(starts)):
        start, end = starts[each], ends[each]
        either, both = 0, ALPHA | SYMBOL | PUNCTUATION | TERMINAL
        for at in range(start, end):
            found = bits(codes, table, at)
            either |= found
            both &= found
        hashes[each] = span_hash(codes, start, end)
        flags[each] = (
            (HAS_ALPHA if either & ALPHA else 0)
            | (0 if both & SYMBOL else IS_WORD)
            | (IS_PUNCTUATION if both & PUNCTUATION else 0)
            | (ENDS_SENTENCE if both & TERMINAL and end == start + 1 else 0)
        )
    return hashes, flags
