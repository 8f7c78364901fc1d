"""Sections of textbooks over a grid, so that no two requests are alike."""

import itertools
import random
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.signals.factoid import Factoid

_SECTION = Prompt(
    name="section",
    title="Section of a textbook",
    system=(
        "You write for textbooks. What you write is correct, self-contained and teaches by "
        "reasoning: first an explanation, then an example that is worked out step by step, then "
        "an exercise with its solution."
    ),
    user=(
        "Topic: {{topic}}\nAudience: {{audience}}\nForm: {{form}}\nDifficulty: {{difficulty}}\n"
        "Use each of these words somewhere: {{words}}\n\n"
        "Write one section of about {{length}} words. Begin with the matter itself, without a "
        "greeting and without saying what you are going to do."
    ),
    needs=("topic", "audience", "words"),
    may=("form", "difficulty", "length"),
)
_MOST_CELLS = 100_000


class Textbook(Asking):
    """Sections over a grid of topic, audience, form and difficulty, with words they must contain.

    Diversity comes from the grid and from words that are drawn anew for each section (phi-1,
    TinyStories, Cosmopedia). Every cell is filled as often before any is filled again. A section
    that lacks a required word, or is too short, fails.
    """

    key: ClassVar = "textbook"
    title: ClassVar = "Textbook sections"
    per_seed: ClassVar = False
    prompts: ClassVar = (_SECTION,)

    topics: str = Field(
        "fractions, loops, photosynthesis, supply and demand, gravity, recursion",
        max_length=8000,
        description="Topics, parted by commas or lines",
    )
    audiences: str = Field(
        "a child of ten, a pupil in high school, a student, a professional",
        max_length=2000,
        description="For whom, parted by commas",
    )
    forms: str = Field(
        "textbook section", max_length=2000, description="Forms, such as a story or a forum post"
    )
    difficulties: str = Field("basic", max_length=500, description="Difficulties")
    vocabulary: str = Field(
        "river, measure, careful, compare, surprise, garden, pattern, bridge, simple, wrong, "
        "reason, shadow, balance, journey, question, machine, winter, market, signal, mirror",
        max_length=20_000,
        description="Words of which some must stand in each section",
    )
    words: int = Field(3, ge=0, le=10, description="Required words per section")
    per_cell: int = Field(1, ge=1, le=1000, description="Sections per cell of the grid")
    reasoning: float = Field(
        0.0,
        ge=0,
        le=50,
        description="Least reasoning density: connectives, steps, equations per 100 words",
    )
    length: int = Field(300, ge=30, le=3000, description="Words that a section should have")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other words")

    @field_validator("topics", "audiences", "forms", "difficulties")
    @classmethod
    def _names_one(cls, value: str) -> str:
        if not listed(value):
            raise ValueError("it names nothing: give one word at least")
        return value

    def axes(self) -> dict[str, list[str]]:
        """The grid: what each axis runs over."""
        return {
            "topic": listed(self.topics),
            "audience": listed(self.audiences),
            "form": listed(self.forms),
            "difficulty": listed(self.difficulties),
        }

    def count(self, seeds: int) -> int:  # noqa: ARG002
        cells = 1
        for one in self.axes().values():
            cells *= len(one)
        return min(cells * self.per_cell, _MOST_CELLS)

    def tasks(self, seeds: Iterator[Record], first: int = 0) -> Iterator[Task]:  # noqa: ARG002
        axes = self.axes()
        cells = list(itertools.islice(itertools.product(*axes.values()), _MOST_CELLS))
        random.Random(self.seed).shuffle(cells)
        vocabulary = listed(self.vocabulary)
        for number in range(first, self.count(0)):
            cell = dict(zip(axes, cells[number % len(cells)], strict=True))
            rng = random.Random(self.seed * 1_000_003 + number)
            drawn = rng.sample(vocabulary, min(self.words, len(vocabulary)))
            yield Task(number, values={**cell, "words": ", ".join(drawn)})

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.TEXT})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        text = await talk.text("section", {**task.values, "length": str(self.length)})
        talk.must_be_in_language(text)
        draft = Draft(
            Kind.TEXT,
            {"text": text},
            domain=task.values["topic"],
            language=talk.language or None,
            metadata={"cell": dict(task.values)},
        )
        return [settled(draft, self._gates(text, listed(task.values["words"])))]

    def _gates(self, text: str, wanted: Sequence[str]) -> list[Gate]:
        lower = text.lower()
        missing = [one for one in wanted if not re.search(rf"\b{re.escape(one.lower())}", lower)]
        count = len(text.split())
        least = self.length // 4
        gates = [
            Gate(
                "required words",
                not missing,
                f"It lacks {', '.join(missing)}." if missing else "All required words are in it.",
            ),
            Gate("length", count >= least, f"It has {count} words, {least} are the least."),
        ]
        return [*gates, self._reasons(text)] if self.reasoning else gates

    def _reasons(self, text: str) -> Gate:
        """Whether it reasons as densely as it should; a text without a value does not."""
        values = Factoid().score(Batch([Record(Kind.TEXT, {"text": text})])).values
        density = float(np.nan_to_num(values[0, 1]))
        reason = f"{density:.1f} words of reasoning per 100, {self.reasoning:g} are the least."
        return Gate("reasoning density", density >= self.reasoning, reason)


def listed(text: str) -> list[str]:
    """What stands between commas and line ends, each once."""
    parts = (one.strip() for one in re.split(r"[,\n]", text))
    return list(dict.fromkeys(one for one in parts if one))
