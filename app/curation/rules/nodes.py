"""The parts a filter expression is made of, and how they are written down again."""

import re
from dataclasses import dataclass
from dataclasses import field as column
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal[":", "=", ">=", "<=", ">", "<"]

WORD = r"(?:[A-Za-z0-9_\-./:@+]|[^\x00-\x7f\s])+"
NAME = r"[^\W\d]\w*(?:\.\w+)*"


class ExpressionError(ValueError):
    """Why an expression is wrong: where (0-based), in a sentence, and what would be right there."""

    def __init__(self, position: int, message: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(f"At {position + 1}: {message}")
        self.position = position
        self.message = message
        self.suggestions = suggestions


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node stands in its source, 0-based, end exclusive; no part of its meaning."""

    start: int = column(default=0, compare=False)
    end: int = column(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And(Place):
    """True where all parts are; without parts it is the empty expression: everything."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or(Place):
    """True where one part is."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not(Place):
    """True where the part is false; unknown where the part is unknown."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Compare(Place):
    """`field:value`, `field>=value`; several values (after `:` or `=` only) mean any of them."""

    field: str
    op: Operator
    values: tuple[str, ...]
    places: tuple[int, ...] = column(default=(), compare=False)

    @property
    def value(self) -> str:
        """The first value: the only one after an operator that orders."""
        return self.values[0]


@dataclass(frozen=True, slots=True)
class Range(Place):
    """`field:low..high`, both ends included; None is an open end."""

    field: str
    low: str | None
    high: str | None
    places: tuple[int, int] = column(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Missing(Place):
    """`missing:field`: true where the sample has no value there."""

    field: str


@dataclass(frozen=True, slots=True)
class Text(Place):
    """A word, or (`phrase`) a quoted run of words, anywhere in the text of the sample."""

    words: str
    phrase: bool


Node: TypeAlias = And | Or | Not | Compare | Range | Missing | Text


def conditions(node: Node) -> list[Node]:
    """The conditions that must all hold: the parts of an AND at the top, in order."""
    if isinstance(node, And):
        return [condition for part in node.parts for condition in conditions(part)]
    return [node]


def render(node: Node) -> str:
    """Write the expression in its canonical form; parsing that gives an equal node."""
    match node:
        case And(parts):
            return " ".join(_bracketed(part, And, Or) for part in parts)
        case Or(parts):
            return " OR ".join(_bracketed(part, Or) for part in parts)
        case Not(part):
            return "-" + _bracketed(part, And, Or)
        case _:
            return _render_term(node)


def _render_term(node: Compare | Range | Missing | Text) -> str:
    match node:
        case Compare(name, op, values):
            return name + op + ",".join(written(value) for value in values)
        case Range(name, low, high):
            return f"{name}:{low or ''}..{high or ''}"
        case Missing(name):
            return f"missing:{name}"
        case Text(words, phrase):  # pragma: no branch
            return quote(words) if phrase else words


def quote(text: str) -> str:
    """The text in quotes, as an expression takes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bracketed(node: Node, *kinds: type) -> str:
    return f"({render(node)})" if isinstance(node, kinds) else render(node)


def written(value: str) -> str:
    """A value as an expression takes it, in quotes where it needs them."""
    return value if re.fullmatch(WORD, value) and ".." not in value else quote(value)
