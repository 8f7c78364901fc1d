"""A leaf of a taxonomy, as generators see it, and what each request shows of it."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.curation.generators.base import Task
from app.curation.records import Record

KNOWLEDGE = "knowledge"
BRANCHES = (KNOWLEDGE, "foundational_skills", "compositional_skills")
_DOMAIN_PARTS = 2
_WORDS_PER_PASSAGE = 400
# What a request is about differs, although a leaf may have one seed: the diversity list of LAB.
MANNERS = (
    "everyday situations",
    "short and plain requests",
    "a setting that the examples do not have, such as another place or trade",
    "requests with several conditions at once",
    "what a beginner would ask",
    "what somebody with much experience would ask",
    "unusual or rare cases",
    "requests that start from a story or a situation of a person",
    "questions that ask for a reason or an explanation",
    "questions that compare two things",
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A task to be taught: its words, its seeds, and the passages of its documents.

    Seeds are instructions; the `input` of a grounded skill's seed is the text it works on.
    """

    id: int
    path: str
    task: str
    seeds: tuple[Record, ...]
    passages: tuple[str, ...] = ()

    @property
    def knows(self) -> bool:
        """Whether its answers must stand in its documents."""
        return self.path.startswith(f"{KNOWLEDGE}/")

    @property
    def grounded(self) -> bool:
        """Whether its seeds work on a text that is given."""
        return not self.knows and any(one.body["input"].strip() for one in self.seeds)

    def problem(self) -> str:
        """Why nothing can be asked for it, empty where something can."""
        if not self.seeds:
            return "It has no seeds: all were rejected, dropped or deleted, or none matches."
        if self.knows and not self.passages:
            return "It has no document: attach one, its answers must stand in it."
        return ""

    def request(self, number: int, serial: int, *, count: int, shown: int, seed: int = 0) -> Task:
        """The request `number` of a run, the one at `serial` among all for this leaf."""
        rng = random.Random(f"{seed}/{self.path}/{serial}")
        seeds = tuple(rng.sample(self.seeds, min(shown, len(self.seeds))))
        passage = self.passages[serial % len(self.passages)] if self.knows else ""
        kind = "knows" if self.knows else "grounded" if self.grounded else "free"
        values = {
            "leaf": str(self.id),
            "path": self.path,
            "task": self.task or domain_of(self.path).replace("_", " "),
            "kind": kind,
            "count": str(count),
            "manner": MANNERS[serial % len(MANNERS)],
            "set": str(serial + 1),
            "passage": passage,
        }
        return Task(number, seeds, values)


def domain_of(path: str) -> str:
    """The domain of a leaf's samples: the last two parts of its path."""
    return "/".join(path.split("/")[-_DOMAIN_PARTS:])


def normal(question: str) -> str:
    """The words of a question, by which it is known again."""
    return " ".join(re.findall(r"\w+", question.casefold()))


def passages_of(documents: Iterable[str], words: int = _WORDS_PER_PASSAGE) -> tuple[str, ...]:
    """Documents in passages of at most so many words, cut between paragraphs where it can be."""
    found: list[str] = []
    for document in documents:
        held: list[str] = []
        size = 0
        for paragraph, length in _paragraphs(document, words):
            if held and size + length > words:
                found.append("\n\n".join(held))
                held, size = [], 0
            held.append(paragraph)
            size += length
        if held:
            found.append("\n\n".join(held))
    return tuple(found)


def _paragraphs(document: str, most: int) -> Iterable[tuple[str, int]]:
    """The paragraphs with their words; one that is too long in pieces."""
    for paragraph in re.split(r"\n\s*\n", document):
        said = paragraph.split()
        if 0 < len(said) <= most:
            yield paragraph.strip(), len(said)
            continue
        for at in range(0, len(said), most):
            piece = said[at : at + most]
            yield " ".join(piece), len(piece)
