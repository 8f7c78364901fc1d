from typing import Any

import pytest

from app.curation.records import Kind, Record
from app.curation.writers.layouts import Layout, Unwritable, columns_of, encode, encode_all

INSTRUCTION = Record(Kind.INSTRUCTION, {"instruction": "q", "input": "x", "output": "a"})
ONE_TURN = Record(
    Kind.CHAT,
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
)
LONG = Record(
    Kind.CHAT,
    {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q"},
            {"role": "function_call", "content": "f"},
            {"role": "tool", "content": "t"},
            {"role": "strange", "content": "z"},
        ]
    },
)
PAIR = Record(Kind.PREFERENCE, {"prompt": "q", "chosen": "a", "rejected": "b"})
TEXT = Record(Kind.TEXT, {"text": "t"})
CODE = Record(
    Kind.COMPLETION,
    {"signature": "def f():", "docstring": "Do.\n\nNow.", "solution": "    pass", "tests": "t"},
)
ASKED = 'def f():\n    """Do.\n\n    Now.\n    """'


def misfit(kind: str, layout: str) -> Unwritable:
    return Unwritable(f"A sample of kind {kind} has no place in the {layout} layout.")


@pytest.mark.parametrize(
    ("layout", "record", "columns"),
    [
        (Layout.NATIVE, INSTRUCTION, {"instruction": "q", "input": "x", "output": "a"}),
        (Layout.NATIVE, TEXT, {"text": "t"}),
        (Layout.MESSAGES, LONG, LONG.body),
        (
            Layout.MESSAGES,
            INSTRUCTION,
            {
                "messages": [
                    {"role": "user", "content": "q\n\nx"},
                    {"role": "assistant", "content": "a"},
                ]
            },
        ),
        (
            Layout.MESSAGES,
            CODE,
            {
                "messages": [
                    {"role": "user", "content": ASKED},
                    {"role": "assistant", "content": "    pass"},
                ]
            },
        ),
        (
            Layout.SHAREGPT,
            LONG,
            {
                "conversations": [
                    {"from": "system", "value": "s"},
                    {"from": "human", "value": "q"},
                    {"from": "function_call", "value": "f"},
                    {"from": "observation", "value": "t"},
                    {"from": "strange", "value": "z"},
                ]
            },
        ),
        (Layout.ALPACA, INSTRUCTION, dict(INSTRUCTION.body)),
        (Layout.ALPACA, ONE_TURN, {"instruction": "q", "input": "", "output": "a"}),
        (Layout.ALPACA, CODE, {"instruction": ASKED, "input": "", "output": "    pass"}),
        (Layout.TEXT, INSTRUCTION, {"text": "q\n\nx\n\na"}),
        (Layout.TEXT, TEXT, {"text": "t"}),
        (Layout.DPO, PAIR, dict(PAIR.body)),
        (Layout.DPO, TEXT, misfit("text", "DPO")),
        (Layout.MESSAGES, PAIR, misfit("preference", "messages")),
        (Layout.SHAREGPT, TEXT, misfit("text", "ShareGPT")),
        (Layout.ALPACA, TEXT, misfit("text", "Alpaca")),
        (Layout.TEXT, PAIR, misfit("preference", "plain text")),
        (
            Layout.ALPACA,
            LONG,
            Unwritable("The Alpaca layout holds one question and one answer, no longer chat."),
        ),
    ],
)
def test_a_record_is_laid_out_or_refused(layout: Layout, record: Record, columns: Any) -> None:
    encoded = encode(layout, record)

    assert encoded == columns
    if isinstance(encoded, dict):
        assert tuple(encoded) == columns_of(layout, record.kind)


@pytest.mark.parametrize(
    ("signature", "docstring", "prompt"),
    [("def f():", "", "def f():"), ("", "Write it.", "Write it.")],
)
def test_half_a_code_prompt_stands_for_itself(signature: str, docstring: str, prompt: str) -> None:
    body = {**CODE.body, "signature": signature, "docstring": docstring}

    encoded = encode(Layout.MESSAGES, Record(Kind.COMPLETION, body))

    assert isinstance(encoded, dict)
    assert encoded["messages"][0]["content"] == prompt


def said(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


Q, A, B = ("user", "q"), ("assistant", "a"), ("assistant", "b")
TALK = Record(
    Kind.PREFERENCE,
    {"prompt": "System: s\n\nHuman: q", "chosen": "a", "rejected": "b"},
)


@pytest.mark.parametrize(
    ("layout", "record", "rows"),
    [
        (
            Layout.DPO_MESSAGES,
            PAIR,
            [{"prompt": said(Q), "chosen": said(A), "rejected": said(B)}],
        ),
        (
            Layout.DPO_MESSAGES,
            TALK,
            [{"prompt": said(("system", "s"), Q), "chosen": said(A), "rejected": said(B)}],
        ),
        (Layout.REWARD, PAIR, [{"chosen": said(Q, A), "rejected": said(Q, B)}]),
        (
            Layout.KTO,
            PAIR,
            [
                {"prompt": "q", "completion": "a", "label": True},
                {"prompt": "q", "completion": "b", "label": False},
            ],
        ),
        (
            Layout.KTO_MESSAGES,
            PAIR,
            [
                {"prompt": said(Q), "completion": said(A), "label": True},
                {"prompt": said(Q), "completion": said(B), "label": False},
            ],
        ),
        (Layout.DPO, PAIR, [dict(PAIR.body)]),
    ],
)
def test_pairs_are_laid_out_as_trainers_of_preferences_read_them(
    layout: Layout, record: Record, rows: list[dict[str, Any]]
) -> None:
    found = encode_all(layout, record)

    assert found == rows
    assert not isinstance(found, Unwritable)
    assert tuple(found[0]) == columns_of(layout, record.kind)


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        (Layout.DPO_MESSAGES, "DPO"),
        (Layout.REWARD, "reward"),
        (Layout.KTO, "KTO"),
        (Layout.KTO_MESSAGES, "KTO"),
    ],
)
def test_what_is_no_pair_has_no_place_there(layout: Layout, name: str) -> None:
    assert encode_all(layout, INSTRUCTION) == misfit("instruction", name)


@pytest.mark.parametrize("layout", [Layout.DPO_MESSAGES, Layout.REWARD, Layout.KTO_MESSAGES])
def test_a_pair_without_a_prompt_is_no_conversation(layout: Layout) -> None:
    found = encode_all(layout, Record(Kind.PREFERENCE, {**PAIR.body, "prompt": ""}))

    assert isinstance(found, Unwritable)
    assert "Without a prompt" in found.reason
