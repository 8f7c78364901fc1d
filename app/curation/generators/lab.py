"""Samples for the leaves of a taxonomy: LAB."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from app.curation.generators import lab_auxiliary, lab_knowledge, lab_prompts, lab_skills
from app.curation.generators.base import Asking, Made, Task
from app.curation.generators.leaf import Leaf
from app.curation.generators.talk import Talk
from app.curation.records import Kind

_MOST_MORE = 4  # times the requests that a leaf would need if all drafts passed
_LEAST_YIELD = 0.05


class Lab(Asking):
    """Samples for the leaves of a taxonomy, each from its own seeds, until it has its target (LAB).

    Skills: questions after seeds of the leaf, a gate on each question, an answer, a gate on both;
    where seeds work on a text, a new text comes first. Knowledge: questions and answers from
    passages of the leaf's documents, kept where the passage supports them, they are to the point
    and stand alone; summaries and facts of passages beside them, if wanted. Leaves are asked for
    in rounds; one that does not get there is reported short.
    """

    key: ClassVar = "lab"
    title: ClassVar = "LAB taxonomy"
    kinds: ClassVar = frozenset({Kind.INSTRUCTION})
    per_seed: ClassVar = False
    prompts: ClassVar = (
        lab_prompts.QUESTIONS,
        lab_prompts.CONTEXT,
        lab_prompts.QUESTION_GATE,
        lab_prompts.ANSWER,
        lab_prompts.PAIR_GATE,
        lab_prompts.SPELLING,
        lab_prompts.KNOWLEDGE,
        lab_prompts.SUMMARY,
        lab_prompts.EXTRACT,
        lab_prompts.FACTS,
        lab_prompts.FAITHFUL,
        lab_prompts.RELEVANT,
        lab_prompts.ALONE,
    )

    leaves: str = Field(
        "", max_length=20_000, description="Leaves or branches, parted by commas; empty for all"
    )
    target: int = Field(
        20, ge=0, le=100_000, description="Samples per leaf where the leaf has no target"
    )
    per_request: int = Field(5, ge=1, le=30, description="Questions in each request")
    shown: int = Field(3, ge=1, le=10, description="Seeds in each request")
    rounds: int = Field(5, ge=1, le=50, description="Rounds at most until a leaf counts as short")
    least_pair: int = Field(2, ge=1, le=3, description="Grade of 1 to 3 that an answer needs")
    spelling: bool = Field(
        False, description="Mend the spelling of each passage of a document first"
    )
    auxiliary: int = Field(
        0,
        ge=0,
        le=100,
        description="Percent of the requests on documents that ask for a summary, for the main "
        "sentences or for the facts of a passage instead of questions",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other examples")

    def paths(self) -> Sequence[str]:
        """The leaves and branches that are named; none for all."""
        return [one.strip().strip("/") for one in self.leaves.split(",") if one.strip(" /")]

    def requests(self, lacking: int, drafts: int, accepted: int) -> int:
        """How many requests a leaf gets that lacks so many, by its yield in the run so far."""
        least = -(-lacking // self.per_request)
        if not drafts:
            return least
        share = max(accepted / drafts, _LEAST_YIELD)
        return min(math.ceil(lacking / (self.per_request * share)), _MOST_MORE * least)

    def task(self, leaf: Leaf, number: int, serial: int) -> Task:
        """The request with this number, the one at `serial` for its leaf."""
        made = leaf.request(
            number, serial, count=self.per_request, shown=self.shown, seed=self.seed
        )
        kind, instruction = lab_auxiliary.drawn(serial, self.auxiliary)
        return replace(made, values={**made.values, "auxiliary": kind, "instruction": instruction})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        if task.values["kind"] == "knows":
            return await lab_knowledge.make(task, talk, spelling=self.spelling)
        return await lab_skills.make(task, talk, self.least_pair)
