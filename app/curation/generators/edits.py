"""Edits of a text that can be taken back exactly: what stood where, and what stands there now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.curation.records import Kind, Record


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of the edited text are `new`; they were `old`."""

    type: str
    start: int
    end: int
    old: str
    new: str

    def as_json(self) -> dict[str, Any]:
        """The edit as it is stored with the sample."""
        return {
            "type": self.type,
            "start": self.start,
            "end": self.end,
            "old": self.old,
            "new": self.new,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """Characters of the text before any edit, and what is to stand there."""

    type: str
    start: int
    end: int
    new: str


def applied(text: str, changes: Sequence[Change]) -> tuple[str, list[Edit]]:
    """The edited text, with edits whose places are those in it; changes must not overlap."""
    parts: list[str] = []
    edits: list[Edit] = []
    at = length = 0
    for one in sorted(changes, key=lambda change: change.start):
        before = text[at : one.start]
        length += len(before)
        edits.append(
            Edit(one.type, length, length + len(one.new), text[one.start : one.end], one.new)
        )
        parts += [before, one.new]
        length += len(one.new)
        at = one.end
    return "".join([*parts, text[at:]]), edits


def restored(text: str, edits: Sequence[Mapping[str, Any]]) -> str:
    """The text as it was before these edits, which stand in the order of their places."""
    for one in reversed(edits):
        text = text[: one["start"]] + one["old"] + text[one["end"] :]
    return text


_FIELDS = {
    Kind.TEXT: "text",
    Kind.INSTRUCTION: "output",
    Kind.COMPLETION: "solution",
}


def edited_field(record: Record) -> tuple[str, str]:
    """The name of the field that edits go into, and its text: what the sample answers."""
    if record.kind is Kind.CHAT:
        turns = record.body.get("messages") or []
        for place in range(len(turns) - 1, -1, -1):
            if turns[place].get("role") == "assistant":
                return f"messages.{place}", str(turns[place].get("content") or "")
        return "", ""
    name = _FIELDS[record.kind]
    return name, str(record.body.get(name) or "")


def with_field(record: Record, name: str, text: str) -> dict[str, Any]:
    """The body with another text in this field."""
    if record.kind is not Kind.CHAT:
        return {**record.body, name: text}
    place = int(name.partition(".")[2])
    turns = [dict(one) for one in record.body["messages"]]
    turns[place]["content"] = text
    return {**record.body, "messages": turns}
