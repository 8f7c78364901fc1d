"""New instructions after the model of known ones: Self-Instruct."""

import random
import re
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.text.parts import prompt_text

_INVENT = Prompt(
    name="invent",
    title="Invent an instruction",
    system=(
        "You invent tasks for an assistant that reads and writes text and sees no pictures. Tasks "
        "differ in matter, form and length; each can be answered in words."
    ),
    user=(
        "Some tasks:\n{{examples}}\n\nInvent one more that is unlike all of these, and answer it. "
        "Answer with one JSON object: instruction, output."
    ),
    needs=("examples",),
    data=("examples",),
)
_PICTURES = re.compile(
    r"\b(?:images?|pictures?|graphs?|photos?|plot|diagram|video)\b", re.IGNORECASE
)
_POOL = 5000  # seeds from which examples are drawn


class SelfInstruct(Asking):
    """New instructions with answers, after eight examples drawn from the seeds (Self-Instruct).

    What asks for pictures, is too short or too long fails; so does what is alike by a ROUGE-L of
    0.7 to an instruction of the seeds or of the run.
    """

    key: ClassVar = "self_instruct"
    title: ClassVar = "Self-Instruct"
    kinds: ClassVar = frozenset({Kind.INSTRUCTION, Kind.CHAT})
    per_seed: ClassVar = False
    prompts: ClassVar = (_INVENT,)

    instructions: int = Field(100, ge=1, le=100_000, description="How many to ask for")
    examples: int = Field(8, ge=1, le=20, description="Examples in each prompt")
    rouge_l: float = Field(0.7, gt=0, le=1, description="From this ROUGE-L on it is not new")
    shortest: int = Field(3, ge=1, le=100, description="Words of an instruction at least")
    longest: int = Field(150, ge=5, le=2000, description="Words of an instruction at most")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other examples")

    def count(self, seeds: int) -> int:
        return self.instructions if seeds else 0

    def novelty(self) -> float:
        return self.rouge_l

    def tasks(self, seeds: Iterator[Record], first: int = 0) -> Iterator[Task]:
        pool = [one for _, one in zip(range(_POOL), seeds, strict=False)]
        if not pool:
            return
        for number in range(first, self.instructions):
            rng = random.Random(self.seed * 1_000_003 + number)
            yield Task(number, tuple(rng.sample(pool, min(self.examples, len(pool)))))

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        shown = [prompt_text(one.kind, one.body)[:1000] for one in task.seeds]
        examples = "\n".join(f"{place}. {one}" for place, one in enumerate(shown, start=1))
        names = {"instruction": "string", "output": "string"}
        found = await talk.fields("invent", {"examples": examples}, names)
        instruction, output = found["instruction"].strip(), found["output"].strip()
        talk.must_be_in_language(f"{instruction} {output}")
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": instruction, "input": "", "output": output},
            tuple(one.id for one in task.seeds),
            "example for it",
            domain=task.shared("domain"),
        )
        return [settled(draft, self._gates(instruction, output))]

    def _gates(self, instruction: str, output: str) -> list[Gate]:
        words = len(instruction.split())
        picture = _PICTURES.search(instruction)
        same = output.strip().lower() == instruction.strip().lower()
        return [
            Gate(
                "length",
                self.shortest <= words <= self.longest,
                f"It has {words} words, {self.shortest} to {self.longest} are right.",
            ),
            Gate(
                "text alone",
                picture is None,
                f"It asks for a {picture[0].lower()}." if picture else "It asks for text.",
            ),
            Gate("answered", not same, "The answer is not the instruction."),
        ]
