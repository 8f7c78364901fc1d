"""The fields that an expression may name: is it right about them, and what could come next."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Literal, TypeAlias

from app.curation.rules.nodes import (
    NAME,
    And,
    Compare,
    ExpressionError,
    Missing,
    Node,
    Not,
    Or,
    Range,
    Text,
    render,
    written,
)

FieldType: TypeAlias = Literal["number", "word", "flag", "text", "time"]

_OPERATORS: Mapping[FieldType, tuple[str, ...]] = {
    "number": (">=", "<=", ">", "<", "=", ":"),
    "time": (">=", "<=", ">", "<", "=", ":"),
    "word": (":", "="),
    "flag": (":", "="),
    "text": (":", "="),
}
_HOLDS: Mapping[FieldType, str] = {
    "number": "a number",
    "time": "a time",
    "word": "a word",
    "flag": "true or false",
    "text": "text",
}
# Signals are numbers, and some of them say yes or no.
TRUTH: Mapping[str, str] = {"true": "1", "false": "0"}
_FLAGS = tuple(TRUTH)
MOST_SEARCHES = 50
_LISTED = 12  # values that are named where another one was meant


@dataclass(frozen=True, slots=True)
class Field:
    """A name that expressions may use; `words` are the values it can have, None means any."""

    name: str
    type: FieldType
    words: tuple[str, ...] | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """Text that may stand in place of `source[start:end]`."""

    text: str
    start: int
    end: int
    help: str = ""


Schema: TypeAlias = Mapping[str, Field]


def period(value: str) -> tuple[datetime, datetime]:
    """The time that a value names, end exclusive: a date is its whole day; UTC unless it says.

    Raise ValueError where it is no ISO 8601 date or time.
    """
    start = datetime.fromisoformat(value)
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    is_date = re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    return start, start + (timedelta(days=1) if is_date else timedelta(microseconds=1))


def check(node: Node, schema: Schema) -> None:
    """Raise ExpressionError for an unknown field, an operator or a value that it cannot have.

    Also where more texts are looked through than a person waits for.
    """
    _check(node, schema)
    searches = list(_searches(node, schema))
    if len(searches) > MOST_SEARCHES:
        raise ExpressionError(
            searches[MOST_SEARCHES].start,
            f"one expression looks for at most {MOST_SEARCHES} words or texts. Quotes make one "
            "phrase of the words in them.",
        )


def _searches(node: Node, schema: Schema) -> Iterator[Text | Compare]:
    """The terms that read the body of a sample, one for each value."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _searches(part, schema)
        case Not(part):
            yield from _searches(part, schema)
        case Text():
            yield node
        case Compare() if schema[node.field].type == "text":
            yield from [node] * len(node.values)
        case _:
            pass


def _check(node: Node, schema: Schema) -> None:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                _check(part, schema)
        case Not(part):
            _check(part, schema)
        case Missing(name):
            _field(schema, name, node.end - len(name))
        case Range():
            _check_range(node, _field(schema, node.field, node.start))
        case Compare():
            _check_compare(node, _field(schema, node.field, node.start))
        case Text():  # pragma: no branch
            pass


def _field(schema: Schema, name: str, position: int) -> Field:
    if name in schema:
        return schema[name]
    close = tuple(get_close_matches(name, schema, n=3))
    hint = f" {_did_you_mean(close)}" if close else " To search the text for it, put it in quotes."
    raise ExpressionError(position, f"there is no field `{name}`.{hint}", close)


def _check_compare(node: Compare, field: Field) -> None:
    allowed = _OPERATORS[field.type]
    if node.op not in allowed:
        message = f"`{field.name}` holds {_HOLDS[field.type]}: use {' or '.join(allowed)} with it."
        raise ExpressionError(node.start, message, allowed)
    places = node.places or (node.start,) * len(node.values)
    says_yes_or_no = field.type == "number" and node.op in _OPERATORS["flag"]
    for value, place in zip(node.values, places, strict=True):
        if not (says_yes_or_no and value in TRUTH):
            _check_value(field, value, place)


def _check_range(node: Range, field: Field) -> None:
    if field.type not in {"number", "time"}:
        raise ExpressionError(
            node.start, f"`{field.name}` holds {_HOLDS[field.type]}: it cannot take a range."
        )
    for value, place in zip((node.low, node.high), node.places, strict=True):
        if value is not None:
            _check_value(field, value, place)
    if node.low and node.high and _order(field, node.low) > _order(field, node.high):
        raise ExpressionError(
            node.places[0],
            f"the range is empty: {node.low} comes after {node.high}.",
            (render(Range(field.name, node.high, node.low)),),
        )


def _order(field: Field, value: str) -> float:
    return float(value) if field.type == "number" else period(value)[0].timestamp()


def _check_value(field: Field, value: str, position: int) -> None:
    if field.type == "number" and not _is_number(value):
        raise ExpressionError(position, f"`{field.name}` needs a number, not `{value}`.")
    if field.type == "time" and not _is_time(value):
        raise ExpressionError(
            position,
            f"`{field.name}` needs a time such as 2025-01-31 or 2025-01-31T09:30, not `{value}`.",
        )
    words = _FLAGS if field.type == "flag" else field.words
    if words is not None and value not in words:
        close = tuple(get_close_matches(value, words, n=3))
        more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
        hint = _did_you_mean(close) if close else f"It can be {', '.join(words[:_LISTED])}{more}."
        raise ExpressionError(
            position, f"`{field.name}` is never `{value}`. {hint}", close or tuple(words)
        )


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value)) and "_" not in value
    except ValueError:
        return False


def _is_time(value: str) -> bool:
    try:
        period(value)
    except (ValueError, OverflowError):
        return False
    return True


def _did_you_mean(close: tuple[str, ...]) -> str:
    return f"Did you mean {' or '.join(close)}?"


_VALUE_HERE = re.compile(rf"({NAME})(:|=)((?:[^\s(),\"]+,)*)([^\s(),\"]*)\Z")
_NAME_HERE = re.compile(r"[\w.]*\Z")
_NAME_REST = re.compile(r"[\w.]*")
_VALUE_REST = re.compile(r"[^\s(),\":]*")
_CONDITION_BEFORE = re.compile(r"(?:[^\s(\-]|\))\s*\Z")
_KEYWORD_BEFORE = re.compile(r"(?:^|[\s()])(?:AND|OR|NOT)\s+\Z")


def complete(source: str, cursor: int, schema: Schema) -> list[Completion]:
    """What would be right at the cursor: values of a field, or names, operators, keywords."""
    before = source[:cursor]
    if len(re.findall(r'(?<!\\)"', before)) % 2:
        return []
    if here := _VALUE_HERE.search(before):
        return _values(schema, here[1], here[4], source, cursor)
    return _terms(schema, before, source, cursor)


def _values(schema: Schema, name: str, typed: str, source: str, cursor: int) -> list[Completion]:
    end = _VALUE_REST.match(source, cursor).end()  # type: ignore[union-attr]
    if name == "missing":
        found = [(field.name, field.help) for field in _matching(typed, schema)]
    else:
        words = _words(schema.get(name))
        found = [(written(word), "") for word in words if word.startswith(typed)]
    return [Completion(text, cursor - len(typed), end, note) for text, note in found]


def _words(field: Field | None) -> Iterable[str]:
    if field is None:
        return ()
    return _FLAGS if field.type == "flag" else field.words or ()


def _terms(schema: Schema, before: str, source: str, cursor: int) -> list[Completion]:
    typed = _NAME_HERE.search(before)[0]  # type: ignore[index]
    start, end = cursor - len(typed), _NAME_REST.match(source, cursor).end()  # type: ignore[union-attr]
    found = [
        Completion(operator, cursor, cursor, f"{typed} {operator} {_HOLDS[schema[typed].type]}")
        for operator in (_OPERATORS[schema[typed].type] if typed in schema else ())
    ]
    found += [
        Completion(field.name + _OPERATORS[field.type][0], start, end, field.help)
        for field in _matching(typed, schema)
        if field.name != typed
    ]
    if "missing".startswith(typed):
        found.append(Completion("missing:", start, end, "samples without a value there"))
    return found + [
        Completion(word, start, end, note)
        for word, note in _keywords(before[:start])
        if word.startswith(typed)
    ]


def _matching(typed: str, schema: Schema) -> list[Field]:
    """Fields whose name starts with what was typed, then those that hold it elsewhere."""
    hits = [field for field in schema.values() if typed.lower() in field.name.lower()]
    return sorted(
        hits, key=lambda field: (not field.name.lower().startswith(typed.lower()), field.name)
    )


def _keywords(before: str) -> list[tuple[str, str]]:
    keywords = [("NOT", "samples for which the next condition does not hold")]
    if _CONDITION_BEFORE.search(before) and not _KEYWORD_BEFORE.search(before):
        keywords += [("AND", "both conditions hold"), ("OR", "one of the conditions holds")]
    return keywords
