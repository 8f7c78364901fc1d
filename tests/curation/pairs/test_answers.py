"""Which question a sample answers, and when two are the same."""

from typing import Any

import pytest

from app.curation.pairs.answers import asked, question_key, same
from app.curation.records import Kind


def chat(*said: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in said]}


def test_the_last_turn_of_the_assistant_answers_all_before_it() -> None:
    body = chat(("user", "Hi"), ("assistant", "Yes?"), ("user", "Why?"), ("assistant", "So."))

    assert asked(Kind.CHAT, body) == ("Human: Hi\n\nAssistant: Yes?\n\nHuman: Why?", "So.")
    assert asked(Kind.CHAT, chat(("user", "Hi"), ("assistant", "Yes?"), ("user", "Bye"))) == (
        "Hi",
        "Yes?",
    )


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        (Kind.INSTRUCTION, {"instruction": "Add.", "input": "1 2", "output": "3"}, "Add.\n\n1 2"),
        (
            Kind.COMPLETION,
            {"signature": "def f():", "docstring": "One.", "solution": "3", "tests": "t"},
            "def f():\n\nOne.",
        ),
    ],
)
def test_instructions_and_code_have_their_question(
    kind: Kind, body: dict[str, Any], found: str
) -> None:
    assert asked(kind, body) == (found, "3")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.CHAT, chat(("user", "Hi"))),
        (Kind.CHAT, chat(("user", "Hi"), ("assistant", ""))),
        (Kind.CHAT, {"messages": []}),
        (Kind.INSTRUCTION, {"instruction": "Add.", "input": "", "output": ""}),
        (Kind.COMPLETION, {"signature": "f", "docstring": "", "solution": "", "tests": "t"}),
    ],
)
def test_without_an_answer_there_is_nothing_to_compare(kind: Kind, body: dict[str, Any]) -> None:
    assert asked(kind, body) is None


def test_questions_are_the_same_but_for_capitals_spaces_and_forms() -> None:
    assert question_key("What  is\nit?") == question_key("what is it?")
    assert question_key("caf\u00e9") == question_key("cafe\u0301")
    assert question_key("What is it?") != question_key("What was it?")
    assert question_key("half \ud800") != question_key("half \ud800 pair")


def test_answers_differ_by_capitals_not_by_spaces() -> None:
    assert same("It is.", "It is.")
    assert same("It  is.", "It is. ")
    assert not same("it is.", "It is.")
