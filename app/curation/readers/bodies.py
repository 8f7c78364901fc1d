"""Makes the body of a sample from the columns of a row, in whatever shape the text comes."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from app.curation.readers.values import kind_of, listed, parse_cell, shown
from app.curation.records import Kind
from app.curation.text.transcripts import Message, transcript

Body = dict[str, Any]
Columns = Mapping[str, str]

_ROLES = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function": "function",
    "function_call": "function_call",
}
MORE_IN_MESSAGES = "Fields of messages other than role and text were left out"
_MEDIA = frozenset({"image", "image_url", "video", "video_url", "audio", "input_audio", "file"})
_TRANSCRIPT = re.compile(r"\s*Human:.*\n\nAssistant:", re.DOTALL)
_TURN = re.compile(r"(?:\A|\n\n)\s*(Human|Assistant):")
_LAST_DEFINITION = re.compile(r".*^[ \t]*(?:async +)?def\b", re.DOTALL | re.MULTILINE)
_DOCSTRING = re.compile(r"[rRuU]?(\"\"\"|''')(.*?)\1", re.DOTALL)


class BodyError(ValueError):
    """The row cannot become a sample; the message is a sentence for people."""


def text_of(value: Any, column: str) -> str:
    """Text as it is, numbers as text, nothing for missing; lists and objects are refused."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            raise BodyError(f"`{column}` is {kind_of(value)}, text was expected.")


def build_body(
    kind: Kind, values: Mapping[str, Any], columns: Columns, note: Callable[[str], None]
) -> Body:
    """The body from values by target; `columns` says where each came from, for the sentences.

    `note` is told what a message held beside its role and its text.
    """
    body = _BUILDERS[kind](values, columns)
    if not any(map(_holds_text, body.values())):
        raise BodyError(f"This row is empty: there is no text in {listed(columns.values())}.")
    if kind is Kind.CHAT and _says_more(values["messages"]):
        note(MORE_IN_MESSAGES)
    return body


def _says_more(turns: Any) -> bool:
    return isinstance(turns, list) and any(len(turn) > 2 for turn in turns)


def _holds_text(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return any(_holds_text(message["content"]) for message in value)


def _text(values: Mapping[str, Any], columns: Columns) -> Body:
    return {"text": text_of(values["text"], columns["text"])}


def _instruction(values: Mapping[str, Any], columns: Columns) -> Body:
    return {
        "instruction": _said(values["instruction"], columns["instruction"]),
        "input": text_of(values.get("input"), columns.get("input", "")),
        "output": _said(values["output"], columns["output"]),
    }


def _said(value: Any, column: str) -> str:
    """Text as it is, messages as the transcript that writers make turns of."""
    if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
        return transcript(messages_of(value, column))
    return text_of(value, column)


def _chat(values: Mapping[str, Any], columns: Columns) -> Body:
    messages = messages_of(values["messages"], columns["messages"])
    system = text_of(values.get("system"), columns.get("system", ""))
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return {"messages": messages}


def messages_of(value: Any, column: str) -> list[Message]:
    """Turns as {role, content}; ShareGPT's {from, value}, lists of parts and JSON are read too."""
    turns = parse_cell(value) if isinstance(value, str) else value
    if not isinstance(turns, list):
        raise BodyError(f"`{column}` is {kind_of(value)}, a list of messages was expected.")
    return [_message(turn, f"{column}[{place}]") for place, turn in enumerate(turns)]


def _message(turn: Any, place: str) -> Message:
    if not isinstance(turn, dict):
        raise BodyError(
            f"`{place}` is {kind_of(turn)}, a message with role and content was expected."
        )
    said = turn.get("role") or turn.get("from")
    role = _ROLES.get(said.lower()) if isinstance(said, str) else None
    if role is None:
        raise BodyError(
            f"`{place}` has no known role but {shown(said)}; use system, user or assistant."
        )
    content = next((turn[name] for name in ("content", "value", "text") if name in turn), None)
    if content is None and turn.get("tool_calls"):
        return {"role": "function_call", "content": orjson.dumps(turn["tool_calls"]).decode()}
    return {"role": role, "content": _content(content, place)}


def _content(content: Any, place: str) -> str:
    if not isinstance(content, list):
        return text_of(content, place)
    texts = []
    for part in content:
        if isinstance(part, dict):
            if part.get("type") in _MEDIA:
                raise BodyError(f"`{place}` has a part of type {part['type']}, only text is read.")
            texts.append(text_of(part.get("text", part.get("value")), place))
        else:
            texts.append(text_of(part, place))
    return "\n".join(texts)


def _preference(values: Mapping[str, Any], columns: Columns) -> Body:
    chosen, rejected = (_turns(values[name], columns[name]) for name in ("chosen", "rejected"))
    shared = _shared(chosen, rejected)
    prompt = chosen[:shared] or _turns(values.get("prompt"), columns.get("prompt", ""))
    return {
        "prompt": transcript(prompt),
        "chosen": transcript(chosen[shared:]),
        "rejected": transcript(rejected[shared:]),
    }


def _turns(value: Any, column: str) -> list[Message]:
    match value:
        case dict():
            return [_message(value, column)]
        case list():
            return messages_of(value, column)
        case str() if _TRANSCRIPT.match(value):
            return _transcribed(value)
        case _:
            return [{"role": "", "content": text_of(value, column)}]


def _transcribed(text: str) -> list[Message]:
    """The turns of "Human: .. Assistant: .." (Bai et al. 2022, hh-rlhf)."""
    parts = _TURN.split(text)[1:]
    return [
        {"role": "user" if speaker == "Human" else "assistant", "content": said.strip()}
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    ]


def _shared(chosen: Sequence[Message], rejected: Sequence[Message]) -> int:
    """How many turns both begin with; the last of each is its answer."""
    most = min(len(chosen), len(rejected)) - 1
    return next((at for at in range(most) if chosen[at] != rejected[at]), max(most, 0))


def _completion(values: Mapping[str, Any], columns: Columns) -> Body:
    signature = text_of(values.get("signature"), columns.get("signature", ""))
    docstring = text_of(values.get("docstring"), columns.get("docstring", ""))
    if "docstring" not in columns:
        signature, docstring = split_prompt(signature)
    tests = values.get("tests")
    lines = tests if isinstance(tests, list) else [tests]
    return {
        "signature": signature,
        "docstring": docstring,
        "solution": text_of(values["solution"], columns["solution"]),
        "tests": "\n".join(text_of(line, columns.get("tests", "")) for line in lines),
    }


def split_prompt(prompt: str) -> tuple[str, str]:
    """A code prompt (HumanEval, MBPP) as what stands before the last docstring, and its text."""
    definition = _LAST_DEFINITION.match(prompt)
    docstring = _DOCSTRING.search(prompt, definition.end() if definition else 0)
    if docstring is None:
        return prompt, ""
    return prompt[: docstring.start()].rstrip(), inspect.cleandoc(docstring[2])


_BUILDERS: Mapping[Kind, Callable[[Mapping[str, Any], Columns], Body]] = {
    Kind.TEXT: _text,
    Kind.INSTRUCTION: _instruction,
    Kind.CHAT: _chat,
    Kind.PREFERENCE: _preference,
    Kind.COMPLETION: _completion,
}
