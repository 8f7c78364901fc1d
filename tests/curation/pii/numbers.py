"""Made-up numbers with the check digits that real ones have, drawn by a seed."""

import random
from collections.abc import Callable

from app.curation.pii.check_digits import has_valid_luhn, has_valid_mod97


def _number(draw: random.Random, digits: int) -> str:
    return "".join(str(draw.randrange(10)) for _ in range(digits))


def card(draw: random.Random) -> str:
    """16 digits of a card, the last one found by trying."""
    start = f"4{_number(draw, 14)}"
    number = next(f"{start}{last}" for last in range(10) if has_valid_luhn(f"{start}{last}"))
    return (
        " ".join(number[at : at + 4] for at in range(0, 16, 4)) if draw.random() < 0.5 else number
    )


def iban(draw: random.Random) -> str:
    """A German account number."""
    account = _number(draw, 18)
    tried = (f"DE{check:02d}{account}" for check in range(2, 99))
    return next(number for number in tried if has_valid_mod97(number))


def email(draw: random.Random) -> str:
    """An address at a domain for examples."""
    name = "".join(draw.choices("abcdefgh", k=6))
    return f"{name}.{_number(draw, 2)}@mail.example.{draw.choice(('com', 'org', 'de'))}"


def phone(draw: random.Random) -> str:
    """Written in one of the ways that people use."""
    area, exchange = draw.randrange(212, 990), draw.randrange(200, 990)
    last = _number(draw, 4)
    return draw.choice(
        (
            f"+1 {area} {exchange} {last}",
            f"({area}) {exchange}-{last}",
            f"{area}-{exchange}-{last}",
            f"+44 20 7{_number(draw, 3)} {last}",
            f"+49 30 {_number(draw, 3)}{last}",
        )
    )


def ssn(draw: random.Random) -> str:
    """In an area that was given out."""
    return f"{draw.randrange(100, 600)}-{draw.randrange(1, 100):02d}-{draw.randrange(1, 10000):04d}"


def ipv4(draw: random.Random) -> str:
    """An address that the internet routes."""
    parts = (
        draw.randrange(20, 99),
        draw.randrange(256),
        draw.randrange(256),
        draw.randrange(1, 255),
    )
    return ".".join(str(part) for part in parts)


PLANTED: dict[str, Callable[[random.Random], str]] = {
    "email": email,
    "phone": phone,
    "card": card,
    "iban": iban,
    "ssn": ssn,
    "ipv4": ipv4,
}
