"""How a record is laid out in a file: the columns that trainers read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from app.curation.records import BODY_FIELDS, Kind, Record
from app.curation.text.parts import full_text
from app.curation.text.transcripts import turns_in

Columns = dict[str, Any]
Messages = list[dict[str, str]]

SHAREGPT_ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "user": "human",
    "assistant": "gpt",
    "tool": "observation",
    "function": "observation",
    "function_call": "function_call",
}


class Layout(StrEnum):
    """The arrangement of columns in a released file."""

    NATIVE = "native"
    MESSAGES = "messages"
    ALPACA = "alpaca"
    SHAREGPT = "sharegpt"
    TEXT = "text"
    DPO = "dpo"
    DPO_MESSAGES = "dpo_messages"
    REWARD = "reward"
    KTO = "kto"
    KTO_MESSAGES = "kto_messages"


@dataclass(frozen=True, slots=True)
class Unwritable:
    """Why a record has no place in a layout; equal for all records of the same trouble."""

    reason: str


def encode(layout: Layout, record: Record) -> Columns | Unwritable:
    """The columns of the record, in a fixed order, or the reason why there are none.

    In the layouts of KTO they are those of the chosen answer; `encode_all` gives both.
    """
    return _ENCODERS[layout](record)


def encode_all(layout: Layout, record: Record) -> list[Columns] | Unwritable:
    """All rows that the record makes: one, and of a pair in the layouts of KTO two."""
    first = encode(layout, record)
    if isinstance(first, Unwritable):
        return first
    if layout not in UNPAIRED:
        return [first]
    body = {**record.body, "chosen": record.body["rejected"]}
    second = encode(layout, replace(record, body=body))
    return second if isinstance(second, Unwritable) else [first, {**second, "label": False}]


def columns_of(layout: Layout, kind: Kind) -> tuple[str, ...]:
    """The names of the columns that records of this kind get."""
    return BODY_FIELDS[kind] if layout is Layout.NATIVE else _COLUMNS[layout]


_COLUMNS: Mapping[Layout, tuple[str, ...]] = {
    Layout.MESSAGES: ("messages",),
    Layout.ALPACA: ("instruction", "input", "output"),
    Layout.SHAREGPT: ("conversations",),
    Layout.TEXT: ("text",),
    Layout.DPO: ("prompt", "chosen", "rejected"),
    Layout.DPO_MESSAGES: ("prompt", "chosen", "rejected"),
    Layout.REWARD: ("chosen", "rejected"),
    Layout.KTO: ("prompt", "completion", "label"),
    Layout.KTO_MESSAGES: ("prompt", "completion", "label"),
}
# One row per answer, not per pair.
UNPAIRED = frozenset({Layout.KTO, Layout.KTO_MESSAGES})


def _native(record: Record) -> Columns:
    return {name: record.body[name] for name in BODY_FIELDS[record.kind]}


def _messages(record: Record) -> Columns | Unwritable:
    messages = _turns(record)
    if messages is None:
        return _misfit(record, "messages")
    return {"messages": messages}


def _sharegpt(record: Record) -> Columns | Unwritable:
    messages = _turns(record)
    if messages is None:
        return _misfit(record, "ShareGPT")
    return {
        "conversations": [
            {"from": SHAREGPT_ROLES.get(turn["role"], turn["role"]), "value": turn["content"]}
            for turn in messages
        ]
    }


def _alpaca(record: Record) -> Columns | Unwritable:
    if record.kind is Kind.INSTRUCTION:
        return _native(record)
    messages = _turns(record)
    if messages is None:
        return _misfit(record, "Alpaca")
    if [turn["role"] for turn in messages] != ["user", "assistant"]:
        return Unwritable("The Alpaca layout holds one question and one answer, no longer chat.")
    asked, answered = messages
    return {"instruction": asked["content"], "input": "", "output": answered["content"]}


def _text(record: Record) -> Columns | Unwritable:
    if record.kind is Kind.PREFERENCE:
        return _misfit(record, "plain text")
    return {"text": full_text(record.kind, record.body)}


def _dpo(record: Record) -> Columns | Unwritable:
    return _native(record) if record.kind is Kind.PREFERENCE else _misfit(record, "DPO")


# The conversational layouts of TRL: turns of {role, content} on both sides, the prompt apart or,
# for reward models, as the beginning of both.


def _dpo_messages(record: Record) -> Columns | Unwritable:
    sides = _sides(record, "DPO")
    if isinstance(sides, Unwritable):
        return sides
    prompt, chosen, rejected = sides
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _reward(record: Record) -> Columns | Unwritable:
    sides = _sides(record, "reward")
    if isinstance(sides, Unwritable):
        return sides
    prompt, chosen, rejected = sides
    return {"chosen": prompt + chosen, "rejected": prompt + rejected}


def _kto(record: Record) -> Columns | Unwritable:
    if record.kind is not Kind.PREFERENCE:
        return _misfit(record, "KTO")
    return {"prompt": record.body["prompt"], "completion": record.body["chosen"], "label": True}


def _kto_messages(record: Record) -> Columns | Unwritable:
    sides = _sides(record, "KTO")
    if isinstance(sides, Unwritable):
        return sides
    return {"prompt": sides[0], "completion": sides[1], "label": True}


def _sides(record: Record, layout: str) -> tuple[Messages, Messages, Messages] | Unwritable:
    """The prompt and both answers as turns."""
    if record.kind is not Kind.PREFERENCE:
        return _misfit(record, layout)
    body = record.body
    if not body["prompt"]:
        return Unwritable(f"Without a prompt a pair is no conversation, as the {layout} layout is.")
    return (
        turns_in(body["prompt"], "user"),
        turns_in(body["chosen"], "assistant"),
        turns_in(body["rejected"], "assistant"),
    )


def _misfit(record: Record, layout: str) -> Unwritable:
    return Unwritable(f"A sample of kind {record.kind} has no place in the {layout} layout.")


def _turns(record: Record) -> Messages | None:
    """The record as a chat, where it can be one."""
    body = record.body
    match record.kind:
        case Kind.CHAT:
            return [{"role": turn["role"], "content": turn["content"]} for turn in body["messages"]]
        case Kind.INSTRUCTION:
            return _one_turn(_joined(body["instruction"], body["input"]), body["output"])
        case Kind.COMPLETION:
            return _one_turn(_code_prompt(body), body["solution"])
        case _:
            return None


def _one_turn(asked: str, answered: str) -> Messages:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _code_prompt(body: Mapping[str, Any]) -> str:
    """The signature with the docstring under it, as HumanEval asks; else what there is."""
    signature, docstring = body["signature"], body["docstring"]
    if not (signature and docstring):
        return str(signature or docstring)
    lines = docstring.splitlines()
    return "\n".join([signature, f'    """{lines[0]}', *_indented(lines[1:]), '    """'])


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


_ENCODERS: Mapping[Layout, Callable[[Record], Columns | Unwritable]] = {
    Layout.NATIVE: _native,
    Layout.MESSAGES: _messages,
    Layout.ALPACA: _alpaca,
    Layout.SHAREGPT: _sharegpt,
    Layout.TEXT: _text,
    Layout.DPO: _dpo,
    Layout.DPO_MESSAGES: _dpo_messages,
    Layout.REWARD: _reward,
    Layout.KTO: _kto,
    Layout.KTO_MESSAGES: _kto_messages,
}
