"""The filter expression: one grammar for the search box, the API, the command line and rules.

either   = both {"OR" both}
both     = negation {["AND"] negation}
negation = ("-" | "NOT") negation | "(" either ")" | term
term     = field ":" value {"," value} | field ":" [low] ".." [high] | field order value
         | "missing" ":" field | word | quoted
"""

import re

from app.curation.rules.evaluation import evaluate
from app.curation.rules.fields import Completion, Field, FieldType, check, complete, period
from app.curation.rules.nodes import (
    NAME,
    WORD,
    And,
    Compare,
    ExpressionError,
    Missing,
    Node,
    Not,
    Operator,
    Or,
    Range,
    Text,
    conditions,
    render,
)

__all__ = [
    "And",
    "Compare",
    "Completion",
    "ExpressionError",
    "Field",
    "FieldType",
    "Missing",
    "Node",
    "Not",
    "Or",
    "Range",
    "Text",
    "check",
    "complete",
    "conditions",
    "evaluate",
    "parse",
    "period",
    "render",
]

LONGEST = 4_000
DEEPEST = 50

_SPACE = re.compile(r"\s*")
_OPEN = re.compile(r"\(")
_CLOSE = re.compile(r"\)")
_AND = re.compile(rf"AND(?!{WORD}|\s*[<>=])")
_OR = re.compile(rf"OR(?!{WORD}|\s*[<>=])")
_NOT = re.compile(rf"-|NOT(?!{WORD}|\s*[<>=])")
_FIELD = re.compile(rf"({NAME})(?=:|\s*[<>=])")
_OPERATOR = re.compile(r":|\s*(?:[<>]=?|=)\s*")
_COMMA = re.compile(r",\s*")
_WORD = re.compile(WORD)
_NAME = re.compile(rf"{NAME}(?!{WORD})")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse(source: str) -> Node:
    """Read an expression; an empty one is `And(())`, everything. Raise ExpressionError."""
    if len(source) > LONGEST:
        raise ExpressionError(
            LONGEST,
            f"the expression is {len(source):,} characters long, {LONGEST:,} are the most.",
        )
    return _Parser(source).whole()


class _Parser:
    """Recursive descent over the source itself: what a character means depends on its place."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.last = 0
        self.depth = 0

    def whole(self) -> Node:
        self.skip()
        if self.ended:
            return And((), start=0, end=len(self.source))
        node = self.either()
        if not self.ended:
            raise ExpressionError(self.at, "there is no opening parenthesis for this `)`.")
        return node

    def either(self) -> Node:
        start = self.at
        parts = [self.both("a condition")]
        while word := self.take(_OR):
            parts.append(self.both(f"a condition after {word}"))
        if len(parts) == 1:
            return parts[0]
        return Or(tuple(parts), start=start, end=self.last)

    def both(self, wanted: str) -> Node:
        start = self.at
        parts = [self.negation(wanted)]
        while not (self.ended or self.sees(_CLOSE) or self.sees(_OR)):
            word = self.take(_AND)
            parts.append(self.negation(f"a condition after {word}" if word else "a condition"))
        if len(parts) == 1:
            return parts[0]
        return And(tuple(parts), start=start, end=self.last)

    def negation(self, wanted: str) -> Node:
        start = self.at
        if word := self.take(_NOT):
            self.descend(start)
            part = self.negation(f"a condition after {word}" if word == "NOT" else "a word or (")
            self.depth -= 1
            return Not(part, start=start, end=self.last)
        if self.take(_OPEN):
            self.descend(start)
            node = self.either()
            if not self.take(_CLOSE):
                raise ExpressionError(start, "this parenthesis is never closed.", (")",))
            self.depth -= 1
            return node
        return self.term(wanted)

    def descend(self, start: int) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(
                start, f"more than {DEEPEST} levels of parentheses and NOT inside each other."
            )

    def term(self, wanted: str) -> Node:
        start = self.at
        if keyword := self.take(_AND) or self.take(_OR):
            raise ExpressionError(start, f"{wanted} was expected, not {keyword}.")
        if name := self.take(_FIELD, spaces=False):
            operator = (self.take(_OPERATOR, spaces=False) or "").strip()
            if name == "missing":
                return self.missing(start, operator)
            return self.comparison(start, name, operator)  # type: ignore[arg-type]
        if self.sees(_QUOTED):
            return self.phrase(start)
        if word := self.take(_WORD, spaces=False):
            return Text(word, False, start=start, end=self.end_of_term())
        raise self.unexpected(wanted)

    def phrase(self, start: int) -> Node:
        text = self.quoted()
        if not text.strip():
            raise ExpressionError(start, "there is no text between these quotes.")
        return Text(text, True, start=start, end=self.end_of_term())

    def missing(self, start: int, operator: str) -> Node:
        name = self.take(_NAME, spaces=False) if operator == ":" else None
        if not name:
            raise ExpressionError(
                start, "`missing` takes the name of one field, as in missing:edu_judge."
            )
        return Missing(name, start=start, end=self.end_of_term())

    def comparison(self, start: int, name: str, operator: Operator) -> Node:
        places, bare = [self.at], self.sees(_WORD)
        values = [self.value(f"a value after `{name}{operator}`")]
        if bare and operator == ":" and ".." in values[0]:
            return self.range(start, name, values[0], places[0])
        while self.take(_COMMA, spaces=False):
            places.append(self.at)
            if operator not in {":", "="}:
                raise ExpressionError(self.at, f"`{operator}` takes one value, not a list.")
            values.append(self.value("a value after the comma"))
        return Compare(
            name,
            operator,
            tuple(values),
            places=tuple(places),
            start=start,
            end=self.end_of_term(),
        )

    def range(self, start: int, name: str, value: str, place: int) -> Node:
        low, _, high = value.partition("..")
        if not (low or high):
            raise ExpressionError(place, "a range needs an end: 1..5, 1.. or ..5.")
        if self.sees(_COMMA):
            raise ExpressionError(self.at, "a range cannot stand in a list; use OR.")
        places = (place, place + len(low) + 2)
        end = self.end_of_term()
        return Range(name, low or None, high or None, places=places, start=start, end=end)

    def value(self, wanted: str) -> str:
        if self.sees(_QUOTED):
            return self.quoted()
        word = self.take(_WORD, spaces=False)
        if not word:
            raise self.unexpected(wanted)
        return word

    def quoted(self) -> str:
        return _ESCAPE.sub(r"\1", (self.take(_QUOTED, spaces=False) or "")[1:-1])

    @property
    def ended(self) -> bool:
        return self.at == len(self.source)

    def sees(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self.source, self.at) is not None

    def take(self, pattern: re.Pattern[str], *, spaces: bool = True) -> str | None:
        """What matches here, stepped over together with (`spaces`) the blanks behind it."""
        found = pattern.match(self.source, self.at)
        if found is None:
            return None
        self.at = self.last = found.end()
        if spaces:
            self.skip()
        return found[0]

    def skip(self) -> None:
        self.at = _SPACE.match(self.source, self.at).end()  # type: ignore[union-attr]

    def end_of_term(self) -> int:
        self.skip()
        return self.last

    def unexpected(self, wanted: str) -> ExpressionError:
        if self.ended:
            return ExpressionError(self.at, f"{wanted} was expected, the expression ends here.")
        character = self.source[self.at]
        if character == '"':
            return ExpressionError(self.at, "this quote is never closed.", ('"',))
        if character.isspace() or character in "()":
            return ExpressionError(self.at, f"{wanted} was expected here.")
        return ExpressionError(
            self.at, f"{wanted} was expected, not `{character}`; put text that holds it in quotes."
        )
