"""Instructions for texts that people wrote: back-translation (Humpback, arXiv 2308.06259)."""

from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind
from app.curation.text.parts import full_text
from app.curation.text.stems import share, stems

_INSTRUCTION = Prompt(
    name="instruction",
    title="The instruction that a text answers",
    system=(
        "You find the request that a text is a good answer to. The request is put as a person "
        "would put it to an assistant, says what is wanted and does not quote the text."
    ),
    user=(
        "The text:\n{{text}}\n\nWrite the one request that it answers best. Answer with the "
        "request alone."
    ),
    needs=("text",),
    data=("text",),
)
_CURATE = Prompt(
    name="curate",
    title="How good an answer is it?",
    system=(
        "You grade answers of an assistant. 1: off the matter, or broken off. 2: answers a part. "
        "3: answers it, yet reads as a page from elsewhere, with talk of the site or of the "
        "author. 4: answers it well, with small flaws. 5: as an expert assistant would answer: "
        "complete, clear, to the point, nothing beside the matter. Say why first."
    ),
    user=(
        "The request:\n{{instruction}}\n\nThe answer:\n{{text}}\n\nAnswer with one JSON object: "
        "explanation, score (a number from 1 to 5)."
    ),
    needs=("instruction", "text"),
    data=("instruction", "text"),
    judges=True,
)


class BackTranslation(Asking):
    """The instruction to a text of people: the answer stays human, what is made is the question.

    Self-curation keeps pairs that a judge gives 5 of 5, as Humpback does. A request that says most
    of the text itself gives the answer away and fails.
    """

    key: ClassVar = "back_translation"
    title: ClassVar = "Instructions for texts (back-translation)"
    kinds: ClassVar = frozenset({Kind.TEXT})
    near_copy: ClassVar = True
    prompts: ClassVar = (_INSTRUCTION, _CURATE)

    least: int = Field(5, ge=1, le=5, description="Kept from this grade of the judge on")
    longest: int = Field(120, ge=5, le=2000, description="Words of an instruction at most")
    given_away: float = Field(
        0.6, gt=0, le=1, description="Share of the text's words in the instruction at most"
    )
    most: int = Field(
        1000, ge=20, le=20_000, description="Words of a text at most; longer ones are left out"
    )

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        text = full_text(seed.kind, seed.body)
        gates = [self._answer(text)]
        instruction, grade = "", ""
        if gates[0].passed:
            instruction = await talk.text("instruction", {"text": text})
            talk.must_be_in_language(instruction)
            gates += self._of_instruction(instruction, text)
        if all(one.passed for one in gates):
            grade, gate = await self._curated(instruction, text, talk)
            gates.append(gate)
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": instruction, "input": "", "output": text},
            (seed.id,),
            "answered by it",
            seed.language,
            seed.domain,
            metadata={"grade": grade, "answer_by": "its source"},
        )
        return [settled(draft, gates)]

    def _answer(self, text: str) -> Gate:
        words = len(text.split())
        told = f"The text has {words} words, {self.most} are the most."
        return Gate("length of the text", words <= self.most, told)

    def _of_instruction(self, instruction: str, text: str) -> list[Gate]:
        words = len(instruction.split())
        given = share(stems(text), [stems(instruction)])
        return [
            Gate(
                "length",
                words <= self.longest,
                f"The instruction has {words} words, {self.longest} are the most.",
            ),
            Gate(
                "answer not given away",
                given < self.given_away,
                f"It says {given:.2f} of the text's words, under {self.given_away:g} is right.",
            ),
        ]

    async def _curated(self, instruction: str, text: str, talk: Talk) -> tuple[str, Gate]:
        names = {"explanation": "string", "score": "number"}
        said = await talk.fields(
            "curate", {"instruction": instruction, "text": text}, names, cold=True
        )
        grade = f"{said['score']:g}"
        reason = f"Graded {grade} of 5, {self.least} is the least: {said['explanation'][:400]}"
        return grade, Gate("curated", self.least <= said["score"] <= 5, reason)
