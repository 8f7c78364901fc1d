"""Web text told anew in a style: WRAP (arXiv 2401.16380)."""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.text.parts import full_text
from app.curation.text.stems import stems

STYLES = {
    "easy": "for a child of eight, in short sentences and simple words",
    "medium": "in plain, correct English, as an encyclopedia would put it",
    "hard": "tersely and abstractly, for scholars, in exact terms",
    "qa": "as questions, each followed by its answer, over the whole of the text",
}
_REPHRASE = Prompt(
    name="rephrase",
    title="Rephrase in a style",
    system=(
        "You tell texts anew. What you write has all the facts of the text and none beside them; "
        "advertisements, menus and other leftovers of a web page are left out."
    ),
    user="Tell this text anew {{style}}.\n\n{{text}}\n\nAnswer with the new text alone.",
    needs=("text", "style"),
    data=("text",),
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Rephrase(Asking):
    """Texts of the web rephrased in a style: easy, medium (encyclopedic), hard, or as questions.

    Passed is what invents no number, shares enough of its words with the text, is neither much
    shorter nor much longer, and is no copy. Mix what comes of it with the real text, do not put it
    in its place.
    """

    key: ClassVar = "rephrase"
    title: ClassVar = "Rephrased web text"
    kinds: ClassVar = frozenset({Kind.TEXT})
    near_copy: ClassVar = True
    prompts: ClassVar = (_REPHRASE,)

    style: Literal["all", "easy", "medium", "hard", "qa"] = Field(
        "all", description="One style, or all of them in turn"
    )
    shared: float = Field(0.3, ge=0, le=1, description="Least share of its words from the text")
    shortest: float = Field(0.2, ge=0, le=1, description="Least length, as a share of the text's")
    longest: float = Field(2.0, ge=1, le=10, description="Greatest length, as a share")

    def tasks(self, seeds: Iterator[Record], first: int = 0) -> Iterator[Task]:
        styles = list(STYLES) if self.style == "all" else [self.style]
        for number, seed in enumerate(seeds, start=first):
            yield Task(number, (seed,), {"style": styles[number % len(styles)]})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        style, text = task.values["style"], full_text(seed.kind, seed.body)
        said = await talk.text("rephrase", {"text": text, "style": STYLES[style]})
        talk.must_be_in_language(said)
        draft = Draft(
            Kind.TEXT,
            {"text": said},
            (seed.id,),
            f"rephrased: {style}",
            seed.language,
            seed.domain,
            metadata={"style": style},
        )
        return [settled(draft, self._gates(text, said))]

    def _gates(self, text: str, said: str) -> list[Gate]:
        new = sorted(_numbers(said) - _numbers(text))
        mine = stems(said)
        share = len(mine & stems(text)) / max(len(mine), 1)
        ratio = len(said.split()) / max(len(text.split()), 1)
        same = " ".join(said.split()) == " ".join(text.split())
        return [
            Gate(
                "no new numbers",
                not new,
                f"The text has no {', '.join(new)}." if new else "It invents no number.",
            ),
            Gate(
                "same matter",
                share >= self.shared,
                f"{share:.2f} of its words are the text's, {self.shared:g} is the least.",
            ),
            Gate(
                "length",
                self.shortest <= ratio <= self.longest,
                f"It is {ratio:.2f} times as long, {self.shortest:g} to {self.longest:g} is right.",
            ),
            Gate("no copy", not same, "It is the text itself." if same else "It is no copy."),
        ]


def _numbers(text: str) -> set[str]:
    return {one.replace(",", "") for one in _NUMBER.findall(text)}
