"""E-mail addresses and phone numbers."""

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from app.curation.pii.kinds import EMAIL, PHONE, Hit, Span

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
    r"[A-Za-z]{2,24}(?![\w-])"
)
# Starts at a plus sign or the area code; seven to fifteen digits in all (ITU-T E.164).
_PHONE = re.compile(
    r"(?<![\w./-])(?<!\d,)(?:(?:\+\d{1,3}|1|00\d{1,3})[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])"
    r"(?:\d{2,4}[ .-]){0,3}\d{2,8}(?:x\d{1,6})?(?!\w|-\d|[.,]\d)"
    r"|(?<!\w)\+\d{7,15}(?!\w)|(?<![\w./+-])(?<!\d,)\d{9,11}(?!\w|-\d|[.,]\d)"
)
# As North America writes its numbers, with the prefix for calls abroad or without.
_TEN = re.compile(r"(?:00?1[ .-])?\d{3}([.-])\d{3}\1\d{4}")
_DATE = re.compile(r"(?:19|20)\d\d[ .-]\d\d?[ .-]\d\d?|\d\d?[ .-]\d\d?[ .-](?:19|20)\d\d")
# Digits in one piece, fewer than eight, decimals, ranges of years or pages: no word says more.
_OTHER_NUMBER = re.compile(
    r"\d+|\d+\.\d+|\d{3}[ -]\d{4}|\d{3}[ -]\d\d[ -]\d\d|\d{4,5}-\d{4,5}|[1-9]\d(?: \d\d){3,6}"
)
_IN_A_ROW = re.compile(r"\d[,;|]? $")
_ROW_GOES_ON = re.compile(r"[,;|]? \d")
_EXTENSION = re.compile(r"x\d+$")
_WORDS = re.compile(
    r"\b(?:tel(?:ephone|efon)?|phone|call(?:ed|ing)?|mobile|cell|fax|whatsapp|dial|ring|hotline|"
    r"text(?:ed)? (?:me|us)|reach (?:me|us|him|her|them)|contact|handy|m[oó]vil|"
    r"t[eé]l[eé](?:phone|fono))\b|[☎📞]",
    re.IGNORECASE,
)
_AFTER_WORDS = re.compile(
    r"[ (-]{1,2}(?:office|fax|mobile|cell|home|work|landline)\b", re.IGNORECASE
)
_BEFORE = 40  # characters in which a word may say that this is a phone number
# Where most people with a phone live whose texts are curated; a number without its country's
# code has to be valid in one of them.
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "AU", "IN", "BR", "MX", "JP", "ZA")
_FEWEST, _MOST = 7, 15


def emails(text: str, start: int, end: int) -> Iterator[Hit]:
    """Addresses with a domain."""
    for found in _EMAIL.finditer(text, start, end):
        yield Hit(EMAIL, "e-mail", *found.span())


def phones(text: str, start: int, end: int) -> Iterator[Hit]:
    """Numbers that are written, announced or given out as phone numbers."""
    for found in _PHONE.finditer(text, start, end):
        if _is_phone(text, found[0], found.span(), start):
            yield Hit(PHONE, "phone", *found.span())


def _is_phone(text: str, number: str, place: Span, line: int) -> bool:
    bare = _EXTENSION.sub("", number)
    if not _FEWEST <= sum(char.isdigit() for char in bare) <= _MOST or _DATE.search(bare):
        return False
    if bare.startswith("+"):
        return _is_possible(bare)
    if _WORDS.search(text, max(line, place[0] - _BEFORE), place[0]):
        return True
    if _AFTER_WORDS.match(text, place[1]) or _TEN.fullmatch(bare):
        return True
    if bare.startswith("("):
        return len(bare) >= _FEWEST + 3
    if _OTHER_NUMBER.fullmatch(bare) or _IN_A_ROW.search(text[max(place[0] - 3, 0) : place[0]]):
        return False
    return not _ROW_GOES_ON.match(text, place[1]) and _is_given_out(bare)


@lru_cache(maxsize=4096)
def _is_possible(number: str) -> bool:
    """Whether a number with a country's code has the length that country uses."""
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=4096)
def _is_given_out(number: str) -> bool:
    """Whether the number is valid in the numbering plan of one of the regions."""
    return any(
        phonenumbers.is_valid_number(phonenumbers.parse(number, region)) for region in _REGIONS
    )
