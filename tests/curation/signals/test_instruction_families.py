"""Refusals, placeholders, truncation."""

import math

import pytest

from app.curation.records import Kind, Record
from tests.curation.records import answer
from tests.curation.signals.measuring import measure, note


@pytest.mark.parametrize(
    "output",
    [
        "I'm sorry, but I cannot help with that.",
        "I\u2019m sorry, I can\u2019t assist with this request.",
        "Sorry, but I won't write that.",
        "Unfortunately, I am not able to see images.",
        "I cannot provide medical advice.",
        "I am unable to browse the web.",
        "Good question. As an AI language model, I have no opinion.",
        "Well, I am just a language model.",
        "That goes against my programming.",
        "I don't have access to real-time weather.",
        "Oh. I\u2019m sorry, I can\u2019t answer that.",
        "That\u2019s a good question, but I can\u2019t answer it!",
        "I don\u2019t know how to do that, but I can look for it.",
        "Hmm, I\u2019m not sure I can answer that question.",
        "The discussion of piracy is really outside my scope.",
    ],
)
def test_refusals(output: str) -> None:
    assert measure("refusal", answer(output)) == {"refusal": 1}
    assert note("refusal", answer(output)) is not None


@pytest.mark.parametrize(
    "output",
    [
        "Paris.",
        "He said sorry to his friend.",
        "I can help you with that: first, open the lid.",
        "I am a teacher from Ghana.",
        "The refusal came as a surprise.",
        "I'm sorry, I don't understand. What do you mean?",
        "I'm sorry you feel that way.",
        "Sorry, I should have been clearer.",
        "I can't help but wonder.",
    ],
)
def test_answers_that_do_not_refuse(output: str) -> None:
    assert measure("refusal", answer(output)) == {"refusal": 0}


def test_no_answer_cannot_refuse() -> None:
    assert math.isnan(measure("refusal", answer(""))["refusal"])
    assert math.isnan(measure("refusal", "I'm sorry, but I cannot.")["refusal"])


@pytest.mark.parametrize(
    "output",
    [
        "<noinput>",
        "< No Output >",
        "N/A",
        "Dear [insert name], welcome.",
        "Dear [Name], welcome.",
        "Hello {{ user }}!",
        "Lorem ipsum dolor.",
        "TODO: write this.",
        "None",
        "???",
    ],
)
def test_placeholders(output: str) -> None:
    assert measure("placeholder", answer(output)) == {"placeholder": 1}


@pytest.mark.parametrize("output", ["Add (a) and [b].", "There are none left.", "x < y > z", "42"])
def test_text_without_placeholders(output: str) -> None:
    assert measure("placeholder", answer(output)) == {"placeholder": 0}
    assert note("placeholder", answer(output)) is None


def test_notes_say_where_a_placeholder_is() -> None:
    blank = note("placeholder", "Dear [your name],")
    field = note("placeholder", answer("N/A"))

    assert blank is not None
    assert blank.spans == ((5, 16),)
    assert field is not None
    assert field.text == "The field output holds no content."


@pytest.mark.parametrize(
    "output",
    [
        "Here is the code:\n```python\nprint(1)\n",
        "The list (one, two",
        'He said "stop and',
        "It has three parts: first,",
        "The best of the",
        "It rained all day. The next morning we went",
    ],
)
def test_truncated_answers(output: str) -> None:
    assert measure("truncated", answer(output)) == {"truncated": 1}
    assert note("truncated", answer(output)) is not None


@pytest.mark.parametrize(
    "output",
    [
        "Paris",
        "It rained all day. Then it stopped.",
        "Code:\n```\nx = (1\n```",
        "1. Mix it. Bake it\n2. Eat it while it is hot",
        "- Stir well. Serve",
        "A title without an end mark",
        "See the list:\n(a) one",
        "``` \nx\n```\nSo much for that. Fine.",
    ],
)
def test_whole_answers(output: str) -> None:
    assert measure("truncated", answer(output)) == {"truncated": 0}


def test_code_and_nothing_may_end_anywhere() -> None:
    record = Record(Kind.COMPLETION, {"solution": "x = ("})

    assert math.isnan(measure("truncated", record)["truncated"])
    assert math.isnan(measure("truncated", answer(" \n"))["truncated"])
