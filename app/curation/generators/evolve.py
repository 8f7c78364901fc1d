"""Instructions made harder or rarer step by step: Evol-Instruct."""

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
from app.curation.text.stems import stems

# The five operators in depth and the one in breadth (arXiv 2304.12244), in our words.
OPERATORS = {
    "constraint": "Add one more condition or requirement that an answer has to meet.",
    "deepen": "Ask for more depth and breadth in what it asks about.",
    "concretise": "Put something concrete in the place of a general notion.",
    "reasoning": "Change it so that several steps of reasoning are needed, and say so.",
    "input": "Add material to work on, such as a table, a formula or a piece of code.",
    "breadth": "Write another instruction of the same domain, rarer, of like length.",
}
_EVOLVE = Prompt(
    name="evolve",
    title="Evolve an instruction",
    system=(
        "You rewrite instructions for capable assistants. The new one makes sense to people, can "
        "be answered, and does not speak of the old one. It is 10 to 20 words longer at most."
    ),
    user=(
        "The instruction:\n{{instruction}}\n\nWhat to do: {{operator}}\n\nAnswer with the new "
        "instruction alone."
    ),
    needs=("instruction", "operator"),
    data=("instruction",),
)
_ANSWER = Prompt(
    name="answer",
    title="Answer it",
    system="You are an assistant who answers correctly, completely and without digressions.",
    user="{{instruction}}",
    needs=("instruction",),
    data=(),
)
_JARGON = re.compile(
    r"\b(?:given|rewritten|original|created|new) (?:prompt|instruction)s?\b|#(?:given|rewritten)",
    re.IGNORECASE,
)
_SHORT = 80  # words under which a "sorry" is no answer


class Evolve(Asking):
    """Instructions made harder by one of six operators, then answered (Evol-Instruct).

    Eliminated are: an instruction that says nothing new, one that speaks of prompts, an answer of
    less than 80 words that is sorry, an answer of nothing but marks. Several rounds are several
    runs, each with the samples of the one before as its seeds.
    """

    key: ClassVar = "evolve"
    title: ClassVar = "Evolved instructions"
    kinds: ClassVar = frozenset({Kind.INSTRUCTION, Kind.CHAT})
    prompts: ClassVar = (_EVOLVE, _ANSWER)

    operators: str = Field(
        "constraint, deepen, concretise, reasoning, input, breadth",
        max_length=200,
        description="Operators, drawn with equal probability",
    )
    longest: int = Field(60, ge=5, le=1000, description="Words that it may add at most")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other operators")

    def tasks(self, seeds: Iterator[Record], first: int = 0) -> Iterator[Task]:
        names = [one.strip() for one in self.operators.split(",") if one.strip() in OPERATORS]
        for number, seed in enumerate(seeds, start=first):
            rng = random.Random(self.seed * 1_000_003 + number)
            yield Task(number, (seed,), {"operator": rng.choice(names or list(OPERATORS))})

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        old, operator = prompt_text(seed.kind, seed.body), task.values["operator"]
        values = {"instruction": old, "operator": OPERATORS[operator]}
        new = await talk.text("evolve", values)
        talk.must_be_in_language(new)
        gates = self._of_instruction(old, new, operator)
        answer = ""
        if all(one.passed for one in gates):
            answer = await talk.text("answer", {"instruction": new})
            gates += _of_answer(answer)
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": new, "input": "", "output": answer},
            (seed.id,),
            f"evolved: {operator}",
            seed.language,
            seed.domain,
            metadata={"operator": operator},
        )
        return [settled(draft, gates)]

    def _of_instruction(self, old: str, new: str, operator: str) -> list[Gate]:
        jargon = _JARGON.search(new)
        fresh = stems(new) - stems(old)
        added = len(new.split()) - len(old.split())
        wide = operator == "breadth"
        return [
            Gate(
                "no jargon",
                jargon is None,
                f"It says “{jargon[0]}”." if jargon else "It does not speak of prompts.",
            ),
            Gate("says something new", len(fresh) >= 2, f"It has {len(fresh)} new words."),
            Gate(
                "length",
                added <= self.longest and (wide or added > -len(old.split()) // 2),
                f"It has {added:+} words, {self.longest:+} are the most.",
            ),
        ]


def _of_answer(answer: str) -> list[Gate]:
    words = len(answer.split())
    sorry = "sorry" in answer.lower() and words < _SHORT
    return [
        Gate("answered", not sorry, "It is sorry, and short." if sorry else "It is an answer."),
        Gate("has words", bool(stems(answer)), f"The answer has {words} words."),
    ]
