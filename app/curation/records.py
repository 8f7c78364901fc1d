"""The plain values that methods take and give: no database, no web."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a sample is made of; its body has the fields of BODY_FIELDS."""

    TEXT = "text"
    INSTRUCTION = "instruction"
    CHAT = "chat"
    PREFERENCE = "preference"
    COMPLETION = "completion"


class Origin(StrEnum):
    """Who wrote a sample."""

    HUMAN = "human"
    WEB = "web"
    SYNTHETIC = "synthetic"


BODY_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text",),
    Kind.INSTRUCTION: ("instruction", "input", "output"),
    Kind.CHAT: ("messages",),
    Kind.PREFERENCE: ("prompt", "chosen", "rejected"),
    Kind.COMPLETION: ("signature", "docstring", "solution", "tests"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One sample as methods see it.

    `body` has the fields of its kind: every value is a string, except `messages`, a list of
    {role, content}.
    `line` is the 1-based row in its file, 0 when there is none.
    """

    kind: Kind
    body: Mapping[str, Any]
    external_id: str | None = None
    language: str | None = None
    domain: str | None = None
    origin: Origin | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    line: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """Two texts that are alike: how much, and the places (start, end) in each that are the same."""

    similarity: float
    first_spans: tuple[tuple[int, int], ...] = ()
    second_spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not become a sample: where it stood and, in one sentence, why.

    `at` is the line and the column in the text, where they are known.
    """

    line: int
    reason: str
    raw: str = ""
    at: tuple[int, int] | None = None
