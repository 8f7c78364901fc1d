"""Words of texts as hashes without case and marks, their n-grams, and sets of these."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from app.curation.text.characters import ALPHA, DIGIT, IDEOGRAPH, TABLE_SIZE, classes
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits
from app.curation.text.hashing import Hashes, mix
from app.curation.text.jit import njit

_SEED = np.uint64(0xCBF29CE484222325)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a corpus; those of text i are numbers `offsets[i]` to `offsets[i + 1]`."""

    starts: Ints
    ends: Ints
    hashes: Hashes
    offsets: Ints


@dataclass(frozen=True, slots=True)
class Sets:
    """Sorted distinct hashes; those of row i are `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: Hashes
    offsets: Ints


@cache
def _lower() -> NDArray[np.uint32]:
    """The small letter of each code point, where that is one code point."""
    table = np.arange(TABLE_SIZE, dtype=np.uint32)
    for code in range(TABLE_SIZE):
        small = chr(code).lower()
        if len(small) == 1:
            table[code] = ord(small)
    return table


def composed(text: str) -> str:
    """The text in NFC: an accent counts the same, whether it is a character of its own or not."""
    return text if text.isascii() else normalize("NFC", text)


def words(corpus: Corpus) -> Words:
    """Runs of letters and digits; of scripts without spaces, every character by itself."""
    return Words(*_words(corpus.codes, corpus.offsets, classes(), _lower()))


def grams(found: Words, size: int) -> tuple[Hashes, Ints]:
    """Hashes of the n-grams of words, in their order; a shorter text is one n-gram."""
    return _grams(found.hashes, found.offsets, size)


def sets(flat: Hashes, offsets: Ints) -> Sets:
    """The distinct hashes of every row."""
    return Sets(*_sets(flat, offsets))


def joined(parts: Iterable[Sets]) -> Sets:
    """Sets of several batches, one after the other."""
    hashes, sizes = [np.empty(0, np.uint64)], [np.zeros(1, np.int64)]
    for part in parts:
        hashes.append(part.hashes)
        sizes.append(np.diff(part.offsets))
    return Sets(np.concatenate(hashes), np.cumsum(np.concatenate(sizes)))


def jaccard(held: Sets, first: Ints, second: Ints) -> NDArray[np.float32]:
    """Shared hashes of two rows as a share of all that either has; 0 for two empty rows."""
    return _jaccard(held.hashes, held.offsets, first, second)


@njit
def _words(
    codes: Codes, offsets: Ints, table: Table, lower: NDArray[np.uint32]
) -> tuple[Ints, Ints, Hashes, Ints]:
    room = 0
    inside = False
    for at in range(len(codes)):
        found = bits(codes, table, at)
        is_word = found & (ALPHA | DIGIT | IDEOGRAPH) != 0
        room += is_word and (not inside or found & IDEOGRAPH != 0)
        inside = is_word and found & IDEOGRAPH == 0
    room += len(offsets)
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    hashes = np.empty(room, np.uint64)
    counts = np.zeros(len(offsets), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            found = bits(codes, table, at)
            if not found & (ALPHA | DIGIT | IDEOGRAPH):
                at += 1
                continue
            start, value = at, _SEED
            while at < stop:
                code = codes[at]
                small = lower[code] if code < len(lower) else code
                value = (value ^ np.uint64(small)) * _BASE
                value ^= value >> _SHIFT
                at += 1
                if found & IDEOGRAPH or at == stop:
                    break
                after = bits(codes, table, at)
                if not after & (ALPHA | DIGIT) or after & IDEOGRAPH:
                    break
            starts[count], ends[count], hashes[count] = start, at, mix(value)
            count += 1
        counts[row + 1] = count
    return starts[:count], ends[:count], hashes[:count], counts


@njit
def _grams(hashes: Hashes, offsets: Ints, size: int) -> tuple[Hashes, Ints]:
    made = np.empty(len(hashes), np.uint64)
    counts = np.zeros(len(offsets), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        first, last = offsets[row], offsets[row + 1]
        width = min(size, last - first)
        for at in range(first, last - width + 1 if width else first):
            value = _SEED
            for step in range(width):
                value = (value ^ hashes[at + step]) * _BASE
                value ^= value >> _SHIFT
            made[count] = mix(value)
            count += 1
        counts[row + 1] = count
    return made[:count].copy(), counts


@njit
def _sets(flat: Hashes, offsets: Ints) -> tuple[Hashes, Ints]:
    kept = np.empty(len(flat), np.uint64)
    counts = np.zeros(len(offsets), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        some = np.sort(flat[offsets[row] : offsets[row + 1]])
        for at in range(len(some)):
            if at == 0 or some[at] != some[at - 1]:
                kept[count] = some[at]
                count += 1
        counts[row + 1] = count
    return kept[:count].copy(), counts


@njit
def _jaccard(hashes: Hashes, offsets: Ints, first: Ints, second: Ints) -> NDArray[np.float32]:
    found = np.zeros(len(first), np.float32)
    for pair in range(len(first)):
        a, a_end = offsets[first[pair]], offsets[first[pair] + 1]
        b, b_end = offsets[second[pair]], offsets[second[pair] + 1]
        total, shared = a_end - a + b_end - b, 0
        while a < a_end and b < b_end:
            left, right = hashes[a], hashes[b]
            shared += left == right
            a += left <= right
            b += right <= left
        if total:
            found[pair] = shared / (total - shared)
    return found
