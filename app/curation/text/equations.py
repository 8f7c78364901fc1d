"""Equations between numbers in a line of text, and whether they hold."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

_TOKEN = re.compile(
    r"(?P<mixed>\d{1,6}\s(?:and\s)?\d{1,6}/\d{1,6}(?![\d.]))"
    r"|(?P<num>[$€£]?(?:\d{1,3}(?:,\d{3})+(?![,\d])(?:\.\d+)?|\d+(?![\d,]*,\d)(?:\.\d+)?|\.\d+)\s?"
    r"(?:%|\\%)?)"
    r"|(?P<op>\\times|\\cdot|\\div|[-+*/×÷−–]|\bx\b(?=\s*[\d($])|\bof\b(?=\s*[\d($]))"
    r"|(?P<eq>=)|(?P<par>[()])|(?P<word>[^\W\d_]+)|(?P<skip>\s+|\$)|(?P<other>\d[\d,]*|.)"
)
_MARKED = re.compile(r"<<([^<>]*)>>")
_OPS = {"×": "*", "\\times": "*", "\\cdot": "*", "x": "*", "of": "*"} | {
    "÷": "/",
    "\\div": "/",
    "−": "-",
    "–": "-",
}
_MARKS = frozenset(",;:.!?\"'&|[]#")  # they part, and are no operands
_NUMBERED = re.compile(r"^\s*(?:\(?\d+[.)](?!\d)|[-*•]\s)\s*")
_JOINS = frozenset(
    [
        *("and", "then", "so", "but", "or", "which", "for", "in", "of", "to", "per", "left"),
        *("has", "have", "had", "is", "are", "was", "makes", "gives", "costs", "holds", "with"),
    ]
)
_MOST_TOKENS = 60
_MOST_DIGITS = 30
_LARGE = 10**30
_MOST_CHARS = 5000


@dataclass(frozen=True, slots=True)
class Equation:
    """Two neighbouring sides: as written, what the left one is worth, whether it holds."""

    left: str
    right: str
    worth: str
    holds: bool


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    value: Fraction | None = None


def equations(line: str) -> Iterator[Equation]:
    """All equations between numbers in a line, those within << >> among them."""
    line = _NUMBERED.sub("", line[:_MOST_CHARS])
    for part in (*_MARKED.findall(line), _MARKED.sub(" ", line)):
        if "=" not in part:
            continue
        for run in _runs(part):
            yield from _checked(run)


def _runs(text: str) -> Iterator[list[_Token]]:
    """Stretches of numbers and operators; one word behind a number is its unit.

    What is neither ends a stretch. Where it may be an operand (a letter, a power) a token without
    value stays at the end that it touches, so that no side with it is worked out.
    """
    run: list[_Token] = []
    for found in _TOKEN.finditer(text):
        kind, shown = found.lastgroup or "", found.group()
        if kind == "skip":
            continue
        last = run[-1].kind if run else ""
        touches = text[found.start() - 1 : found.start()].isdigit()
        if shown == "of" and last == "unit":  # `4 packs of 10` multiplies nothing
            yield run
            run = []
        elif kind in {"num", "mixed", "op", "eq", "par"}:
            if kind in {"num", "mixed"} and (
                last in {"num", "unit"} or [one.kind for one in run] == ["word"]
            ):
                yield run
                # The second half of `1 hour 20 minutes` is worth nothing alone.
                half = last == "unit" and run[-1].text.lower() not in _JOINS
                run = [_Token("half", "")] if half else []
            run.append(_token(kind, shown))
        elif kind == "word" and last == "num" and not (touches and len(shown) == 1):
            run.append(_Token("unit", shown))
        else:
            operand = shown not in _MARKS
            if operand and (touches or last == "op"):
                run.append(_Token("other", shown))
            yield run
            run = [_Token(kind, shown)] if operand else []
    yield run


def _token(kind: str, shown: str) -> _Token:
    if kind == "mixed":
        whole, *_, part = shown.split()
        above, below = map(int, part.split("/"))
        return (
            _Token("num", shown, int(whole) + Fraction(above, below))
            if below
            else _Token("other", shown)
        )
    if kind != "num":
        return _Token(kind, _OPS.get(shown, shown))
    digits = shown.strip("$€£% \\").replace(",", "")
    if len(digits) > _MOST_DIGITS:
        return _Token("other", shown)
    value = Fraction(digits) / (100 if "%" in shown else 1)
    return _Token(kind, shown.strip(), value)


def _checked(run: Sequence[_Token]) -> Iterator[Equation]:
    if not any(one.kind == "eq" for one in run) or len(run) > _MOST_TOKENS:
        return
    sides: list[list[_Token]] = [[]]
    for one in run:
        if one.kind == "eq":
            sides.append([])
        else:
            sides[-1].append(one)
    for left, right in pairwise(sides):
        found = _compared(left, right)
        if found is not None:
            yield found


def _compared(left: Sequence[_Token], right: Sequence[_Token]) -> Equation | None:
    """None where a side is no expression of numbers, or neither side has anything to work out."""
    if _converts(left, right) or _converts(right, left):
        return None
    left, right = ([one for one in side if one.kind != "unit"] for side in (left, right))
    if not any(one.kind == "op" for one in (*left[1:], *right[1:])):
        return None
    values = _value(left), _value(right)
    if values[0] is None or values[1] is None:
        return None
    slack = max(_rounding(left), _rounding(right))
    # `100 - 50 = 50%` counts in percent.
    for scale in (1, *([100] if _is_percent(left) != _is_percent(right) else [])):
        if abs(values[0] * scale - values[1]) <= slack * scale or (
            scale > 1 and abs(values[0] - values[1] * scale) <= slack * scale
        ):
            return Equation(_shown(left), _shown(right), _decimal(values[0]), True)
    return Equation(_shown(left), _shown(right), _decimal(values[0]), False)


def _converts(side: Sequence[_Token], other: Sequence[_Token]) -> bool:
    """Whether a number is in a unit that the other side has not, as in `2 kg = 2 * 1000 g`."""
    mine, its = _units(side), _units(other)
    alone = sum(one.kind != "unit" for one in side) == 1
    return alone and bool(its) and bool(mine - its)


def _units(side: Sequence[_Token]) -> set[str]:
    words = {one.text.lower().rstrip("s") for one in side if one.kind == "unit"} - _JOINS
    return words | {"dollar" for one in side if one.text.startswith("$")}


def _is_percent(side: Sequence[_Token]) -> bool:
    return len(side) == 1 and "%" in side[0].text


def _rounding(side: Sequence[_Token]) -> Fraction:
    """Half of the last digit, where a side is one number that may be rounded."""
    if len(side) != 1 or "." not in side[0].text:
        return Fraction(0)
    digits = len(side[0].text.rstrip("% \\").partition(".")[2])
    return Fraction(1, 2 * 10**digits) / (100 if "%" in side[0].text else 1)


def _shown(side: Sequence[_Token]) -> str:
    return " ".join(one.text for one in side).replace("( ", "(").replace(" )", ")")


def _decimal(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) < _LARGE:
        return str(value.numerator)
    return f"{float(max(Fraction(-_LARGE), min(value, Fraction(_LARGE)))):.6g}"


def _value(side: Sequence[_Token]) -> Fraction | None:
    """What an expression is worth: products before sums, from the left; None if it is none."""
    left = list(reversed(side))
    try:
        found = _sum(left)
    except (IndexError, ValueError, ZeroDivisionError):
        return None
    return None if left else found


def _sum(left: list[_Token]) -> Fraction:
    found = _product(left)
    while left and left[-1].text in {"+", "-"}:
        sign = 1 if left.pop().text == "+" else -1
        found += sign * _product(left)
    return found


def _product(left: list[_Token]) -> Fraction:
    found = _factor(left)
    while left and left[-1].text in {"*", "/"}:
        times = left.pop().text == "*"
        factor = _factor(left)
        found = found * factor if times else found / factor
    return found


def _factor(left: list[_Token]) -> Fraction:
    one = left.pop()
    if one.value is not None:
        return one.value
    if one.text == "-":
        return -_factor(left)
    if one.text != "(":
        raise ValueError(one.text)
    found = _sum(left)
    if left.pop().text != ")":
        raise ValueError(")")
    return found
