"""Pairs of a preferred and a rejected answer, built from answers to the same question.

Of each question the best answer goes with another one drawn by chance (as for Zephyr, arXiv
2310.16944), with the worst, or all pairs are built. What a trainer would learn from a pair that is
too even, or from length alone, is kept out by gates; every pair that fails is counted by its gate.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import inf
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from app.curation.pairs.answers import Answer, question_key, same

MARGIN_UP_TO_ONE, MARGIN = 0.2, 1.0
MOST_ANSWERS = 200  # of a question that are compared; their pairs grow with the square
_EXACT = 1e-6  # scores are kept in four bytes: 1 - 0.8 must still be 0.2


class Gate(StrEnum):
    """Why two answers became no pair, or an answer could not be in any."""

    ALONE = "alone"
    UNSCORED = "unscored"
    CROWDED = "crowded"
    QUESTION = "question"
    BARRED = "barred"
    TIE = "tie"
    EQUAL = "equal"
    MARGIN = "margin"
    FLOOR = "floor"
    LENGTH = "length"
    KNOWN = "known"


ABOUT: dict[Gate, str] = {
    Gate.ALONE: "nothing else answers the same question",
    Gate.UNSCORED: "has no score to be compared by",
    Gate.CROWDED: "of more than 200 answers to a question the 100 best and the 100 worst count",
    Gate.QUESTION: "answers another question than what it was made from",
    Gate.BARRED: "would be preferred, but a person rejected it",
    Gate.TIE: "both have the same score",
    Gate.EQUAL: "both say the same",
    Gate.MARGIN: "the scores are closer than the margin",
    Gate.FLOOR: "the better one is below the floor",
    Gate.LENGTH: "one is too long beside the other",
    Gate.KNOWN: "they are a pair already",
}


class Rules(BaseModel):
    """Which pairs are built, and what they must pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pick: Literal["best_random", "best_worst", "all"] = Field(
        "best_random",
        description="The best answer with others by chance, with the worst, or all pairs",
    )
    most: int = Field(1, ge=1, le=100, description="Pairs of one question at most")
    margin: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="How much better the chosen one scores; empty: 0.2 of scores up to 1, else 1",
    )
    floor: float | None = Field(
        None, allow_inf_nan=False, description="The least score of the chosen one; empty: none"
    )
    min_ratio: float = Field(
        0.5, gt=0, le=1, description="Characters of the chosen per one of the rejected, least"
    )
    max_ratio: float = Field(
        2.0, ge=1, le=1000, description="Characters of the chosen per one of the rejected, most"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other answers")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to a question, the better one chosen."""

    chosen: Answer
    rejected: Answer

    @property
    def margin(self) -> float:
        return self.chosen.score - self.rejected.score

    @property
    def length_ratio(self) -> float:
        """Characters of the chosen answer per character of the rejected one."""
        return _ratio(self.chosen, self.rejected)


@dataclass(frozen=True, slots=True)
class Built:
    """The pairs of a question, and how many were refused by each gate."""

    pairs: tuple[Pair, ...]
    refused: Counter[Gate]


def usual_margin(lowest: float, highest: float) -> float:
    """0.2 where all scores lie within 0 to 1, else 1, as on a scale from 1 to 5."""
    return MARGIN_UP_TO_ONE if lowest >= 0 and highest <= 1 else MARGIN


def build(answers: Sequence[Answer], rules: Rules, margin: float) -> Built:
    """The pairs of answers to one question: as many as the rules allow, none twice."""
    refused: Counter[Gate] = Counter()
    pairs: list[Pair] = []
    if len(answers) == 1:
        refused[Gate.ALONE] += 1
    for better, worse in _tries(answers, rules, refused):
        gate = _gate(better, worse, rules, margin)
        if gate is not None:
            refused[gate] += 1
            continue
        pairs.append(Pair(better, worse))
        if len(pairs) == rules.most:
            break
    return Built(tuple(pairs), refused)


def _tries(
    answers: Sequence[Answer], rules: Rules, refused: Counter[Gate]
) -> Iterator[tuple[Answer, Answer]]:
    """Pairs to try, the one that would be preferred first."""
    ranked = sorted(answers, key=lambda one: (-one.score, one.id, one.revision))
    if rules.pick == "all":
        both = sorted(combinations(ranked, 2), key=lambda two: two[1].score - two[0].score)
        yield from _unbarred(both, refused)
        return
    best = next((place for place, one in enumerate(ranked) if not one.barred), len(ranked))
    if best and len(ranked) > 1:
        refused[Gate.BARRED] += best
    if best == len(ranked):
        return
    rest = ranked[best + 1 :]
    if rules.pick == "best_worst":
        rest = rest[::-1]
    else:
        key = int.from_bytes(question_key(ranked[best].question)[:8], "big")
        order = np.random.default_rng([rules.seed, key]).permutation(len(rest))
        rest = [rest[place] for place in order]
    yield from ((ranked[best], one) for one in rest)


def _unbarred(
    both: Sequence[tuple[Answer, Answer]], refused: Counter[Gate]
) -> Iterator[tuple[Answer, Answer]]:
    for better, worse in both:
        if better.barred:
            refused[Gate.BARRED] += 1
        else:
            yield better, worse


def _gate(better: Answer, worse: Answer, rules: Rules, margin: float) -> Gate | None:
    """The first gate that the pair fails."""
    between = better.score - worse.score
    ratio = _ratio(better, worse)
    checks = (
        (Gate.EQUAL, same(better.text, worse.text)),
        (Gate.TIE, between <= 0),
        (Gate.MARGIN, between < margin - _EXACT),
        (Gate.FLOOR, rules.floor is not None and better.score < rules.floor - _EXACT),
        (Gate.LENGTH, not rules.min_ratio <= ratio <= rules.max_ratio),
    )
    return next((gate for gate, failed in checks if failed), None)


def _ratio(better: Answer, worse: Answer) -> float:
    return len(better.text) / len(worse.text) if worse.text else inf
