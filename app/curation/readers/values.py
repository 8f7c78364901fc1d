"""Plain values from JSON: what is nearly right is put right and counted, the rest explained."""

import json
import math
import re
from typing import Any

import orjson

from app.curation.readers.base import Warnings
from app.curation.records import Rejected

DEEPEST = 100
EXCERPT = 500

REPLACED = "Characters that cannot be stored (NUL, half of a surrogate pair) became U+FFFD"
NOT_FINITE = "NaN and Infinity were read as missing"
NOT_UTF8 = "Bytes that are not UTF-8 were read as Windows-1252 (Latin-1)"
TOO_DEEP = f"This row is nested more than {DEEPEST} levels deep; flatten it."

_SAFE_DIGITS = 18
_LEAST, _MOST = -(2**63), 2**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What the error handler "surrogateescape" makes of a byte, and the character it was meant to be.
WESTERN = {
    0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte)
    for byte in range(0x80, 0x100)
}
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', re.DOTALL)


def parse_line(line: bytes, number: int, warnings: Warnings) -> dict[str, Any] | Rejected:
    """The object that a line of JSON holds."""
    values: Any
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        values = _parse_leniently(line, number, warnings)
    if isinstance(values, Rejected):
        return values
    if not isinstance(values, dict):
        return Rejected(number, not_an_object(values), excerpt(line))
    if line.count(b"{") + line.count(b"[") > DEEPEST and depth(line) > DEEPEST:
        return Rejected(number, TOO_DEEP, excerpt(line))
    if b"u0000" in line:
        return dict(storable(values, number, warnings))
    return values


def _parse_leniently(line: bytes, number: int, warnings: Warnings) -> Any:
    text = decode(line.rstrip(b"\r\n"), number, warnings)
    strange: list[str] = []
    try:
        values = json.loads(
            text, parse_constant=strange.append, parse_int=integer, parse_float=finite
        )
    except json.JSONDecodeError as error:
        return Rejected(number, not_json(error.msg, f"column {error.colno}"), excerpt(line))
    except RecursionError:
        return Rejected(number, TOO_DEEP, excerpt(line))
    if strange:
        warnings.add(NOT_FINITE, number)
    return storable(values, number, warnings)


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
    """The text of the bytes; those that are not UTF-8 are taken for Windows-1252."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        warnings.add(NOT_UTF8, number)
    return raw.decode(errors="surrogateescape").translate(WESTERN)


def storable(value: Any, number: int, warnings: Warnings) -> Any:
    """The value with U+FFFD in place of characters that Postgres and UTF-8 cannot hold."""
    cleaned = _replace(value)
    if cleaned != value:
        warnings.add(REPLACED, number)
    return cleaned


def _replace(value: Any) -> Any:
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case list():
            return [_replace(item) for item in value]
        case dict():
            return {_replace(key): _replace(item) for key, item in value.items()}
        case _:
            return value


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
    return _replace(raw[:EXCERPT].decode(errors="replace").rstrip("\r\n"))  # type: ignore[no-any-return]


def not_json(problem: str, place: str) -> str:
    """The sentence for a syntax error."""
    return f"Not valid JSON at {place}: {problem[:1].lower()}{problem[1:]}. Correct this row."


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
