"""How the rules of English split a run without white space inside, once its ends are bare."""

from typing import Final

from app.curation.text.characters import ALPHA, DIGIT, ICON, LOWER, QUOTE, UPPER
from app.curation.text.corpus import Codes, Ints, Table, bits
from app.curation.text.jit import njit

_APOSTROPHE = 0x2019
_ELLIPSIS = 0x2026
_EN_DASH = 0x2013
_EM_DASH = 0x2014
# Chinese and Japanese end sentences without a space after them.
_WIDE_STOPS = (0x3002, 0xFF01, 0xFF1F)
CANNOT: Final = tuple(ord(char) for char in "cannot")


@njit
def split_inside(
    codes: Codes, table: Table, start: int, end: int, starts: Ints, ends: Ints, count: int
) -> int:
    """Tokens of a chunk without the marks around it."""
    cut = end - _contraction(codes, start, end)
    if cut < end:
        starts[count], starts[count + 1] = start, cut
        ends[count], ends[count + 1] = cut, end
        return count + 2
    if not _is_plain(codes, table, start, end) and not _is_address(codes, table, start, end):
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
def _is_plain(codes: Codes, table: Table, start: int, end: int) -> bool:
    """Whether these are letters and digits alone, as most are: then there is nothing to split."""
    at = start
    while at < end and bits(codes, table, at) & (ALPHA | DIGIT):
        at += 1
    return at == end


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
    same = end - start == len(CANNOT)
    while same and at < len(CANNOT):
        same = codes[start + at] | 32 == CANNOT[at]
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
    run = dots(codes, at, end)
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


@njit
def dots(codes: Codes, start: int, end: int) -> int:
    """Length of a run of two or more full stops."""
    at = start
    while at < end and codes[at] == ord("."):
        at += 1
    return at - start if at - start > 1 else 0
