"""Plain values from JSON: what is nearly right is put right and counted, the rest explained."""

import json
import math
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

import orjson

from app.curation.readers.base import Warnings
from app.curation.records import Rejected

DEEPEST = 100
EXCERPT = 2000
_SHOWN = 60
_LISTED = 12

REPLACED = "Characters that cannot be stored (NUL, half of a surrogate pair) became U+FFFD"
NOT_FINITE = "NaN and Infinity were read as missing"
COMMA = "A comma at the end of the line was left out"
NOT_UTF8 = "Bytes that are not UTF-8 were read as Windows-1252 (Latin-1)"
TOO_DEEP = f"This row is nested more than {DEEPEST} levels deep; flatten it."

_SAFE_DIGITS = 18
_BLANK = " \t\n\r"
_LEAST, _MOST = -(2**63), 2**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What the error handler "surrogateescape" makes of a byte, and the character it was meant to be.
WESTERN = {
    0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte)
    for byte in range(0x80, 0x100)
}
# What the parser says, and what people are told.
_SYNTAX = (
    ("Expecting property name", "a field name in double quotes was expected"),
    ("Expecting ':'", "a colon was expected"),
    ("Expecting ','", "a comma was expected; a quote inside text needs a backslash before it"),
    ("Expecting value", "a value was expected: text in double quotes, a number, true, false, null"),
    ("Unterminated string", "the quote that opens here is never closed"),
    ("Invalid control character", "a raw line break, tab, NUL or other control character in text"),
    ("Invalid \\u", "\\u takes four hexadecimal digits"),
    ("Invalid \\", "a backslash before a character that it cannot escape; double it"),
    ("Extra data", "something follows the end of the row; put one object on a line"),
)
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', re.DOTALL)


def parse_line(line: bytes, number: int, warnings: Warnings) -> dict[str, Any] | Rejected:
    """The object that a line of JSON holds."""
    values: Any
    clean = b"u0000" not in line
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        values = _parse_leniently(line, number, warnings)
        clean = False
    if isinstance(values, Rejected):
        return values
    if not isinstance(values, dict):
        return Rejected(number, not_an_object(values), excerpt(line))
    if line.count(b"{") + line.count(b"[") > DEEPEST and depth(line) > DEEPEST:
        return Rejected(number, TOO_DEEP, excerpt(line))
    return values if clean else dict(storable(values, number, warnings))


def _parse_leniently(line: bytes, number: int, warnings: Warnings) -> Any:
    text = decode(line, number, warnings).strip(_BLANK)
    strange: list[str] = []
    decoder = json.JSONDecoder(parse_constant=strange.append, parse_int=integer, parse_float=finite)
    try:
        values, end = decoder.raw_decode(text)
    except json.JSONDecodeError as error:
        return _not_json(line, number, error.msg, error.colno)
    except RecursionError:
        return Rejected(number, TOO_DEEP, excerpt(line))
    rest = text[end:].lstrip(_BLANK)
    if rest not in {"", ","}:
        return _not_json(line, number, "Extra data", len(text) - len(rest) + 1)
    if rest:
        warnings.add(COMMA, number)
    if strange:
        warnings.add(NOT_FINITE, number)
    return values


def _not_json(line: bytes, number: int, problem: str, column: int) -> Rejected:
    column += len(line) - len(line.lstrip())
    reason = not_json(problem, f"column {column:,}")
    return Rejected(number, reason, excerpt(line), at=(number, column))


def integer(digits: str) -> int | float | None:
    """A whole number; one that takes more than 64 bits is rounded, as databases do."""
    if len(digits) <= _SAFE_DIGITS:
        return int(digits)
    rounded = finite(digits)
    if rounded is None:
        return None
    return int(digits) if _LEAST <= rounded < _MOST else rounded


def finite(digits: str) -> float | None:
    """A number, missing where it is too large for one."""
    number = float(digits)
    return number if math.isfinite(number) else None


def decode(raw: bytes, number: int, warnings: Warnings) -> str:
    """The text of the bytes; those that are not UTF-8 are taken for Windows-1252.

    Halves of surrogate pairs stay in it, for `storable` to replace and count.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        warnings.add(NOT_UTF8, number)
    return raw.decode(errors="surrogateescape").translate(WESTERN)


def storable(value: Any, number: int, warnings: Warnings) -> Any:
    """The value with U+FFFD in place of characters that Postgres and UTF-8 cannot hold."""
    cleaned = replaced(value)
    if cleaned != value:
        warnings.add(REPLACED, number)
    return cleaned


def replaced(value: Any) -> Any:
    """The value with U+FFFD for what cannot be stored, uncounted."""
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case list():
            return [replaced(item) for item in value]
        case dict():
            return {replaced(key): replaced(item) for key, item in value.items()}
        case _:
            return value


def parse_cell(text: str) -> Any:
    """What JSON inside a cell of text holds, storable; None where it is none or nested too deep."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if text.count("{") + text.count("[") > DEEPEST and depth(text.encode()) > DEEPEST:
        return None
    return replaced(value) if "u0000" in text else value


def depth(raw: bytes) -> int:
    """How many brackets of this JSON are open at once, at most."""
    now = most = 0
    for found in _BRACKETS.finditer(raw):
        if found[1]:
            now += 1
            most = max(most, now)
        elif not found[0].startswith(b'"'):
            now -= 1
    return most


def excerpt(raw: bytes) -> str:
    """The start of a row, storable, to show beside a reason."""
    return replaced(raw[:EXCERPT].decode(errors="replace").rstrip("\r\n"))  # type: ignore[no-any-return]


def not_json(problem: str, place: str) -> str:
    """The sentence for a syntax error."""
    known = next((said for start, said in _SYNTAX if problem.startswith(start)), problem)
    return f"Not valid JSON at {place}: {known}. Correct this row."


def shown(value: Any) -> str:
    """A value for a sentence: its start where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def listed(names: Iterable[str], most: int = _LISTED) -> str:
    """Names for a sentence: the first ones where there are many, the start of long ones."""
    first = [
        name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
        for name in islice(names, most + 1)
    ]
    return ", ".join([*first[:most], "..."] if len(first) > most else first)


def not_an_object(value: Any) -> str:
    """The sentence for a row that is no object."""
    return f"This row is {kind_of(value)}, an object with named fields was expected."


def kind_of(value: Any) -> str:
    """What people call a value of this type."""
    match value:
        case None:
            return "missing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
