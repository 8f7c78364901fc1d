"""What an expression means: its value for one sample, in the three-valued logic of SQL."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.curation.rules.fields import TRUTH, FieldType, Schema, period
from app.curation.rules.nodes import And, Compare, Missing, Node, Not, Or, Range, Text

_TOKEN = re.compile(r"\w+")


def evaluate(node: Node, values: Mapping[str, Any], schema: Schema | None = None) -> bool | None:
    """Whether the sample with these values is meant: True, False, or None for unknown.

    A comparison with a missing number or time is None, and so is its NOT; one with a missing
    word, tag, flag or text is False. A date means its whole day, in UTC. Values without a type
    in the schema are taken for what they are; the text of the sample is `values["text"]`.
    """
    match node:
        case And(parts):
            return _all([evaluate(part, values, schema) for part in parts])
        case Or(parts):
            negated = [_not(evaluate(part, values, schema)) for part in parts]
            return _not(_all(negated))
        case Not(part):
            return _not(evaluate(part, values, schema))
        case Missing(name):
            return _is_missing(values.get(name))
        case Text(words):
            return _holds_words(str(values.get("text") or ""), words)
        case Range() | Compare():  # pragma: no branch
            return _compare(node, values.get(node.field), schema)


def _all(parts: Sequence[bool | None]) -> bool | None:
    if False in parts:
        return False
    return None if None in parts else True


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, list | tuple | set | frozenset) and not value)


def _holds_words(text: str, words: str) -> bool:
    """Whether the words stand one after the other in the text, whatever their case."""
    wanted, tokens = _TOKEN.findall(words.lower()), _TOKEN.findall(text.lower())
    return bool(wanted) and any(
        tokens[at : at + len(wanted)] == wanted for at in range(len(tokens) - len(wanted) + 1)
    )


def _compare(node: Compare | Range, value: Any, schema: Schema | None) -> bool | None:
    kind = _type_of(node, value, schema)
    if kind in {"number", "time"}:
        return None if _is_missing(value) else _ordered(node, value, _SPANS[kind])
    if isinstance(node, Range) or _is_missing(value):
        return False
    if kind == "text" and node.op == ":":
        return any(_holds_words(value, wanted) for wanted in node.values)
    if kind == "flag":
        return str(bool(value)).lower() in node.values
    held = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    return any(wanted in held for wanted in node.values)


def _type_of(node: Compare | Range, value: Any, schema: Schema | None) -> FieldType:
    if schema is not None and node.field in schema:
        return schema[node.field].type
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, datetime):
        return "time"
    orders = isinstance(node, Range) or node.op not in {":", "="}
    return "number" if isinstance(value, int | float) or (value is None and orders) else "word"


def _ordered(node: Compare | Range, value: Any, span: Callable[[str], tuple[Any, Any]]) -> bool:
    """Compare with what a literal spans, end exclusive: of a date its day, of a number itself."""
    if isinstance(node, Range):
        return (node.low is None or value >= span(node.low)[0]) and (
            node.high is None or value < span(node.high)[1]
        )
    spans = [span(literal) for literal in node.values]
    start, end = spans[0]
    match node.op:
        case ">=":
            return bool(value >= start)
        case ">":
            return bool(value >= end)
        case "<=":
            return bool(value < end)
        case "<":
            return bool(value < start)
        case _:
            return any(start <= value < end for start, end in spans)


def _number(literal: str) -> tuple[float, float]:
    value = float(TRUTH.get(literal, literal))
    return value, math.nextafter(value, math.inf)


_SPANS: Mapping[str, Callable[[str], tuple[Any, Any]]] = {"number": _number, "time": period}
