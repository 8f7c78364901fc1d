"""Card and account numbers."""

import re
from collections.abc import Iterator

from app.curation.pii.check_digits import has_valid_luhn, has_valid_mod97
from app.curation.pii.kinds import CARD, IBAN, Hit

# In one piece or in the groups that are printed on cards; first digits of issuers of cards.
CARD_SHAPE = re.compile(
    r"(?<![\d.-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5})(?![\d-])"
)
_ISSUER = re.compile(r"[3-6]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)")
# Upper case in groups, or in one piece in any case.
IBAN_SHAPE = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
    r"|[a-z]{2}\d{2}[a-z0-9]{11,30})\b"
)


def cards(text: str, start: int, end: int) -> Iterator[Hit]:
    """Card numbers in groups as on cards with a valid check digit."""
    for found in CARD_SHAPE.finditer(text, start, end):
        number = found[0]
        if _ISSUER.match(number) and has_valid_luhn(number):
            yield Hit(CARD, "card", *found.span())


def ibans(text: str, start: int, end: int) -> Iterator[Hit]:
    """Account numbers with valid check digits."""
    for found in IBAN_SHAPE.finditer(text, start, end):
        if has_valid_mod97(found[0]):
            yield Hit(IBAN, "IBAN", *found.span())
