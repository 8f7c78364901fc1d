"""Kinds of personal data that have a checkable shape: their names, measures and masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PiiKind:
    """One kind: its key, the measure that counts it, what people call it, what is put instead."""

    key: str
    measure: str
    title: str
    help: str
    mask: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A place of personal data: which kind, in which form, from where to where."""

    kind: str
    form: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """Start and end in the text."""
        return self.start, self.end


EMAIL: Final = "email"
PHONE: Final = "phone"
IPV4: Final = "ipv4"
IPV6: Final = "ipv6"
CARD: Final = "card"
IBAN: Final = "iban"
SSN: Final = "ssn"
NATIONAL_ID: Final = "national_id"
SECRET: Final = "secret"  # noqa: S105 - the name of a kind
CRYPTO: Final = "crypto"

_ALL = (
    PiiKind(EMAIL, "pii_emails", "E-mail addresses", "Addresses with a domain.", "<EMAIL>"),
    PiiKind(
        PHONE,
        "pii_phones",
        "Phone numbers",
        "Numbers of 7 to 15 digits grouped as phone numbers are: with a country or area code, near "
        "a word such as “call”, or valid in the numbering plan of a large country; dates apart.",
        "<PHONE>",
    ),
    PiiKind(IPV4, "pii_ipv4", "IP addresses", "IPv4 addresses that the internet routes.", "<IPV4>"),
    PiiKind(
        IPV6, "pii_ipv6", "IPv6 addresses", "IPv6 addresses that the internet routes.", "<IPV6>"
    ),
    PiiKind(
        CARD,
        "pii_credit_cards",
        "Card numbers",
        "Numbers of 13 to 19 digits with a valid check digit (Luhn, ISO/IEC 7812).",
        "<CARD>",
    ),
    PiiKind(
        IBAN,
        "pii_ibans",
        "Account numbers",
        "IBANs with valid check digits (mod 97, ISO 13616).",
        "<IBAN>",
    ),
    PiiKind(
        SSN,
        "pii_ssn",
        "US social security numbers",
        "Numbers as 123-45-6789 in areas that are given out; without hyphens near a word that says "
        "what it is.",
        "<SSN>",
    ),
    PiiKind(
        NATIONAL_ID,
        "pii_national_ids",
        "National identity numbers",
        "With check digits or a fixed structure: British NINO and NHS, German tax, Spanish DNI and "
        "NIE, French NIR, Italian, Dutch, Polish, Brazilian and Indian numbers. Where the shape "
        "could be any number, a word beside it has to say what it is.",
        "<NATIONAL_ID>",
    ),
    PiiKind(
        SECRET,
        "pii_secrets",
        "Keys and passwords",
        "API keys of known make, tokens, private keys, passwords in addresses and assignments.",
        "<SECRET>",
    ),
    PiiKind(
        CRYPTO,
        "pii_crypto",
        "Wallet addresses",
        "Bitcoin and Ethereum addresses with a valid checksum.",
        "<WALLET>",
    ),
)

KINDS: Mapping[str, PiiKind] = {each.key: each for each in _ALL}


def places(counts: Mapping[str, int]) -> str:
    """Counts by kind as people read them: "E-mail addresses: 2, Card numbers: 1"."""
    named = ((KINDS[kind].title, count) for kind, count in counts.items())
    return ", ".join(f"{title}: {count:,}" for title, count in named)
