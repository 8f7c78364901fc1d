"""Arithmetic of each step: equations that hold, and the line of the first that does not."""

import random

import pytest

from app.curation.text.equations import equations
from app.curation.verifiers.arithmetic import Arithmetic
from tests.curation.verifiers.records import verdict

HOLD = [
    "48/2 = <<48/2=24>>24 clips",
    "2+3*4=14",
    "(2+3)*4 = 20 = 10+10",
    "3 apples + 4 apples = 7 apples",
    "20% of 50 = 10",
    "10/3 = 3.33",
    "5 x 4 = 20, and 6 × 7 = 42",
    "$5 + $10.50 = $15.50",
    "-3 + 5 = 2",
    "1) 3+4=7",
    "1. 3 + 4 = 7",
    "total = 5 - 2 = 3 dollars",
    "half: 50% = 1/2",
    "100 - 50 = 50% left",
    "50% = 100 - 50",
    "8 x 1 1/2 = 12",
    "3 / 4 * 2 = 1 1/2",
]
FAIL = [
    ("48/2 = <<48/2=25>>25", "48 / 2 is 24, not 25"),
    ("x = 3*4 = 13", "3 * 4 is 12, not 13"),
    ("10/3=3.34", "10 / 3 is 3.33333, not 3.34"),
    ("a 3 - 2 = 1 and 4 + 4 = 9", "4 + 4 is 8, not 9"),
    ("(1 + 2) * 3 = 8", "(1 + 2) * 3 is 9, not 8"),
    ("100 - 50 = 40%", "100 - 50 is 50, not 40%"),
    ("25 = 5 * 4", "25 is 25, not 5 * 4"),
]
NONE = [
    "2x + 3 = 10",
    "12 + x = 3*4",
    "f(3) = 3^2 = 8",
    "= 10x + 3*2 = 7",
    "2(3+4) = 14",
    "5! = 120 * 2",
    "\\frac{1}{2} + 3 = 4",
    "7 = 8",
    "3 + = 4",
    "(3 + 4 - 1 = 6 + 1",
    "(2 * 3 ( = 6",
    "16,0000/10=16000",
    "1 1/0 + 1 = 2",
    "(3 + 4 = 8",
    "1/0 = 3",
    "3 + 4",
    "1" * 40 + " + 1 = 2",
    "1+" * 100 + "1 = 7",
]


@pytest.mark.parametrize("line", HOLD)
def test_right_equations_hold(line: str) -> None:
    found = list(equations(line))

    assert found
    assert all(one.holds for one in found)


@pytest.mark.parametrize(("line", "says"), FAIL)
def test_wrong_ones_are_told(line: str, says: str) -> None:
    found = verdict(Arithmetic(), f"We begin.\n{line}")

    assert (found.passed, found.reason) == (False, f"Line 2: {says}.")


@pytest.mark.parametrize("line", NONE)
def test_what_is_no_equation_of_numbers_is_passed_over(line: str) -> None:
    assert list(equations(line)) == []
    assert verdict(Arithmetic(), line).passed is None


def test_the_wrong_line_of_twenty_traces_is_found() -> None:
    chance = random.Random(5)
    for _ in range(20):
        pairs = [(chance.randint(2, 99), chance.randint(2, 99)) for _ in range(6)]
        lines = [f"Step: {a} * {b} = {a * b} items" for a, b in pairs]
        wrong = chance.randrange(6)
        a, b = pairs[wrong]
        lines[wrong] = f"Step: {a} * {b} = {a * b + chance.choice([-10, 1, 100])} items"

        found = verdict(Arithmetic(), "\n".join(lines))

        assert found.passed is False
        assert found.reason.startswith(f"Line {wrong + 1}: ")


def test_it_must_arrive_at_the_reference_where_one_is_named() -> None:
    verifier = Arithmetic(reference="metadata.answer")
    steps = "3 + 4 = 7\nSo 7."

    assert verdict(verifier, steps, answer="7").passed is True
    assert verdict(verifier, steps, answer="8").reason.endswith("at 7, not at 8.")
    assert verdict(verifier, steps, answer="seven").passed is None
    assert verdict(verifier, "none", answer="8").passed is None
    assert verdict(Arithmetic(), "3 + 4 = 7").reason == "1 equations hold."
