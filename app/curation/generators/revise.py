"""Answers criticised and revised, kept where a judge finds them better: self-revision (Phi-4)."""

import hashlib
from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.edits import edited_field, with_field
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind
from app.curation.text.parts import prompt_text

_CRITIQUE = Prompt(
    name="critique",
    title="Criticise",
    system=(
        "You criticise answers by a rubric: what is wrong, missing, unclear or needless, each "
        "with the place where it stands. You praise nothing. Where nothing is to be mended you "
        "say: nothing to mend."
    ),
    user=(
        "The rubric: {{rubric}}\n\nThe request:\n{{request}}\n\nThe answer:\n{{answer}}\n\n"
        "Answer with the list of faults alone."
    ),
    needs=("answer", "rubric"),
    may=("request",),
    data=("request", "answer"),
)
_REVISE = Prompt(
    name="revise",
    title="Revise",
    system=(
        "You revise answers after a critique. What the critique names is mended, everything else "
        "stays. The new answer does not speak of the old one or of the critique."
    ),
    user=(
        "The request:\n{{request}}\n\nThe answer:\n{{answer}}\n\nThe critique:\n{{critique}}\n\n"
        "Answer with the revised answer alone."
    ),
    needs=("answer", "critique"),
    may=("request",),
    data=("request", "answer", "critique"),
)
_COMPARE = Prompt(
    name="compare",
    title="Which one is better?",
    system=(
        "You compare two answers to a request by a rubric. Their order says nothing, neither does "
        "their length. Say the faults of both first, then grade each from 1 to 10."
    ),
    user=(
        "The rubric: {{rubric}}\n\nThe request:\n{{request}}\n\nAnswer A:\n{{first}}\n\nAnswer B:"
        "\n{{second}}\n\nAnswer with one JSON object: explanation, a (grade), b (grade)."
    ),
    needs=("first", "second", "rubric"),
    may=("request",),
    data=("request", "first", "second"),
    judges=True,
)
_EMPTY = Gate("has an answer", False, "The seed has no answer to revise.")
_NOTHING = "nothing to mend"
_MOST_KEPT = 2000  # characters of a critique that stay with the sample


class Revise(Asking):
    """Answers criticised by a rubric and revised, in rounds; kept where a judge grades them higher.

    The judge sees both answers in an order that is drawn per sample. Every critique stays in the
    metadata. An answer with nothing to mend makes no sample.
    """

    key: ClassVar = "revise"
    title: ClassVar = "Critique and revise"
    kinds: ClassVar = frozenset({Kind.TEXT, Kind.INSTRUCTION, Kind.CHAT})
    near_copy: ClassVar = True
    prompts: ClassVar = (_CRITIQUE, _REVISE, _COMPARE)

    rubric: str = Field(
        "correct in every statement; complete; clear to a student; nothing beside the matter",
        min_length=1,
        max_length=2000,
        description="What answers are criticised by",
    )
    rounds: int = Field(2, ge=1, le=5, description="Rounds of critique and revision at most")
    gain: float = Field(1, ge=0, le=9, description="Grades that it must be better by, of 10")

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        name, answer = edited_field(seed)
        if not answer.strip():
            return [settled(None, [_EMPTY])]
        request = prompt_text(seed.kind, seed.body)
        revised, critiques = await self._rounds(request, answer, talk)
        talk.must_be_in_language(revised)
        changed = " ".join(revised.split()) != " ".join(answer.split())
        gates = [
            Gate("changed", changed, "It changed." if changed else "Nothing was to be mended.")
        ]
        if changed:
            gates.append(await self._better(request, (answer, revised), talk))
        draft = Draft(
            seed.kind,
            with_field(seed, name, revised),
            (seed.id,),
            "revised",
            seed.language,
            seed.domain,
            metadata={"critiques": critiques, "rounds": len(critiques)},
        )
        return [settled(draft, gates)]

    async def _rounds(self, request: str, answer: str, talk: Talk) -> tuple[str, list[str]]:
        """The last revision, and the critiques that led to it."""
        critiques: list[str] = []
        for _ in range(self.rounds):
            told = {"rubric": self.rubric, "request": request, "answer": answer}
            critique = await talk.text("critique", told)
            if _NOTHING in critique.lower()[: 2 * len(_NOTHING)]:
                break
            critiques.append(critique[:_MOST_KEPT])
            told = {"request": request, "answer": answer, "critique": critique}
            answer = await talk.text("revise", told)
        return answer, critiques

    async def _better(self, request: str, both: tuple[str, str], talk: Talk) -> Gate:
        """Whether the judge grades the revision higher, whichever of the two it sees first."""
        turned = hashlib.sha256(both[1].encode("utf-8", "replace")).digest()[0] % 2 == 1
        first, second = both[::-1] if turned else both
        told = {"rubric": self.rubric, "request": request, "first": first, "second": second}
        names = {"explanation": "string", "a": "number", "b": "number"}
        said = await talk.fields("compare", told, names, cold=True)
        old, new = (said["b"], said["a"]) if turned else (said["a"], said["b"])
        reason = f"Graded {new:g} after {old:g}; {self.gain:g} more is asked for."
        return Gate("better", new - old >= self.gain and new > old, reason)
