"""What a generator is: from seeds, with or without a model, it makes drafts of samples.

What came of every request is told, also when it is no draft: nothing is lost on the way.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import DiscardError, Talk
from app.curation.methods import Method
from app.curation.records import Kind, Record
from app.curation.text.parts import prompt_text

Needs = Literal["", "sandbox", "embedder"]


class Outcome(StrEnum):
    """What became of a request, or of one of the drafts that it brought."""

    ACCEPTED = "accepted"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    ECHO = "repeated the prompt"
    LANGUAGE = "wrong language"
    CUT = "cut off"
    GATE = "failed a gate"
    DUPLICATE = "duplicate"
    CONTAMINATED = "contaminated"
    ERROR = "no reply"
    GONE = "seed thrown out"
    CANCELLED = "run cancelled"


@dataclass(frozen=True, slots=True)
class Gate:
    """A check that a draft went through; the reason is a sentence."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample that might be: its content, what it was made from and how, the gates it passed."""

    kind: Kind
    body: Mapping[str, Any]
    parents: tuple[int, ...] = ()
    relation: str = ""
    language: str | None = None
    domain: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """One line of the account: a draft with its gates, or why there is none."""

    outcome: Outcome
    draft: Draft | None = None
    gates: tuple[Gate, ...] = ()
    reason: str = ""

    @property
    def failed_gate(self) -> str:
        """The name of the gate that was not passed, empty where all were."""
        return next((one.name for one in self.gates if not one.passed), "")


@dataclass(frozen=True, slots=True)
class Task:
    """One request: its number in the run, the seeds it goes by, the values of its cell."""

    number: int
    seeds: tuple[Record, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    def shared(self, name: Literal["language", "domain"]) -> str | None:
        """The language or the domain of the seeds, if it is that of all."""
        found = {getattr(one, name) for one in self.seeds}
        return found.pop() if len(found) == 1 else None


class Generator(Method):
    """Makes samples.

    `near_copy` says that what it makes is meant to resemble its seed, so that only other samples
    make it a duplicate. `kinds` are the kinds of seeds it can use, none where it takes no seeds.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset()
    near_copy: ClassVar[bool] = False
    needs: ClassVar[Needs] = ""
    asks: ClassVar[bool] = False

    def makes(self) -> frozenset[Kind]:
        """The kinds of samples that may come of it."""
        return self.kinds


class Plain(Generator):
    """A generator that asks nobody: the same seeds give the same drafts, byte for byte."""

    near_copy: ClassVar[bool] = True

    def spoils(self) -> bool:
        """Whether what it makes says what is wrong, on purpose: nothing to learn from alone."""
        return False

    @abstractmethod
    def make(self, seeds: Sequence[Record]) -> list[list[Made]]:
        """What came of each seed; the batch counts, so callers cut it where they always do."""


class Asking(Generator):
    """A generator that asks a language model, one request or several per task."""

    asks: ClassVar[bool] = True
    prompts: ClassVar[tuple[Prompt, ...]]
    per_seed: ClassVar[bool] = True

    def tasks(self, seeds: Iterator[Record], first: int = 0) -> Iterator[Task]:
        """The requests in a fixed order; one per seed where nothing else is said.

        `first` is the number of the first; the seeds before it are left out already where there
        is a task `per_seed`.
        """
        return (Task(number, (seed,)) for number, seed in enumerate(seeds, start=first))

    def count(self, seeds: int) -> int:
        """How many tasks so many seeds make."""
        return seeds

    def novelty(self) -> float:
        """From which ROUGE-L on to a text that is known a draft is not new; 0 for any."""
        return 0.0

    def told_apart_by(self, record: Record) -> str:
        """The text of a sample or draft by which it must be new: its question."""
        return prompt_text(record.kind, record.body)

    @abstractmethod
    async def make(self, task: Task, talk: Talk) -> list[Made]:
        """Ask, read, check; raise DiscardError where a reply is of no use."""

    async def made(self, task: Task, talk: Talk) -> list[Made]:
        """The same, where a reply of no use is told as a line of the account."""
        try:
            found = await self.make(task, talk)
        except DiscardError as error:
            return [Made(Outcome(error.outcome), reason=str(error))]
        return found or [Made(Outcome.UNREADABLE, reason="The reply holds no draft.")]


def settled(draft: Draft | None, gates: Sequence[Gate]) -> Made:
    """A draft behind its gates: accepted by all, or failed at the first that says no.

    None where a seed failed before anything was drafted.
    """
    failed = next((one for one in gates if not one.passed), None)
    if failed is None:
        return Made(Outcome.ACCEPTED, draft, tuple(gates))
    return Made(Outcome.GATE, draft, tuple(gates), failed.reason)
