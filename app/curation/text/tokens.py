"""Words and punctuation of a batch, close to what spaCy's blank English tokenizer finds.

The published thresholds of the web filters were set on such tokens, so the rules here follow
theirs: white space, then marks off both ends, then hyphens, slashes and the like inside.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.curation.text.characters import (
    ALPHA,
    DIGIT,
    EDGE,
    ICON,
    LOWER,
    PREFIX,
    PUNCTUATION,
    QUOTE,
    SPACE,
    SYMBOL,
    TERMINAL,
    UPPER,
    classes,
)
from app.curation.text.corpus import Codes, Corpus, Ints, Table, bits
from app.curation.text.hashing import Hashes, span_hash
from app.curation.text.jit import njit

HAS_ALPHA: Final = 1
# Not made of symbols alone: the words that the Gopher rules count.
IS_WORD: Final = 2
IS_PUNCTUATION: Final = 4
ENDS_SENTENCE: Final = 8

Flags = NDArray[np.uint8]

_APOSTROPHE = 0x2019
_ELLIPSIS = 0x2026
_EN_DASH = 0x2013
_EM_DASH = 0x2014
# Chinese and Japanese end sentences without a space after them.
_WIDE_STOPS = (0x3002, 0xFF01, 0xFF1F)
_CANNOT = tuple(ord(char) for char in "cannot")


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
    starts, ends, offsets = _tokenize(corpus.codes, corpus.offsets, table)
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


@njit
def _tokenize(codes: Codes, offsets: Ints, table: Table) -> tuple[Ints, Ints, Ints]:
    # Untouched pages of an empty array cost no memory, so the bound may be generous.
    starts, ends = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    token_offsets = np.zeros(len(offsets), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            if bits(codes, table, at) & SPACE:
                at += 1
                continue
            start, plain = at, True
            while at < stop and not bits(codes, table, at) & SPACE:
                plain &= bits(codes, table, at) & (ALPHA | DIGIT) != 0
                at += 1
            if plain and at - start != len(_CANNOT):
                starts[count], ends[count] = start, at
                count += 1
            else:
                count = _chunk(codes, table, start, at, starts, ends, count)
        token_offsets[row + 1] = count
    return starts[:count].copy(), ends[:count].copy(), token_offsets


@njit
def _chunk(
    codes: Codes, table: Table, start: int, end: int, starts: Ints, ends: Ints, count: int
) -> int:
    """Tokens of a run without white space."""
    while start < end:
        length = _prefix(codes, table, start, end)
        if not length:
            break
        starts[count], ends[count] = start, start + length
        count += 1
        start += length
    right = end
    while right > start:
        length = _suffix(codes, table, start, right)
        if not length:
            break
        right -= length
    if right > start:
        count = _middle(codes, table, start, right, starts, ends, count)
    first = count
    while end > right:
        length = _suffix(codes, table, start, end)
        starts[count], ends[count] = end - length, end
        count += 1
        end -= length
    starts[first:count] = starts[first:count][::-1].copy()
    ends[first:count] = ends[first:count][::-1].copy()
    return count


@njit
def _prefix(codes: Codes, table: Table, start: int, end: int) -> int:
    """Length of the mark that splits off the start, 0 for none."""
    code = codes[start]
    if code == ord("."):
        return _dots(codes, start, end)
    if code == ord("+"):
        followed = start + 1 < end and bits(codes, table, start + 1) & DIGIT
        return 0 if followed else 1
    return 1 if bits(codes, table, start) & (EDGE | PREFIX) else 0


@njit
def _dots(codes: Codes, start: int, end: int) -> int:
    """Length of a run of two or more full stops."""
    at = start
    while at < end and codes[at] == ord("."):
        at += 1
    return at - start if at - start > 1 else 0


@njit
def _suffix(codes: Codes, table: Table, start: int, end: int) -> int:
    """Length of the mark that splits off the end, 0 for none."""
    code = codes[end - 1]
    if code == ord("."):
        return _final_dots(codes, table, start, end)
    if bits(codes, table, end - 1) & EDGE:
        return 1
    if end - start < 2:
        return 0
    before = bits(codes, table, end - 2)
    if code in (ord("s"), ord("S")):
        return 2 if codes[end - 2] in (ord("'"), _APOSTROPHE) else 0
    if code in (ord("+"), ord("%")) or bits(codes, table, end - 1) & PREFIX:
        return 1 if before & DIGIT and code != ord("=") else 0
    return 0


@njit
def _final_dots(codes: Codes, table: Table, start: int, end: int) -> int:
    at = end
    while at > start and codes[at - 1] == ord("."):
        at -= 1
    if end - at > 1:
        return end - at
    if at == start or _is_initials(codes, table, start, end):
        return 0
    before = bits(codes, table, at - 1)
    if before & (DIGIT | LOWER | EDGE) or codes[at - 1] in (ord("%"), ord("-"), ord("+")):
        return 1
    two = at - 2 >= start and before & UPPER and bits(codes, table, at - 2) & UPPER
    return 1 if two else 0


@njit
def _is_initials(codes: Codes, table: Table, start: int, end: int) -> bool:
    """Whether this is letters each with a full stop: "a.", "e.g.", "U.S."."""
    if (end - start) % 2 or end - start > 8:
        return False
    for at in range(start, end, 2):
        if not bits(codes, table, at) & ALPHA or codes[at + 1] != ord("."):
            return False
    return True


@njit
def _middle(
    codes: Codes, table: Table, start: int, end: int, starts: Ints, ends: Ints, count: int
) -> int:
    """Tokens of a chunk without the marks around it."""
    cut = end - _contraction(codes, start, end)
    if cut < end:
        starts[count], starts[count + 1] = start, cut
        ends[count], ends[count + 1] = cut, end
        return count + 2
    if not _is_address(codes, table, start, end):
        at = start + 1
        while at < end:
            length = _infix(codes, table, start, at, end)
            if length:
                starts[count], ends[count] = start, at
                starts[count + 1], ends[count + 1] = at, at + length
                count += 2 if at > start else 1
                start = at + length
                at = start
            at += 1
    if start < end:
        starts[count], ends[count] = start, end
        count += 1
    return count


@njit
def _contraction(codes: Codes, start: int, end: int) -> int:
    """Length of the second part of "don't", "you're", "cannot", 0 for other words."""
    if end - start < 3:
        return 0
    a, b, c = codes[end - 3] | 32, codes[end - 2] | 32, codes[end - 1] | 32
    if _is_apostrophe(codes[end - 2]):
        if c == ord("t") and a == ord("n") and end - start > 3:
            return 3
        return 2 if c in (ord("d"), ord("m")) else 0
    if _is_apostrophe(codes[end - 3]) and end - start > 3:
        known = (b == ord("l") and c == ord("l")) or (b in (ord("r"), ord("v")) and c == ord("e"))
        return 3 if known else 0
    return 3 if _is_cannot(codes, start, end) else 0


@njit
def _is_cannot(codes: Codes, start: int, end: int) -> bool:
    at = 0
    same = end - start == len(_CANNOT)
    while same and at < len(_CANNOT):
        same = codes[start + at] | 32 == _CANNOT[at]
        at += 1
    return same


@njit
def _is_apostrophe(code: int) -> bool:
    return code in (ord("'"), _APOSTROPHE)


@njit
def _infix(codes: Codes, table: Table, start: int, at: int, end: int) -> int:
    """Length of the mark that splits a word in two here, 0 for none."""
    here = bits(codes, table, at)
    code = codes[at]
    if here & (ALPHA | DIGIT):
        length = 0
    elif here & ICON or code in (_ELLIPSIS, *_WIDE_STOPS):
        length = 1
    elif code == ord("."):
        length = _inner_dots(codes, table, start, at, end)
    elif at == start or at + 1 >= end or not bits(codes, table, at - 1) & (ALPHA | DIGIT):
        length = 0
    elif code in (ord("-"), ord("~"), _EN_DASH, _EM_DASH):
        length = max(_hyphens(codes, table, at, end), _arithmetic(codes, table, at))
    elif code in (ord("+"), ord("*"), ord("^")):
        length = _arithmetic(codes, table, at)
    else:
        length = _joins_words(codes, table, at)
    return length


@njit
def _arithmetic(codes: Codes, table: Table, at: int) -> int:
    """1 for a sign between digits, as in "2020-01-01", else 0."""
    signed = bits(codes, table, at + 1) & DIGIT or codes[at + 1] == ord("-")
    plain = codes[at] != ord("~") and codes[at] < _EN_DASH
    return 1 if bits(codes, table, at - 1) & DIGIT and signed and plain else 0


@njit
def _joins_words(codes: Codes, table: Table, at: int) -> int:
    """1 for a comma, slash or the like that stands before a letter without a space, else 0."""
    code = codes[at]
    known = code in (ord(":"), ord("<"), ord(">"), ord("="), ord("/")) or (
        code == ord(",") and bits(codes, table, at - 1) & ALPHA
    )
    return 1 if known and bits(codes, table, at + 1) & ALPHA else 0


@njit
def _inner_dots(codes: Codes, table: Table, start: int, at: int, end: int) -> int:
    run = _dots(codes, at, end)
    if run or at == start or at + 1 >= end:
        return run
    after = bits(codes, table, at + 1)
    upper = after & (UPPER | QUOTE) or (after & ALPHA and not _has_case(after, codes[at + 1]))
    return 1 if bits(codes, table, at - 1) & (LOWER | QUOTE) and upper else 0


@njit
def _has_case(found: int, code: int) -> bool:
    """Whether the letter is of a script with capitals (Latin, Greek, Cyrillic)."""
    return bool(found & UPPER) or code < 0x530


@njit
def _hyphens(codes: Codes, table: Table, at: int, end: int) -> int:
    """Length of up to three equal hyphens with a letter after them."""
    last = at + 1
    while last < end and last < at + 3 and codes[last] == codes[at]:
        last += 1
    return last - at if last < end and bits(codes, table, last) & ALPHA else 0


@njit
def _is_address(codes: Codes, table: Table, start: int, end: int) -> bool:
    """Whether this is a web or mail address: a host of dotted labels, a path after it."""
    at = _after_scheme(codes, table, start, end)
    for each in range(at, end):
        if codes[each] == ord("@"):
            at = each + 1
            break
    label = at
    dots = 0
    while at < end and _in_host(codes, table, at):
        if codes[at] == ord("."):
            if at == label:
                return False
            label, dots = at + 1, dots + 1
        at += 1
    if dots == 0 or at - label < 2:
        return False
    for each in range(label, at):
        if not bits(codes, table, each) & LOWER:
            return False
    return at == end or codes[at] in (ord("/"), ord("?"), ord("#"), ord(":"))


@njit
def _after_scheme(codes: Codes, table: Table, start: int, end: int) -> int:
    """Where the host of "https://host" begins: the start itself without a scheme."""
    at = start
    while at < end and (_in_host(codes, table, at) or codes[at] == ord("+")):
        at += 1
    slashed = at + 2 < end and codes[at + 1] == ord("/") and codes[at + 2] == ord("/")
    return at + 3 if at > start and slashed and codes[at] == ord(":") else start


@njit
def _in_host(codes: Codes, table: Table, at: int) -> bool:
    code = codes[at]
    return bool(bits(codes, table, at) & (ALPHA | DIGIT)) or code in (
        ord("."),
        ord("-"),
        ord("_"),
    )
