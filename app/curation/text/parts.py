"""The text of a sample: all of it, its prompt, its response."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.curation.records import Kind

_PROMPT = {
    Kind.TEXT: (),
    Kind.INSTRUCTION: ("instruction", "input"),
    Kind.PREFERENCE: ("prompt",),
    Kind.COMPLETION: ("signature", "docstring"),
}
_RESPONSE = {
    Kind.TEXT: ("text",),
    Kind.INSTRUCTION: ("output",),
    Kind.PREFERENCE: ("chosen", "rejected"),
    Kind.COMPLETION: ("solution", "tests"),
}


def full_text(kind: Kind, body: Mapping[str, Any]) -> str:
    """All text of the sample in reading order, parts parted by a blank line."""
    if kind is Kind.CHAT:
        return _join(turn.get("content") for turn in turns(body))
    return _join(body.get(name) for name in (*_PROMPT[kind], *_RESPONSE[kind]))


def prompt_text(kind: Kind, body: Mapping[str, Any]) -> str:
    """What was asked: all turns but the assistant's for a chat, nothing for plain text."""
    if kind is Kind.CHAT:
        return _join(turn.get("content") for turn in turns(body) if not _answers(turn))
    return _join(body.get(name) for name in _PROMPT[kind])


def response_text(kind: Kind, body: Mapping[str, Any]) -> str:
    """What was answered: the assistant's turns of a chat, the text itself for plain text."""
    if kind is Kind.CHAT:
        return _join(turn.get("content") for turn in turns(body) if _answers(turn))
    return _join(body.get(name) for name in _RESPONSE[kind])


def turns(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The turns of a chat; none where the field is missing."""
    return body.get("messages") or ()


def _answers(turn: Mapping[str, Any]) -> bool:
    return turn.get("role") == "assistant"


def _join(parts: Iterable[str | None]) -> str:
    return "\n\n".join(part for part in parts if part)
