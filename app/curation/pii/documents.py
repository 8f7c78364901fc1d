"""Numbers that states give to people, by their check digits or their structure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.curation.pii.check_digits import (
    digits_of,
    has_valid_mod11_10,
    has_valid_verhoeff,
    weighted,
)
from app.curation.pii.kinds import NATIONAL_ID, SSN, Hit, Span

_BEFORE, _AFTER = 60, 20  # characters in which a word may say what a number is


@dataclass(frozen=True, slots=True)
class _Form:
    """A document: its name, its shape, what checks it, and the words it needs beside it."""

    name: str
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]
    words: re.Pattern[str] | None = None
    kind: str = NATIONAL_ID


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})", re.IGNORECASE)


def _digits(groups: str) -> re.Pattern[str]:
    """A number of these groups of digits, with one kind of separator or none between them."""
    parts = [rf"\d{{{size}}}" for size in groups.split()]
    return re.compile(rf"(?<![\w.-]){'[ .-]?'.join(parts)}(?![\w-]|[.,]\d)")


# Areas that were never given out, and two numbers that advertisements made known (SSA).
_SSN_ADVERTISED = frozenset({"078051120", "219099999"})
_NINO = re.compile(
    r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r" ?\d\d ?\d\d ?\d\d ?[A-D](?!\w)"
)
_DNI = re.compile(r"(?<![\w.-])(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?!\w)")
_NIR = re.compile(
    r"(?<![\w.-])[12378] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d(?!\w)"
)
_CODICE = re.compile(
    r"(?<!\w)[A-Za-z]{6}[\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z](?!\w)"
)
_CPF_DOTTED = re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?!\w)")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD_PLACES = (
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22),
    *(25, 24, 23),
)


def _is_ssn(number: str) -> bool:
    digits = "".join(char for char in number if char.isdigit())
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    never = area in {"000", "666"} or area[0] == "9" or group == "00" or serial == "0000"
    return not never and digits not in _SSN_ADVERTISED and len(set(digits)) > 1


def _is_nhs(number: str) -> bool:
    *digits, check = digits_of(number)
    return len({*digits}) > 1 and (11 - weighted(digits, range(10, 1, -1)) % 11) % 11 == check


def _is_steuer_id(number: str) -> bool:
    """One of the first ten digits stands there twice or three times, the others once at most."""
    digits = digits_of(number)
    counts = sorted((digits[:10].count(one) for one in set(digits[:10])), reverse=True)
    repeated = counts[0] in {2, 3} and (len(counts) == 1 or counts[1] == 1)
    return digits[0] != 0 and repeated and has_valid_mod11_10(digits)


def _is_dni(number: str) -> bool:
    compact = number.replace("-", "")
    first = {"X": "0", "Y": "1", "Z": "2"}.get(compact[0], compact[0])
    return _DNI_LETTERS[int(first + compact[1:-1]) % 23] == compact[-1]


def _is_nir(number: str) -> bool:
    compact = number.replace(" ", "")
    # Corsica counts as 19 and 18 (INSEE).
    body = compact[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(compact[13:])


def _is_codice(number: str) -> bool:
    values = [int(char, 36) if char.isdigit() else ord(char) - 65 for char in number.upper()]
    total = sum(values[place] if place % 2 else _ODD_PLACES[values[place]] for place in range(15))
    return total % 26 == values[15]


def _is_bsn(number: str) -> bool:
    digits = digits_of(number)
    total = weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1))
    return total % 11 == 0 and any(digits)


def _is_pesel(number: str) -> bool:
    digits = digits_of(number)
    month, day = 10 * digits[2] + digits[3], 10 * digits[4] + digits[5]
    sums = weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    return sums and 1 <= month % 20 <= 12 and 1 <= day <= 31


def _is_cpf(number: str) -> bool:
    digits = digits_of(number)
    return len(set(digits)) > 1 and all(
        weighted(digits[:size], range(size + 1, 1, -1)) * 10 % 11 % 10 == digits[size]
        for size in (9, 10)
    )


def _is_aadhaar(number: str) -> bool:
    digits = digits_of(number)
    return digits[0] >= 2 and has_valid_verhoeff(digits)


_SSN_WORDS = _words("ssn", r"s\.s\.n", "social security", "social insurance")
NUMBERED = (
    _Form("US SSN", re.compile(r"(?<![\w.-])\d{3}-\d\d-\d{4}(?![\w-])"), _is_ssn, kind=SSN),
    _Form("US SSN", _digits("3 2 4"), _is_ssn, _SSN_WORDS, kind=SSN),
    _Form("British NHS number", _digits("3 3 4"), _is_nhs, _words("nhs", "health service")),
    _Form(
        "German tax number",
        _digits("2 3 3 3"),
        _is_steuer_id,
        _words("steuer", "tax id", "tin\\b", "idnr", "identifikationsnummer"),
    ),
    _Form("Spanish DNI or NIE", _DNI, _is_dni),
    _Form("French NIR", _NIR, _is_nir),
    _Form("Dutch BSN", _digits("3 3 3"), _is_bsn, _words("bsn", "burgerservice", "sofi")),
    _Form("Polish PESEL", _digits("11"), _is_pesel, _words("pesel")),
    _Form("Brazilian CPF", _CPF_DOTTED, _is_cpf),
    _Form("Brazilian CPF", _digits("3 3 3 2"), _is_cpf, _words("cpf\\b", "cadastro de pessoas")),
    _Form("Indian Aadhaar", _digits("4 4 4"), _is_aadhaar, _words("aadha?ar", "adhaar", "uidai")),
)
LETTERED = (
    _Form("British NINO", _NINO, lambda _: True),
    _Form("Italian codice fiscale", _CODICE, _is_codice),
)


def numbered(text: str, start: int, end: int) -> Iterator[Hit]:
    """Numbers of digits."""
    return _found(NUMBERED, text, start, end)


def lettered(text: str, start: int, end: int) -> Iterator[Hit]:
    """Numbers that begin with letters."""
    return _found(LETTERED, text, start, end)


def _found(forms: tuple[_Form, ...], text: str, start: int, end: int) -> Iterator[Hit]:
    for form in forms:
        for found in form.shape.finditer(text, start, end):
            if form.is_valid(found[0]) and _is_named(form, text, found.span(), (start, end)):
                yield Hit(form.kind, form.name, *found.span())


def _is_named(form: _Form, text: str, place: Span, line: Span) -> bool:
    if form.words is None:
        return True
    low, high = max(line[0], place[0] - _BEFORE), min(line[1], place[1] + _AFTER)
    return form.words.search(text, low, high) is not None
