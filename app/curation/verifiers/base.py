"""What a verifier is: it says of a record whether it is right, or why it can't tell."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from app.curation.methods import Method
from app.curation.ports import Embedder, Question, Sandbox
from app.curation.records import Record
from app.curation.text.parts import full_text, prompt_text, response_text

Needs = Literal["", "sandbox", "embedder", "model"]
# `metadata.KEY` and `body.FIELD` hold a value; the others are made of the parts of a sample.
FieldName = Annotated[
    str, Field(max_length=200, pattern=r"^(response|prompt|text|body\.\w+|metadata\.\S+)?$")
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """True, False, or None where it could not be checked; in a sentence, why."""

    passed: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a verifier is given from outside, as far as it needs it."""

    sandbox: Sandbox | None = None
    embedder: Embedder | None = None


class Verifier(Method):
    """Checks records one by one. The verdict is a signal: 1 verified, 0 refuted, else no value.

    `needs` names what it must be given; `reads` the signals that it goes by.
    """

    needs: ClassVar[Needs] = ""

    def reads(self) -> Sequence[str]:
        """The signals whose values it needs in the records."""
        return ()

    @abstractmethod
    def verify(self, record: Record, tools: Tools) -> Verdict:
        """The verdict on one record; what can't be read is no verdict, never an error."""


class Asking(Verifier):
    """A verifier that asks a language model, never the one that wrote the record."""

    needs: ClassVar[Needs] = "model"

    def verify(self, record: Record, tools: Tools) -> Verdict:
        raise TypeError("It is given replies, and `settled` says what they show.")

    @abstractmethod
    def questions(self, record: Record) -> list[Question] | Verdict:
        """What to ask about a record; a verdict where there is nothing to ask."""

    @abstractmethod
    def settled(self, record: Record, replies: Sequence[str], tools: Tools) -> Verdict:
        """What the replies show."""


def field_of(record: Record, name: str, *others: str) -> Any:
    """The value of a field; where no name is given, of the first of the others that has one."""
    for one in [name] if name else others:
        found = _value(record, one)
        if found not in (None, "", [], {}):
            return found
    return None


def text_of(record: Record, name: str, *others: str) -> str:
    """The same as text; several values stand on a line each."""
    found = field_of(record, name, *others)
    if isinstance(found, list):
        return "\n".join(map(str, found))
    return "" if found is None else str(found)


def lacks(what: str, *names: str) -> Verdict:
    """No verdict, for a field is missing."""
    return Verdict(None, f"There is no {what}: looked at {', '.join(one for one in names if one)}.")


def _value(record: Record, name: str) -> Any:
    made = {"response": response_text, "prompt": prompt_text, "text": full_text}
    if name in made:
        return made[name](record.kind, record.body)
    part, _, key = name.partition(".")
    held: Mapping[str, Any] = record.metadata if part == "metadata" else record.body
    return held.get(key)
