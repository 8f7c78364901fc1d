"""Final answers: numbers, formulas, letters, what most say."""

import threading

import pytest

from app.curation.text.numbers import last_number, number
from app.curation.verifiers.choice import Choice, letter_in
from app.curation.verifiers.math_answer import MathAnswer, by_algebra, final_answer
from app.curation.verifiers.plurality import Plurality
from tests.curation.verifiers.records import verdict

SAME = [
    ("18", "18"),
    ("#### 1,234", "1234"),
    ("She makes 9 * 2 = <<9*2=18>>18 dollars.\n#### 18", "18"),
    ("The answer is \\boxed{\\frac{3}{4}}.", "0.75"),
    ("\\boxed{\\dfrac{1}{2}}", "\\frac{1}{2}"),
    ("\\boxed{\\text{(A)}}", "\\text{(A)}"),
    ("So the answer is 50%.", "50"),
    ("So the answer is 50 \\%.", "0.5"),
    ("0.5 m", "50 cm"),
    ("2 hours", "120 minutes"),
    ("$1,000.50", "1000.5"),
    ("6 \\frac{3}{4}", "27/4"),
    ("1.2 \\times 10^{3}", "1200"),
    ("-\\frac12", "-0.5"),
    ("Therefore, it takes 12 days in all.", "12"),
    ("Thus $x = 5$ and the answer is $2x+1$.", "1+2x"),
    ("\\boxed{\\frac{\\sqrt{3}}{2}}", "\\frac{\\sqrt 3}{2}"),
    ("\\boxed{(x+1)^2}", "x^2+2x+1"),
    ("\\boxed{\\{1,2\\}}", "\\{2,1\\}"),
    ("90^\\circ", "90"),
    ("We get\n\\[ 2\\sqrt{2} \\]\nFinally it is $2\\sqrt{2}$.", "\\sqrt{8}"),
    ("**Answer:** 7", "7"),
    ("The final answer is: 3/5", "0.6"),
    ("\\text{Saturday}", "saturday"),
    ("½", "0.5"),
    ("0.75", "¾"),
    ("It is 1½.", "1.5"),
    ("\\boxed{3}, \\boxed{4}", "3, 4"),
    ("So $\\boxed{3}$ and $\\boxed{4}$.", "3, 4"),
    ("First \\boxed{3}. Thus we have \\boxed{4}", "4"),
    ("3:4", "3/4"),
    ("3:4", "3:4"),
    ("The ratio is 6:8.", "3:4"),
    ("12:30", "12:30"),
    ("02:05", "2:05"),
    ("two", "2"),
    ("20", "Twenty"),
    ("The answer is zero.", "0"),
    ("It takes two hours.", "2"),
    ("It is 7 apples and 3 pears, in all 10", "10"),
]
OTHER = [
    ("#### 17", "18"),
    ("\\boxed{\\frac{3}{5}}", "0.75"),
    ("50 m", "50 cm"),
    ("5 m", "5 kg"),
    ("lube", "blue"),
    ("The answer is $2x+2$.", "2x+1"),
    ("2x", "2"),
    ("\\boxed{(x+1)^2}", "x^2+1"),
    ("I don't know, maybe 3 or 4.", "5"),
    ("\\boxed{3}, \\boxed{5}", "3, 4"),
    ("3:4", "3:5"),
    ("12:30", "12:45"),
    ("1:00", "2:00"),
    ("two", "3"),
    ("⅓", "0.3"),
]
UNTOLD = [
    ("7 apples and 3 pears", "7"),
    ("7 apples and 3 pears", "3"),
    ("maybe 3 or 4", "4"),
    ("two or three", "2"),
    ("twenty-one", "20"),
    ("two thirds", "2"),
    ("no one", "1"),
    ("12:30", "10:25"),
]


@pytest.mark.parametrize(("answer", "reference"), SAME)
def test_equal_answers_are_verified(answer: str, reference: str) -> None:
    assert verdict(MathAnswer(), answer, answer=reference).passed is True


@pytest.mark.parametrize(("answer", "reference"), OTHER)
def test_other_answers_are_refuted(answer: str, reference: str) -> None:
    assert verdict(MathAnswer(), answer, answer=reference).passed in {False, None}
    assert verdict(MathAnswer(), answer, answer=reference).passed is not True


@pytest.mark.parametrize(("answer", "reference"), UNTOLD)
def test_where_it_can_not_be_told_there_is_no_verdict(answer: str, reference: str) -> None:
    assert verdict(MathAnswer(), answer, answer=reference).passed is None


def test_numbers_may_differ_as_far_as_is_asked_for() -> None:
    assert verdict(MathAnswer(), "3.14", answer="3.14159").passed is False
    assert verdict(MathAnswer(tolerance=0.001), "3.14", answer="3.14159").passed is True


def test_what_can_not_be_compared_has_no_verdict() -> None:
    assert verdict(MathAnswer(), "", answer="3").reason == "The answer is empty."
    assert "no right answer" in verdict(MathAnswer(), "3").reason
    assert (
        verdict(MathAnswer(), "x" * 100, answer="\\frac{1}{2}" + "y" * 100).reason.count("…") == 2
    )


def test_a_reference_may_be_a_solution_of_several_lines() -> None:
    assert verdict(MathAnswer(), "7", answer="First 3, then 4.\nIn all 7").passed is True


def test_formulas_that_are_too_long_have_no_verdict() -> None:
    assert by_algebra("x+" * 200 + "1", "y") is None


def test_algebra_outside_the_main_thread_has_no_clock() -> None:
    found: list[bool | None] = []
    thread = threading.Thread(target=lambda: found.append(by_algebra("x+1", "1+x")))
    thread.start()
    thread.join()

    assert found == [True]


def test_a_fault_within_algebra_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    import math_verify  # noqa: PLC0415

    def fails(*_: object, **__: object) -> bool:
        raise OverflowError

    monkeypatch.setattr(math_verify, "verify", fails)

    assert by_algebra("x", "y") is None


def test_a_long_answer_without_a_mark_ends_with_its_last_line_or_number() -> None:
    long = "We look at all of the cases in turn, and there are some of them to look at.\n"

    assert final_answer(long + "So it is 12 and 15 in total") == "15"
    assert final_answer(long + "So it is blue") == "So it is blue"
    assert (
        final_answer("\\boxed{never closed " * 4)
        == "\\boxed{never closed " * 3 + "\\boxed{never closed"
    )
    assert final_answer("the answer is the red one, as we said") == "the red one"


@pytest.mark.parametrize("text", ["", "x" * 500, "two", "1/0", "\\frac{a}{b}", "3 1/0", "5 or 6"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None


def test_the_last_number_of_words() -> None:
    found = last_number("From 3 to -4.5, at 1,000 a piece; x1 is a name, v2.")

    assert found is not None
    assert found.shown == "1,000"
    assert last_number("none here") is None
    assert last_number("12 then 1/0") is not None


CHOSEN = [
    ("B", "B"),
    ("(C)", "C"),
    ("The answer is (B).", "B"),
    ("I first thought A, but the answer is D", "D"),
    ("\\boxed{C}", "C"),
    ("**A**", "A"),
    ("B) because it is the largest", "B"),
    ("Answer: option A", "A"),
    ("Some words.\n\nD.\n", "D"),
    ("b", "B"),
    ("b)", "b"),
    ("(b)", "(b)"),
    ("c) because it is the largest", "c)"),
    ("I think b) is right", "B."),
]


@pytest.mark.parametrize(("answer", "letter"), CHOSEN)
def test_the_chosen_letter_is_found(answer: str, letter: str) -> None:
    assert verdict(Choice(), answer, answer=letter).passed is True
    assert verdict(Choice(), answer, answer="E").passed is False


def test_a_reference_may_be_a_number() -> None:
    assert verdict(Choice(), "B", answer=2).passed is True
    assert verdict(Choice(from_zero=True), "B", answer="1").passed is True
    assert verdict(Choice(letters=4), "B", answer="9").passed is None


def test_without_a_letter_there_is_no_verdict() -> None:
    assert verdict(Choice(), "It depends on many things.", answer="A").passed is None
    assert verdict(Choice(), "A").passed is None
    assert letter_in("The answer is Z", 4) is None
    assert letter_in("I think z) is right", 4) is None
    assert letter_in("It is either a) or b), as f(x) is") is None
    assert letter_in("a dog, as f(x) is") is None


def test_the_plurality_is_by_value() -> None:
    answers = ["#### 4", "It is 4.0", "\\boxed{4}", "5", "(B)"]

    assert verdict(Plurality(), "So the answer is 4.", answers=answers).passed is True
    assert verdict(Plurality(), "5", answers=answers).passed is False
    assert verdict(Plurality(share=0.9), "4", answers=answers).passed is None
    assert verdict(Plurality(refute_easy=True), "4", answers=["4", "4"]).passed is False
    assert verdict(Plurality(), "b", answers=["b.", "B "]).passed is True
    assert verdict(Plurality(), "Paris", answers=["paris ", "PARIS."]).passed is True
    assert verdict(Plurality(), "50%", answers=["0.5", "50 %"]).passed is True
    assert verdict(Plurality(), "4", answers=["4"]).passed is None


def test_formulas_that_can_not_be_read_have_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    import math_verify  # noqa: PLC0415

    def reads_nothing(*_: object, **__: object) -> list[object]:
        return []

    monkeypatch.setattr(math_verify, "parse", reads_nothing)

    assert verdict(MathAnswer(), "\\alpha", answer="\\beta").reason.endswith("can't be compared.")


def test_a_dollar_sign_on_both_sides_is_a_formula() -> None:
    shown = [number(one) for one in ("$5$", "\\(5\\)", "5")]

    assert [one.value for one in shown if one] == [5, 5, 5]
    assert number("5 or") is None
