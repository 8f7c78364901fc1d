"""Pairs judged in both orders, and the probe of position."""

import json

import numpy as np
import pytest

from app.curation.records import Kind, Record
from app.curation.rubrics.base import Grade, Rubric
from app.curation.rubrics.builtin import BUILT_IN
from app.curation.rubrics.pairwise import Order, joined, position, questions

JUDGE = BUILT_IN["pair_judge"]
PAIR = Record(
    Kind.PREFERENCE, {"prompt": "Why is the sky blue?", "chosen": "Scattering.", "rejected": "Sea."}
)


def grade(label: str) -> Grade:
    return JUDGE.grade(json.dumps({"reason": f"It is {label}.", "label": label}))


def test_a_pair_is_shown_in_both_orders_and_fenced() -> None:
    first, second = (one.messages[1].content for one in questions(JUDGE, PAIR))

    assert first.index("Scattering.") < first.index("Sea.")
    assert second.index("Sea.") < second.index("Scattering.")
    for text in (first, second):
        assert text.splitlines()[0] == text.splitlines()[-1]
        assert text.startswith("SAMPLE ")


def test_other_rubrics_ask_once_and_pairs_need_a_pair() -> None:
    text = Record(Kind.TEXT, {"text": "The sky."})

    assert questions(BUILT_IN["edu_judge"], text) == (BUILT_IN["edu_judge"].question(text),)
    with pytest.raises(ValueError, match="A text sample is no pair"):
        questions(JUDGE, text)


@pytest.mark.parametrize(
    ("first", "second", "value", "order"),
    [
        ("first", "second", 1.0, Order.NOT),
        ("second", "first", 0.0, Order.NOT),
        ("tie", "tie", 0.5, Order.NOT),
        ("first", "first", 0.5, Order.FIRST),
        ("second", "second", 0.5, Order.SECOND),
        ("first", "tie", 0.5, Order.ONE_TIE),
        ("tie", "first", 0.5, Order.ONE_TIE),
    ],
)
def test_what_depends_on_the_order_is_a_tie(
    first: str, second: str, value: float, order: Order
) -> None:
    found, mattered = joined([grade(first), grade(second)])

    assert (found.score, mattered) == (value, order)
    assert f"It is {first}." in found.reason
    assert f"It is {second}." in found.reason


def test_the_fingerprint_of_other_rubrics_is_what_it_was_before_there_were_pairs() -> None:
    told = BUILT_IN["edu_judge"].model_dump(mode="json")

    assert told["pairwise"] is False
    assert Rubric.model_validate(told).fingerprint() == BUILT_IN["edu_judge"].fingerprint()
    assert JUDGE.fingerprint() != JUDGE.model_copy(update={"pairwise": False}).fingerprint()


def test_a_pair_needs_its_three_labels() -> None:
    spec = {**JUDGE.model_dump(), "labels": ("a", "b")}

    with pytest.raises(ValueError, match="first, second and tie"):
        Rubric.model_validate(spec)


def test_a_planted_share_of_consistent_pairs_is_measured_with_its_interval() -> None:
    random = np.random.default_rng(5)
    orders = np.where(random.random(2000) < 0.7, Order.NOT, Order.FIRST).astype(float)
    orders[:100] = np.nan

    found = position(orders)

    assert found is not None
    share, low, high = found.consistent
    assert found.count == 1900
    assert share == pytest.approx(0.7, abs=0.07)
    assert low < 0.7 < high
    assert found.first == pytest.approx(1 - share, abs=1e-4)
    assert found.second == 0
    assert position(np.full(3, np.nan)) is None
