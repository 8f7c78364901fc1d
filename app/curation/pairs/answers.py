"""Samples as answers to questions: which question was asked, what was answered."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.curation.records import Kind
from app.curation.text.parts import prompt_text, response_text, turns
from app.curation.text.transcripts import transcript

KINDS = frozenset({Kind.INSTRUCTION, Kind.CHAT, Kind.COMPLETION})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question with the score that it is compared by.

    `barred`: a person rejected it, so it is never preferred to another one.
    """

    id: int
    revision: int
    question: str
    text: str
    score: float
    barred: bool = False


def asked(kind: Kind, body: Mapping[str, Any]) -> tuple[str, str] | None:
    """The question and the answer of a sample, None where it has no answer.

    Of a chat the last turn of the assistant is the answer, all turns before it are the question.
    """
    if kind is Kind.CHAT:
        return _last_turn(turns(body))
    if kind is Kind.COMPLETION:
        return (prompt_text(kind, body), body["solution"]) if body["solution"] else None
    answer = response_text(kind, body)
    return (prompt_text(kind, body), answer) if answer else None


def _last_turn(messages: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    places = [at for at, turn in enumerate(messages) if turn["role"] == "assistant"]
    if not places or not messages[places[-1]]["content"]:
        return None
    return transcript(messages[: places[-1]]), messages[places[-1]]["content"]


def question_key(question: str) -> bytes:
    """Equal for questions that differ in capitals, spaces and forms of characters alone."""
    return hashlib.blake2b(_plain(question).casefold().encode("utf-8", "replace")).digest()[:16]


def same(one: str, other: str) -> bool:
    """Whether two answers say the same but for spaces and forms of characters.

    Capitals count: an edit may be about them.
    """
    return one == other or _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())
