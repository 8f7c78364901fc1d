"""Answers of known worth, five per sample, as samples with their grade."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Draft, Gate, Made, Outcome, Plain, settled
from app.curation.learners.ladder import GRADES, rungs, usable
from app.curation.records import Kind, Record
from app.curation.text.parts import prompt_text, response_text

_SHORT = Gate("six words", False, "Its answer has fewer than six words.")


class Ladder(Plain):
    """A ladder of answers to each question, from good to foreign, each with its grade.

    Lightly edited 0.8, without its last third 0.5, one fact changed 0.3, the answer to another
    question 0 (after Cappy); the good answer itself is 1 and stays where it is. They teach a
    scorer, and they tell whether a judge sees the difference. The grade is kept as `grade`.
    """

    key: ClassVar = "ladder"
    title: ClassVar = "Graded ladder"
    kinds: ClassVar = frozenset({Kind.INSTRUCTION})

    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed makes other rungs")

    def spoils(self) -> bool:
        return True

    def make(self, seeds: Sequence[Record]) -> list[list[Made]]:
        prompts = [prompt_text(one.kind, one.body) for one in seeds]
        answers = [response_text(one.kind, one.body) for one in seeds]
        fit = usable(prompts, answers)
        made: list[list[Made]] = [[settled(None, [_SHORT])] for _ in seeds]
        for row in fit:
            made[row] = []
        for rung in rungs([answers[row] for row in fit], self.seed):
            seed = seeds[fit[rung.row]]
            if rung.grade < GRADES["gold"] and rung.answer != answers[fit[rung.row]]:
                made[fit[rung.row]].append(_rung(seed, rung.answer, rung.grade))
        return made


def _rung(seed: Record, answer: str, grade: float) -> Made:
    body = {**seed.body, "output": answer}
    name = next(name for name, value in GRADES.items() if value == grade)
    draft = Draft(
        seed.kind, body, (seed.id,), f"ladder: {name}", seed.language, seed.domain, {"grade": grade}
    )
    return Made(Outcome.ACCEPTED, draft)
