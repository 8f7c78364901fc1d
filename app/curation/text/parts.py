"""The text of a sample: all of it, its prompt, its response."""

from collections.abc import Mapping
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
        return _join(turn["content"] for turn in body["messages"])
    return _join(body.get(name, "") for name in (*_PROMPT[kind], *_RESPONSE[kind]))


def prompt_text(kind: Kind, body: Mapping[str, Any]) -> str:
    """What was asked: all turns but the assistant's for a chat, nothing for plain text."""
    if kind is Kind.CHAT:
        return _join(turn["content"] for turn in body["messages"] if turn["role"] != "assistant")
    return _join(body.get(name, "") for name in _PROMPT[kind])


def response_text(kind: Kind, body: Mapping[str, Any]) -> str:
    """What was answered: the assistant's turns of a chat, the text itself for plain text."""
    if kind is Kind.CHAT:
        return _join(turn["content"] for turn in body["messages"] if turn["role"] == "assistant")
    return _join(body.get(name, "") for name in _RESPONSE[kind])


def _join(parts: Any) -> str:
    return "\n\n".join(part for part in parts if part)
