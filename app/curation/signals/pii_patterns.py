"""Personal data that has a checkable shape."""

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import DIGIT, classes
from app.curation.text.corpus import Codes, Ints, Table, bits
from app.curation.text.jit import njit

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
    r"[A-Za-z]{2,24}(?![\w-])"
)
# Starts at a plus sign or the area code; seven to fifteen digits in all (ITU-T E.164).
_PHONE = re.compile(
    r"(?<![\w.,/-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])"
    r"(?:\d{2,4}[ .-]){1,3}\d{2,4}(?![\w-]|[.,]\d)|(?<!\w)\+\d{7,15}(?!\w)"
)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_CARD = re.compile(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d-])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_DATE = re.compile(r"(?:19|20)\d\d[ .-]\d\d?[ .-]\d\d?|\d\d?[ .-]\d\d?[ .-](?:19|20)\d\d")

Span = tuple[int, int]


class PiiPatterns(Signal):
    """Does the text give away how to reach or charge somebody?

    Finds personal data by its shape and check digits. Names and addresses have no shape and are
    not found. The notes give places, never the values.
    """

    key: ClassVar = "pii_patterns"
    title: ClassVar = "Personal data"
    measures: ClassVar = (
        Measure("pii_emails", "E-mail addresses", "Addresses with a domain.", "places"),
        Measure(
            "pii_phones",
            "Phone-like numbers",
            "Numbers of 7 to 15 digits grouped as phone numbers are; dates apart.",
            "places",
        ),
        Measure("pii_ipv4", "IP addresses", "IPv4 addresses that the internet routes.", "places"),
        Measure(
            "pii_credit_cards",
            "Card numbers",
            "Numbers of 13 to 19 digits with a valid check digit (Luhn, ISO/IEC 7812).",
            "places",
        ),
        Measure(
            "pii_ibans",
            "Account numbers",
            "IBANs with valid check digits (mod 97, ISO 13616).",
            "places",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        corpus, lines = batch.corpus, batch.lines
        marks = _mark_lines(corpus.codes, classes(), lines.starts, lines.ends)
        marked = np.flatnonzero(marks)
        rows = np.searchsorted(lines.offsets, marked, side="right") - 1
        starts = lines.starts[marked] - corpus.offsets[rows]
        ends = lines.ends[marked] - corpus.offsets[rows]
        found: dict[int, tuple[list[Span], ...]] = {}
        for row, *place in np.stack([rows, marks[marked], starts, ends], axis=1).tolist():
            spans = found.setdefault(row, tuple([] for _ in self.measures))
            for known, new in zip(spans, _find(batch.texts[row], *place), strict=True):
                known.extend(new)
        values = np.zeros((len(batch), len(self.measures)), np.float32)
        notes = {}
        for row, spans in found.items():
            values[row] = [len(each) for each in spans]
            if any(spans):
                kinds = zip(self.measures, spans, strict=True)
                reason = ", ".join(f"{kind.title}: {len(each)}" for kind, each in kinds if each)
                notes[row] = Note(reason, tuple(sorted(span for each in spans for span in each)))
        return Scores(values, notes=notes)


# What a line may hold. No pattern goes beyond its line and most lines hold nothing, so one compiled
# pass spares them the patterns, which try every character.
_AT_SIGN: Final = 1
_NUMBER: Final = 2
_ACCOUNT: Final = 4
_GAP: Final = 3
_ACCOUNT_LETTERS: Final = 2
_ACCOUNT_DIGITS: Final = 2
_PHONE_DIGITS: Final = 7
_IP_DIGITS: Final = 4
_IP_DOTS: Final = 3


@njit
def _mark_lines(codes: Codes, table: Table, starts: Ints, ends: Ints) -> NDArray[np.uint8]:
    """Per line: an at sign, digits enough and near enough, two capitals and two digits."""
    marks = np.zeros(len(starts), np.uint8)
    for line in range(len(starts)):
        digits, dots, gap, capitals, after = 0, 0, 0, 0, 0
        for at in range(starts[line], ends[line]):
            code = codes[at]
            if bits(codes, table, at) & DIGIT:
                digits, gap, after = digits + 1, 0, after + 1
                if after == _ACCOUNT_DIGITS and capitals >= _ACCOUNT_LETTERS:
                    marks[line] |= _ACCOUNT
                if digits >= _PHONE_DIGITS or (digits >= _IP_DIGITS and dots >= _IP_DOTS):
                    marks[line] |= _NUMBER
                continue
            after = 0
            capitals = capitals + 1 if ord("A") <= code <= ord("Z") else 0
            if gap < _GAP and _separates(code):
                gap, dots = gap + 1, dots + (code == ord("."))
            else:
                digits = dots = gap = 0
            marks[line] |= _AT_SIGN if code == ord("@") else 0
    return marks


@njit
def _separates(code: int) -> bool:
    """Whether this may stand between the digits of a number."""
    return code in (ord(" "), ord("."), ord("("), ord(")"), ord("-"))


def _find(text: str, mark: int, start: int, end: int) -> tuple[list[Span], ...]:
    """Places of e-mail addresses, phone, IP, card and account numbers, in the order of measures."""
    place = (text, start, end)
    emails = [each.span() for each in _EMAIL.finditer(*place)] if mark & _AT_SIGN else []
    if not mark & (_NUMBER | _ACCOUNT):
        return emails, [], [], [], []
    shapes = [list(shape.finditer(*place)) for shape in (_IPV4, _CARD, _IBAN)]
    addresses, cards, ibans = (
        [each.span() for each in found if is_valid(each[0])]
        for found, is_valid in zip(
            shapes, (_is_public, has_valid_luhn, has_valid_mod97), strict=True
        )
    )
    # What has the shape of another number is no phone number either, valid or not.
    taken = _merged(each.span() for found in shapes for each in found)
    phones = [
        each.span()
        for each in _PHONE.finditer(*place)
        if _is_phone(each[0]) and not _overlaps(each.span(), taken)
    ]
    return emails, phones, addresses, cards, ibans


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _overlaps(span: Span, taken: list[Span]) -> bool:
    place = bisect_left(taken, span[1], key=lambda each: each[0])
    return place > 0 and taken[place - 1][1] > span[0]


def has_valid_luhn(number: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1); all zeros do not count."""
    digits = [int(char) for char in number if char.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return any(digits) and (sum(digits[-1::-2]) + doubled) % 10 == 0


def has_valid_mod97(iban: str) -> bool:
    """Whether digits three and four check the rest (ISO 13616)."""
    compact = iban.replace(" ", "")
    turned = compact[4:] + compact[:4]
    return (
        15 <= len(compact) <= 34 and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
    )


def _is_public(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_global
    except ValueError:
        return False


def _is_phone(number: str) -> bool:
    return 7 <= sum(char.isdigit() for char in number) <= 15 and not _DATE.search(number)
