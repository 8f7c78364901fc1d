"""Which of two responses is better: asked in both orders, since judges favour a place.

With the default prompt GPT-4 decided 65 % of pairs alike in both orders, GPT-3.5 46 % (MT-Bench,
arXiv 2306.05685). What depends on the order counts as a tie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.learners.metrics import Interval, wilson
from app.curation.ports import Question
from app.curation.records import Kind, Record
from app.curation.rubrics.base import Grade, Rubric, cut
from app.curation.text.parts import prompt_text

FIRST, SECOND, TIE = 0, 1, 2  # places of the labels
LABELS = ("first", "second", "tie")
WINS, LOSES, TIES = 1.0, 0.0, 0.5  # of the chosen response


class Order(IntEnum):
    """How the order of the responses mattered."""

    NOT = 0  # the same response won twice, or neither did
    FIRST = 1  # the first place won twice
    SECOND = 2  # the second place won twice
    ONE_TIE = 3  # a response won once, and was no better the other time


def questions(rubric: Rubric, record: Record) -> tuple[Question, ...]:
    """What is asked about a sample: once, or of a pair in both orders, the chosen one first."""
    if not rubric.pairwise:
        return (rubric.question(record),)
    if record.kind is not Kind.PREFERENCE:
        raise ValueError(f"A {record.kind} sample is no pair of responses.")
    prompt = cut(prompt_text(record.kind, record.body))
    chosen, rejected = cut(record.body["chosen"]), cut(record.body["rejected"])
    return tuple(
        rubric.asked(f"[prompt]\n{prompt}\n\n[first response]\n{one}\n\n[second response]\n{other}")
        for one, other in ((chosen, rejected), (rejected, chosen))
    )


def joined(grades: Sequence[Grade]) -> tuple[Grade, Order]:
    """One grade of both: 1 where the chosen response won twice, 0 where it lost twice, else 0.5."""
    first, second = (int(one.score) for one in grades)
    order = _order(first, second)
    value = TIES
    if order is Order.NOT and first != TIE:
        value = WINS if first == FIRST else LOSES
    said = {FIRST: "the first", SECOND: "the second", TIE: "neither"}
    reason = (
        f"Chosen first: {said[first]} is better. {grades[0].reason} "
        f"Rejected first: {said[second]} is better. {grades[1].reason}"
    )
    return Grade(value, reason), order


@dataclass(frozen=True, slots=True)
class Position:
    """What a judge does when the responses change places.

    `consistent` is the share of pairs decided alike in both orders with its 95 % interval;
    `first` and `second` are the shares of pairs in which a place won twice.
    """

    count: int
    consistent: Interval
    first: float
    second: float


def position(orders: NDArray[np.floating[Any]]) -> Position | None:
    """The position probe over pairs by how their order mattered (NaN: not judged); None of none."""
    known = orders[np.isfinite(orders)]
    if not len(known):
        return None
    counts = [int((known == one).sum()) for one in (Order.NOT, Order.FIRST, Order.SECOND)]
    first, second = (count / len(known) for count in counts[1:])
    return Position(len(known), wilson(counts[0], len(known)), first, second)


def _order(first: int, second: int) -> Order:
    if first == TIE or second == TIE:
        return Order.NOT if first == second else Order.ONE_TIE
    if first != second:  # the places changed with the responses
        return Order.NOT
    return Order.FIRST if first == FIRST else Order.SECOND
