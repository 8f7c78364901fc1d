"""Expressions of numbers, and what they are worth: powers before products, products before sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

_PRODUCTS = frozenset(["*", "/", "//"])
_MOST_BITS = 1000  # of a power


@dataclass(frozen=True, slots=True)
class Token:
    """A number with its value, an operator, a word: what a line is read as."""

    kind: str
    text: str
    value: Fraction | None = None


Side = Sequence[Token]


def worth(side: Side) -> Fraction | None:
    """What an expression is worth: powers, products, sums; None if it is none."""
    left = list(reversed(side))
    try:
        found = _sum(left)
    except (IndexError, ValueError, ZeroDivisionError):
        return None
    return None if left else found


def _sum(left: list[Token]) -> Fraction:
    found = _product(left)
    while left and left[-1].text in {"+", "-"}:
        sign = 1 if left.pop().text == "+" else -1
        found += sign * _product(left)
    return found


def _product(left: list[Token]) -> Fraction:
    found, divided = _factor(left), False
    while left and (left[-1].text in _PRODUCTS or left[-1].text == "(" or left[-1].kind == "num"):
        times = left.pop().text if left[-1].text in _PRODUCTS else ""
        if divided and not times:
            raise ValueError("1/2(3)")  # people read it in two ways
        factor, divided = _factor(left), times in {"/", "//"}
        found = found / factor if divided else found * factor
        if times == "//":
            found = Fraction(floor(found))
    return found


def _factor(left: list[Token]) -> Fraction:
    if left[-1].text in {"-", "+"}:
        sign = 1 if left.pop().text == "+" else -1
        return sign * _factor(left)
    found = _atom(left)
    if left and left[-1].text == "^":
        left.pop()
        return _power(found, _factor(left))
    return found


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator > 1 or abs(exponent) * bits > _MOST_BITS:
        raise ValueError(exponent)
    return base ** int(exponent)


def _atom(left: list[Token]) -> Fraction:
    one = left.pop()
    if one.value is not None:
        return one.value
    if one.text != "(":
        raise ValueError(one.text)
    found = _sum(left)
    if left.pop().text != ")":
        raise ValueError(")")
    return found
