"""How the rules of English split text at white space, and marks off both ends of each run."""

import numpy as np

from app.curation.text.characters import ALPHA, DIGIT, EDGE, LOWER, PREFIX, SPACE, UPPER
from app.curation.text.corpus import Codes, Ints, Table, bits
from app.curation.text.inside import CANNOT, dots, split_inside
from app.curation.text.jit import njit

_APOSTROPHE = 0x2019


@njit
def split(codes: Codes, offsets: Ints, table: Table) -> tuple[Ints, Ints, Ints]:
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
            while at < stop:
                found = bits(codes, table, at)
                if found & SPACE:
                    break
                plain &= found & (ALPHA | DIGIT) != 0
                at += 1
            if plain and at - start != len(CANNOT):
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
        count = split_inside(codes, table, start, right, starts, ends, count)
    first = count
    while end > right:
        length = _suffix(codes, table, start, end)
        starts[count], ends[count] = end - length, end
        count += 1
        end -= length
    if count - first > 1:
        starts[first:count] = starts[first:count][::-1].copy()
        ends[first:count] = ends[first:count][::-1].copy()
    return count


@njit
def _prefix(codes: Codes, table: Table, start: int, end: int) -> int:
    """Length of the mark that splits off the start, 0 for none."""
    code = codes[start]
    if code == ord("."):
        return dots(codes, start, end)
    if code == ord("+"):
        followed = start + 1 < end and bits(codes, table, start + 1) & DIGIT
        return 0 if followed else 1
    return 1 if bits(codes, table, start) & (EDGE | PREFIX) else 0


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
