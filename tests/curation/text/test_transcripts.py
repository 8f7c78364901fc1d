"""Conversations as one text: what is read back is what was written, or the text stays whole."""

import pytest

from app.curation.text.transcripts import transcript, turns_in

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "Because.\n\nThat is all."},
    {"role": "tool", "content": "{}"},
    {"role": "user", "content": "And then?"},
]


def test_a_conversation_comes_back_from_its_text() -> None:
    text = transcript(TALK)

    assert text.startswith("System: Be brief.\n\nHuman: Why?\n\nAssistant: Because.")
    assert turns_in(text, "user") == TALK


@pytest.mark.parametrize(
    "text",
    [
        "Why?",
        "",
        "Human: one turn alone",
        "He said:\n\nHuman: a\n\nAssistant: b",
        "Human: a\n\nAssistant:b",
        "Human: a\n\nRobot: b",
    ],
)
def test_what_is_no_conversation_is_one_turn(text: str) -> None:
    assert turns_in(text, "assistant") == [{"role": "assistant", "content": text}]
    assert transcript(turns_in(text, "assistant")) == text
