"""Answers told in steps, the arithmetic of each of them worked out."""

from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import DiscardError, Talk
from app.curation.records import Kind, Record
from app.curation.text.numbers import number
from app.curation.text.parts import prompt_text, response_text
from app.curation.verifiers.arithmetic import Arithmetic
from app.curation.verifiers.base import FieldName, Tools, text_of
from app.curation.verifiers.math_answer import MathAnswer, final_answer

_STEPS = Prompt(
    name="steps",
    title="Tell the steps",
    system=(
        "You explain how problems are solved, one small step after the other. Every calculation "
        "stands in its step as an equation, such as 48 / 2 = 24. Nothing is left out and nothing "
        "guessed."
    ),
    user=(
        "The problem:\n{{problem}}\n\nA solution that may be short:\n{{solution}}\n\nTell the "
        "steps. Answer with one JSON object: steps (a list of texts, one a step), final (the "
        "answer alone)."
    ),
    needs=("problem",),
    may=("solution",),
    data=("problem", "solution"),
)


class Steps(Asking):
    """Problems with their intermediate steps, each equation checked and the end held to the answer.

    The answer to arrive at is the field that `reference` names, or what the seed's own answer ends
    with. The first step with a wrong equation is named by its number.
    """

    key: ClassVar = "steps"
    title: ClassVar = "Intermediate steps"
    kinds: ClassVar = frozenset({Kind.INSTRUCTION, Kind.CHAT})
    near_copy: ClassVar = True
    prompts: ClassVar = (_STEPS,)

    reference: FieldName = Field(
        "", description="Field with the answer to arrive at; empty for the end of the seed's answer"
    )
    fewest: int = Field(2, ge=1, le=50, description="Steps at least")
    most: int = Field(20, ge=1, le=200, description="Steps at most")

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        problem = prompt_text(seed.kind, seed.body)
        wanted = self._wanted(seed)
        values = {"problem": problem, "solution": response_text(seed.kind, seed.body)}
        found = await talk.fields("steps", values, {"steps": "array", "final": "string"})
        steps = [" ".join(str(one).split()) for one in found["steps"]]
        if not all(steps):
            raise DiscardError("unreadable", "One of its steps is empty.")
        talk.must_be_in_language(" ".join(steps))
        shown = "\n".join(f"{place}. {one}" for place, one in enumerate(steps, start=1))
        final = found["final"].strip()
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": problem, "input": "", "output": f"{shown}\n#### {final}"},
            (seed.id,),
            "told in steps",
            seed.language,
            seed.domain,
            metadata={"answer": final, "steps": len(steps)},
        )
        return [settled(draft, self._gates(steps, final, wanted))]

    def _wanted(self, seed: Record) -> str:
        if self.reference:
            return text_of(seed, self.reference).strip()
        return final_answer(response_text(seed.kind, seed.body)).strip()

    def _gates(self, steps: list[str], final: str, wanted: str) -> list[Gate]:
        enough = self.fewest <= len(steps) <= self.most
        told = f"It has {len(steps)} steps, {self.fewest} to {self.most} are right."
        sums = Arithmetic().verify(_text("\n".join(steps)), Tools())
        return [
            Gate("steps", enough, told),
            Gate(
                "arithmetic",
                sums.passed is not False,
                sums.reason.replace("Line ", "Step "),
            ),
            _arrives(final, wanted),
        ]


def _arrives(final: str, wanted: str) -> Gate:
    if not wanted:
        return Gate("arrives", False, "The seed has no answer to hold it to.")
    mine, right = number(final), number(wanted)
    if mine is not None and right is not None:
        same = mine.same(right)
    else:
        record = Record(Kind.TEXT, {"text": final}, metadata={"answer": wanted})
        same = MathAnswer().verify(record, Tools()).passed is True
    told = f"It arrives at `{final[:60]}`" + ("." if same else f", the answer is `{wanted[:60]}`.")
    return Gate("arrives", same, told)


def _text(text: str) -> Record:
    return Record(Kind.TEXT, {"text": text})
