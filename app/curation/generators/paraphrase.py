"""Samples in other words, with their numbers and names kept."""

import re
from difflib import SequenceMatcher
from typing import ClassVar, Literal

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Needs, Task, settled
from app.curation.generators.edits import edited_field, with_field
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.text.stems import stems

_PARAPHRASE = Prompt(
    name="paraphrase",
    title="Paraphrase",
    system=(
        "You say things in other words. The meaning stays, nothing is added and nothing is left "
        "out. Every number, every name and every piece of code stays exactly as it is."
    ),
    user=(
        "Say this in other words, in the style: {{style}}. Change the order and the wording of "
        "the sentences, this is version {{version}}.\n\n{{text}}\n\nAnswer with the text alone."
    ),
    needs=("text",),
    may=("style", "version"),
    data=("text",),
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# Names of several words, or within a sentence: what begins one may be any word.
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")


class Paraphrase(Asking):
    """Paraphrases that keep every number and every name, and are neither copy nor drift.

    Instructions and chats are asked in other words, plain texts said in other words; answers stay.
    Passed is what has the same numbers and names, differs in enough characters, and still means
    the same: by the words that both share, or by the cosine of their embeddings.
    """

    key: ClassVar = "paraphrase"
    title: ClassVar = "Paraphrases"
    kinds: ClassVar = frozenset({Kind.TEXT, Kind.INSTRUCTION})
    needs: ClassVar[Needs] = "embedder"
    near_copy: ClassVar = True
    prompts: ClassVar = (_PARAPHRASE,)

    children: int = Field(1, ge=1, le=3, description="Paraphrases per sample")
    style: str = Field("clear and natural", max_length=200, description="How it should sound")
    by: Literal["words", "embedding"] = Field("words", description="How meaning is compared")
    nearest: float = Field(0.98, gt=0, le=1, description="From this likeness on it is a copy")
    farthest: float = Field(
        0.2, ge=0, le=1, description="Least likeness in meaning; by embedding 0.8 is usual"
    )
    difference: float = Field(0.15, ge=0, le=1, description="Least share of characters that differ")

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        name, text = _field(seed)
        found = []
        for version in range(1, self.children + 1):
            values = {"text": text, "style": self.style, "version": str(version)}
            said = await talk.text("paraphrase", values)
            talk.must_be_in_language(said)
            draft = Draft(
                seed.kind,
                with_field(seed, name, said),
                (seed.id,),
                "paraphrase",
                seed.language,
                seed.domain,
            )
            found.append(settled(draft, self._gates(text, said, talk)))
        return found

    def _gates(self, text: str, said: str, talk: Talk) -> list[Gate]:
        alike = SequenceMatcher(None, text, said, autojunk=False).ratio() if text != said else 1.0
        same, how = self._meaning(text, said, talk)
        return [
            _kept("numbers", _numbers(text), _numbers(said)),
            _kept("names", set(_NAME.findall(text)), _names(said, text)),
            Gate("no copy", alike < self.nearest, f"It is alike to {alike:.2f}."),
            Gate(
                "differs",
                1 - alike >= self.difference,
                f"{1 - alike:.2f} of its characters differ, {self.difference:g} are the least.",
            ),
            Gate(
                "same meaning",
                same >= self.farthest,
                f"By {how} they are alike to {same:.2f}, {self.farthest:g} is the least.",
            ),
        ]

    def _meaning(self, text: str, said: str, talk: Talk) -> tuple[float, str]:
        if self.by == "embedding" and talk.tools.embedder is not None:
            first, second = talk.tools.embedder.embed([text, said])
            return float(first @ second), "embedding"
        mine, other = stems(text), stems(said)
        return len(mine & other) / max(min(len(mine), len(other)), 1), "words"


def _field(seed: Record) -> tuple[str, str]:
    """What is said in other words: the question, or the text where there is none."""
    if seed.kind is Kind.INSTRUCTION:
        return "instruction", str(seed.body.get("instruction") or "")
    return edited_field(seed)


def _numbers(text: str) -> set[str]:
    return {one.replace(",", "") for one in _NUMBER.findall(text)}


def _names(said: str, text: str) -> set[str]:
    """The names of a paraphrase; those of the original count wherever they stand in it."""
    kept = {one for one in _NAME.findall(text) if one in said}
    known = " ".join(kept)
    return kept | {one for one in _NAME.findall(said) if one not in known and one not in text}


def _kept(what: str, wanted: set[str], found: set[str]) -> Gate:
    lost, new = sorted(wanted - found), sorted(found - wanted)
    told = [f"lost {', '.join(lost)}"] * bool(lost) + [f"new {', '.join(new)}"] * bool(new)
    reason = f"Its {what} differ: {'; '.join(told)}." if told else f"All {what} are kept."
    return Gate(f"{what} kept", not told, reason)
