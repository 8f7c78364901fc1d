"""Talking with a model for one task: replies are read strictly, and what is of no use is told."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.curation.generators.prompts import Prompt
from app.curation.ports import Message, Question, Reply
from app.curation.signals.language import language_of
from app.curation.signals.refusal import refusal_in
from app.curation.text.objects import last_object
from app.curation.verifiers.base import Tools

Ask = Callable[[Question], Awaitable[Reply]]
_ECHO = 6  # words in a row
_ECHOED = 0.3  # share of the reply's runs of words that are the template's own
_LEAST_CHARS = 40  # of less no language can be told
_SURE = 0.7
_SHOWN = 2000
_OPENING = re.compile(
    r"\A(?:sure|certainly|of course|absolutely|okay|here(?:'s| is| are))\b[^\n]{0,160}:[ \t]*"
    r"(?:\n+|(?=```))",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\n\s*(?:(?:i )?hope (?:this|that|it) helps|let me know if|feel free to ask)[^\n]*\Z",
    re.IGNORECASE,
)
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "array": list,
    "number": (int, float),
    "pairs": list,
}
_PAIR = {"question": {"type": "string"}, "answer": {"type": "string"}}
_REPAIR = "That was not what was asked for: {problem} Answer again with the JSON object alone."


class DiscardError(Exception):
    """A reply that is of no use; the outcome says in a word how, the sentence why."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


@dataclass(slots=True)
class Talk:
    """The questions of one task: asked through `ask`, which keeps and pays for the replies.

    `prompts` are the templates of the run by name, `language` the one that drafts must be in,
    empty for any. What prompts ask that judge goes to `judge`, where there is one.
    """

    ask: Ask
    prompts: Mapping[str, Prompt]
    language: str = ""
    temperature: float = 0.7
    max_tokens: int = 1024
    tools: Tools = field(default_factory=Tools)
    judge: Ask | None = None
    replies: list[Reply] = field(default_factory=list)
    judged: list[Reply] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # names of the prompts that were asked by

    async def text(self, name: str, values: Mapping[str, str], *, cold: bool = False) -> str:
        """The reply as a text without the quotation marks or fences that models put around it."""
        question = self._question(name, values, cold, None)
        reply = await self._asked(name, question)
        text = unwrapped(reply.text)
        self._screen(self.prompts[name], reply, text)
        return text

    async def fields(
        self, name: str, values: Mapping[str, str], names: Mapping[str, str], *, cold: bool = False
    ) -> dict[str, Any]:
        """The JSON object in a reply, whatever stands around it, with all these fields in it.

        `names` holds the JSON type of each field; `pairs` are objects with question and answer.

        Where it is not readable, it is asked for once more with what was wrong.
        """
        question = self._question(name, values, cold, _schema(names))
        reply = await self._asked(name, question)
        found, problem = _read(reply, names)
        if problem and reply.finish != "length":
            self._screen(self.prompts[name], reply, reply.text, of_data=True)
            again = _REPAIR.format(problem=problem)
            more = (Message("assistant", reply.text[:_SHOWN]), Message("user", again))
            question = Question(
                (*question.messages, *more), question.schema, self.temperature, self.max_tokens
            )
            reply = await self._asked(name, question)
            found, problem = _read(reply, names)
        told = " ".join(str(one) for one in found.values() if isinstance(one, str | list))
        self._screen(self.prompts[name], reply, told if not problem else reply.text, of_data=True)
        if problem:
            raise DiscardError("unreadable", problem)
        if not self.prompts[name].judges:
            _refuse_refusals(found)
        return found

    def must_be_in_language(self, text: str) -> None:
        """Refuse a text that is surely in another language than the run's."""
        if not self.language or len(text) < _LEAST_CHARS:
            return
        found, sure = language_of(text)
        if found is not None and found != self.language and sure >= _SURE:
            raise DiscardError("wrong language", f"It is in `{found}`, not in `{self.language}`.")

    def _question(
        self, name: str, values: Mapping[str, str], cold: bool, schema: Mapping[str, Any] | None
    ) -> Question:
        messages = self.prompts[name].messages(values)
        return Question(messages, schema, 0.0 if cold else self.temperature, self.max_tokens)

    async def _asked(self, name: str, question: Question) -> Reply:
        """The reply of who is asked by this prompt; `replies` are the teacher's."""
        self.questions.append(question)
        self.used.add(name)
        if self.judge is not None and self.prompts[name].judges:
            reply = await self.judge(question)
            self.judged.append(reply)
        else:
            reply = await self.ask(question)
            self.replies.append(reply)
        return reply

    def _screen(self, prompt: Prompt, reply: Reply, text: str, *, of_data: bool = False) -> None:
        """Refuse what is cut off, empty, a refusal or the prompt itself.

        A verdict goes through its requirements one by one, and may repeat them.
        """
        if reply.finish == "length":
            raise DiscardError("cut off", f"It ends after {self.max_tokens} tokens, unfinished.")
        if not text.strip():
            raise DiscardError("unreadable", "The reply is empty.")
        if not prompt.judges and echoed(prompt, text) >= _ECHOED:
            raise DiscardError("repeated the prompt", "The reply repeats what was asked.")
        refusal = _refusal(reply.text)
        if refusal and not (of_data and last_object(reply.text)):
            raise DiscardError("refused", refusal)


def echoed(prompt: Prompt, text: str) -> float:
    """The share of the runs of six words of a text that stand in the template itself."""
    said = re.findall(r"\w+", text.lower())
    runs = [tuple(said[at : at + _ECHO]) for at in range(len(said) - _ECHO + 1)]
    if not runs:
        return 0.0
    told = prompt.words()
    known = {tuple(told[at : at + _ECHO]) for at in range(len(told) - _ECHO + 1)}
    return sum(run in known for run in runs) / len(runs)


def unwrapped(text: str) -> str:
    """A text without what models say before and after it, without a fence or quotes around it."""
    text = _CLOSING.sub("", _OPENING.sub("", text.strip())).strip()
    fenced = re.fullmatch(r"```[\w-]*\n(.*?)\n?```", text, re.DOTALL)
    if fenced and "```" not in fenced[1]:
        return fenced[1].strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        return text[1:-1].strip()
    return text


def _refuse_refusals(found: Mapping[str, Any]) -> None:
    """A refusal in a field of well-formed JSON is one still."""
    for text in found.values():
        if isinstance(text, str) and (refusal := _refusal(text)):
            raise DiscardError("refused", refusal)


def _refusal(text: str) -> str:
    phrase = refusal_in(text)
    return f"The answer says “{phrase}”." if phrase else ""


def _schema(names: Mapping[str, str]) -> dict[str, Any]:
    """Every field required and no other: what endpoints ask of a strict schema."""
    of_items = {"array": {"type": "string"}, "pairs": _object(_PAIR)}
    return _object(
        {
            name: {"type": "array", "items": of_items[of]} if of in of_items else {"type": of}
            for name, of in names.items()
        }
    )


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def _read(reply: Reply, names: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """The object in a reply, or what is wrong with it."""
    found = last_object(reply.text)
    if found is None:
        return {}, "It holds no JSON object."
    missing = [name for name in names if found.get(name) in (None, "", [])]
    if missing:
        return {}, f"The JSON object lacks {', '.join(missing)}."
    wrong = [name for name, of in names.items() if not isinstance(found[name], _TYPES[of])]
    if wrong:
        return {}, f"`{wrong[0]}` must be of the type {names[wrong[0]]}."
    for name in (name for name, of in names.items() if of == "pairs"):
        if not all(isinstance(one, dict) and _PAIR.keys() <= one.keys() for one in found[name]):
            return {}, f"`{name}` must be a list of objects with question and answer."
    return dict(found), ""
