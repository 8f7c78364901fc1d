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
    "40/10 = 4 packs of 10 cupcakes",
    "1/2 of 10 = 5",
    "4 / 3 = 1 and 1/3",
    "24 apples / 3 boxes = 8 apples",
    "$12 / 2 = 6 dollars",
    "3 / 4 * 2 = 1 1/2",
    "f(3) = 3^2 = 9",
    "2(3+4) = 14, (1/2) 10 = 5, (1+1)(2+2) = 8",
    "\\frac{1}{2} + 3 = 3.5",
    "\\(1\\frac{1}{2} \\times 2 = \\boxed{3}\\)",
    "\\dfrac12 + \\frac{2 + 1}{\\frac{1}{2}} = 6.5 \\\\ &= 13/2",
    "2**3 = 8, 2 ** 3 = 8, 2^{3} = 8, -2^2 = -4 and 2^-1 = 0.5",
    "5² = 25 and 90° + 90° = 180°",
    "**2 + 2 = 4**",
    "3x4=12, 10x4 = 40, 3 X 4 = 12, 3·4 = 12",
    "4 plus 4 = 8, 9 minus 4 = 5, 20 divided by 4 = 5, 3 times -4 = -12",
    "He adds plus 3 + 4 = 7",
    "3 multiplied by 4 equals 12",
    "2+2 == 4 and 2+2 != 5",
    "(3 apples + 4 apples = 7 apples)",
    "so (with 3 + 4 = 7)",
    "2 + 2 = 4 (at last)",
    "2 + 2 = 4 apples (at last)",
    "<<+3+4=7>>",
    "7//2 = 3 and 6//2*2 = 6",
    "100 / 6 = 16 and (2/3), 3 * 2 = 6",
    "1/4 = 0.25 = 25%",
    "2 * 30 = 60 = 1 hour",
    "\\(6.6 \\times 10^{-34} \\times 3.091 \\times 10^{14} = 2.04 \\times 10^{-19} \\mathrm{~J}\\)",
    "5 * 10^(2) grams + 10^(2) grams = 600 grams",
]
FAIL = [
    ("48/2 = <<48/2=25>>25", "48 / 2 is 24, not 25"),
    ("x = 3*4 = 13", "3 * 4 is 12, not 13"),
    ("10/3=3.34", "10 / 3 is 3.33333, not 3.34"),
    ("a 3 - 2 = 1 and 4 + 4 = 9", "4 + 4 is 8, not 9"),
    ("(1 + 2) * 3 = 8", "(1 + 2) * 3 is 9, not 8"),
    ("100 - 50 = 40%", "100 - 50 is 50, not 40%"),
    ("25 = 5 * 4", "5 * 4 is 20, not 25"),
    ("2 + 3 = 5 + 1", "2 + 3 is 5, but 5 + 1 is 6"),
    ("f(3) = 3^2 = 8", "3 ^ 2 is 9, not 8"),
    ("2 + 2 = 4. Then 2^3 = 9.", "2 ^ 3 is 8, not 9"),
    ("2^10=1025", "2 ^ 10 is 1024, not 1025"),
    ("2**10=1025", "2 ^ 10 is 1024, not 1025"),
    ("2+2=4=5", "4 is not 5"),
    ("3x4=13", "3 * 4 is 12, not 13"),
    ("3 \\times 4 = 13", "3 * 4 is 12, not 13"),
    ("3 \\cdot 4 = 13", "3 * 4 is 12, not 13"),
    ("\\frac{1}{2} + \\frac{1}{2} = 2", "(1 / 2) + (1 / 2) is 1, not 2"),
    ("4 plus 4 = 9", "4 + 4 is 8, not 9"),
    ("6 * 10^4 = 6.1 * 10^4", "6 * 10 ^ 4 is 60000, but 6.1 * 10 ^ 4 is 61000"),
    ("2+2=5 (wrong)", "2 + 2 is 4, not 5"),
]
NONE = [
    "2x + 3 = 10",
    "12 + x = 3*4",
    "= 10x + 3*2 = 7",
    "5! = 120 * 2",
    "\\alpha + 3 = 4 + 5",
    "x^2 + 3 = 4, 2x^2 + 6 = 14, 0x10 = 16",
    "5 cm * 4 cm = 30 cm^2 * x",
    "3 + 4 = 7 + (all the rest)",
    "10 - 5 = 5 (x + 1)",
    "2 + 3 = 5 (3 + 2)",
    "3*4 - (2 = 6) + 3",
    "(x boxes of 4) * 3 = 60",
    "2 + 2 = (which we add)",
    "1 eV = 1.6 * 10^(-19) J",
    "5.6 * 10^(5) sec = 6.4 days",
    "6.7 * 10^(-5) cm = 6.7 * 10^(-7) m",
    "\\(3.5 \\times 10^{-10} \\mathrm{~m} = 3.5 \\AA\\)",
    "7 = 8",
    "3 + = 4",
    "(3 + 4 - 1 = 6 + 1",
    "(2 * 3 ( = 6",
    "16,0000/10=16000",
    "2 kg = 2 * 1000 grams",
    "$1 / 2 = 50 cents",
    "1 hour 20 minutes = (60+20) minutes",
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


@pytest.mark.parametrize(
    "line",
    [
        "\\sqrt{16} = 5",
        "sqrt(16) = 5",
        "√16 = 5",
        "5! = 119",
        "1/0 = 3",
        "2^0.5 = 1.4",
        "10^99999 = 1",
        "6/2(1+2) = 9",
        "16,0000/10=16000",
        "1" * 40 + " + 1 = 2",
        "1 1/0 + 1 = 2",
        "1+" * 100 + "1 = 7",
        "(3 + 4 = 8",
        "(3 √ 4) + 1 = 5",
        "word " * 1000 + "2 + 2 = 5",
    ],
)
def test_one_between_numbers_that_can_not_be_read_leaves_no_verdict(line: str) -> None:
    found = verdict(Arithmetic(), f"2 + 2 = 4\n{line}\n3 + 4 = 7")

    assert found.passed is None
    assert found.reason.startswith("Line 2: ")
    assert found.reason.endswith(" can't be read.")
    assert verdict(Arithmetic(), f"{line}\n2 + 2 = 5").passed is False


@pytest.mark.parametrize(
    "line",
    [
        "2x + 3 = 10",
        "7 = 8",
        "2 kg = 2 * 1000 grams",
        "5 + x = 9",
        "8*45 = 360 divided by 5 is 360/5 = 72",
    ],
)
def test_sides_with_letters_leave_the_rest_verified(line: str) -> None:
    assert verdict(Arithmetic(), f"2 + 2 = 4\n{line}").passed is True


@pytest.mark.parametrize("line", NONE)
def test_what_is_no_equation_of_numbers_is_passed_over(line: str) -> None:
    assert [one for one in equations(line) if one.holds is not None] == []
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
    assert verdict(Arithmetic(), "3 + 4 = 7").reason == "1 equation holds."
    assert verdict(Arithmetic(), "3 + 4 = 7 = 6 + 1").reason == "2 equations hold."
    assert verdict(verifier, "√9 = 3\nSo 8.", answer="8").reason == "Line 1: √ 9 = 3 can't be read."
    assert verdict(verifier, "√9 = 3\nSo 7.", answer="8").passed is False
