"""Personas told from texts, and the tasks that they would bring: PersonaHub (arXiv 2406.20094)."""

from typing import ClassVar, Literal

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.text.parts import full_text

TASKS = {
    "instruction": "an instruction or request of the persona's everyday work",
    "problem": "a problem in mathematics or logic out of the persona's life, with one answer",
    "knowledge": "a question whose answer explains something that the persona has to know",
}
_PERSONA = Prompt(
    name="persona",
    title="Tell the persona from a text",
    system=(
        "You tell from a text which kind of person would write, read or need it. Personas are "
        "specific: an occupation or a situation, and what the person knows and wants. They have no "
        "name and belong to nobody who is known."
    ),
    user=(
        "A text:\n{{text}}\n\nDescribe the persona in one sentence of 10 to 40 words. Answer with "
        "that sentence alone."
    ),
    needs=("text",),
    data=("text",),
)
_TASK = Prompt(
    name="task",
    title="A task that the persona would bring",
    system=(
        "You invent tasks as different people would bring them to an assistant that reads and "
        "writes text. A task makes sense to somebody who does not know the persona, and does not "
        "mention it."
    ),
    user=(
        "The persona: {{persona}}\n\nWrite {{form}}, as this persona would put it, and answer it "
        "correctly and completely. Answer with one JSON object: instruction, output."
    ),
    needs=("persona", "form"),
    data=("persona",),
)


class Persona(Asking):
    """Tasks through the eyes of personas that are told from the seeds.

    Passed is a task whose persona has 10 to 40 words or so, which does not speak of a persona, is
    of a sound length and is answered. A persona that is alike by ROUGE-L to one that the dataset or
    the run has makes nothing new: PersonaHub parted them at 0.9 of their word runs.
    """

    key: ClassVar = "persona"
    title: ClassVar = "Tasks of personas"
    kinds: ClassVar = frozenset({Kind.TEXT, Kind.INSTRUCTION, Kind.CHAT})
    prompts: ClassVar = (_PERSONA, _TASK)

    form: Literal["instruction", "problem", "knowledge"] = Field(
        "instruction", description="What a persona is asked for"
    )
    rouge_l: float = Field(0.7, gt=0, le=1, description="From this ROUGE-L on a persona is not new")
    shortest: int = Field(3, ge=1, le=100, description="Words of a task at least")
    longest: int = Field(200, ge=5, le=2000, description="Words of a task at most")

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    def novelty(self) -> float:
        return self.rouge_l

    def told_apart_by(self, record: Record) -> str:
        return str(record.metadata.get("persona") or "")

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        persona = await talk.text("persona", {"text": full_text(seed.kind, seed.body)})
        gates = [_sound(persona)]
        instruction = output = ""
        if gates[0].passed:
            names = {"instruction": "string", "output": "string"}
            values = {"persona": persona, "form": TASKS[self.form]}
            found = await talk.fields("task", values, names)
            instruction, output = found["instruction"].strip(), found["output"].strip()
            talk.must_be_in_language(f"{instruction} {output}")
            gates += self._of_task(instruction, output)
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": instruction, "input": "", "output": output},
            (seed.id,),
            "persona told from it",
            seed.language,
            seed.domain,
            metadata={"persona": persona, "form": self.form},
        )
        return [settled(draft, gates)]

    def _of_task(self, instruction: str, output: str) -> list[Gate]:
        words = len(instruction.split())
        speaks = "persona" in instruction.lower()
        same = output.lower() == instruction.lower()
        return [
            Gate(
                "stands alone",
                not speaks,
                "It speaks of a persona." if speaks else "It names none.",
            ),
            Gate(
                "length",
                self.shortest <= words <= self.longest,
                f"It has {words} words, {self.shortest} to {self.longest} are right.",
            ),
            Gate("answered", not same, "The answer is the task." if same else "It has an answer."),
        ]


def _sound(persona: str) -> Gate:
    words = len(persona.split())
    return Gate("persona", 5 <= words <= 80, f"The persona has {words} words, 5 to 80 are right.")
