"""Rubrics: what a judge is told, and which replies hold a grade."""

import json

import pytest
from pydantic import ValidationError

from app.curation.records import Kind, Record
from app.curation.rubrics.base import Rubric, UnreadableError
from app.curation.rubrics.builtin import BUILT_IN
from tests.curation.records import text

PLAIN = Rubric(name="plain", title="Plain", task="Grade it.", criteria=("It is good.",))


def asked(rubric: Rubric, record: Record) -> tuple[str, str]:
    system, user = rubric.question(record).messages
    return system.content, user.content


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_comes_with_winnow_says_who_what_and_how(name: str) -> None:
    rubric = BUILT_IN[name]
    system, user = asked(rubric, text("Water boils."))

    assert rubric.task in system
    assert all(f"- {one}" in system for one in rubric.criteria)
    assert system.index('"reason"') < system.index('"label"' if rubric.labels else '"score"')
    assert user.splitlines()[1] == "Water boils."
    assert rubric.source


def test_parts_have_names_and_long_texts_lose_their_middle() -> None:
    body = {"instruction": "Why?", "input": "", "output": "a" * 20_000}
    _, user = asked(PLAIN, Record(Kind.INSTRUCTION, body))

    assert "[prompt]\nWhy?\n\n[response]\n" in user
    assert "[... 8,000 characters left out ...]" in user


def test_a_rubric_tells_its_levels_audience_and_rule() -> None:
    told = {"audience": "pupils", "additive": True, "levels": [{"value": 1.5, "meaning": "poor"}]}
    system, _ = asked(PLAIN.model_validate({**PLAIN.model_dump(), **told}), text("x"))

    assert "The reader to have in mind: pupils" in system
    assert "Each criterion that is met adds one point:" in system
    assert "- 1.5: poor" in system


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"reason": "fine", "score": 4}', 4),
        ('{"reason": "fine", "score": "3.4"}', 3),
        ('Thinking {aloud}... {"reason": "a {b}", "score": 2} and done', 2),
        ('{"reason": "first", "score": 1} then {"reason": "last", "score": 5}', 5),
        ('{"reason": "fine", "score": 2.6}', 3),
    ],
)
def test_replies_that_hold_a_grade(reply: str, score: float) -> None:
    assert PLAIN.grade(reply).score == score


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("4", "It holds no JSON object."),
        ("{[}]", "It holds no JSON object."),
        ('{"score": 4}', "It gives no reason."),
        ('{"reason": " ", "score": 4}', "It gives no reason."),
        ('{"reason": "x"}', "None is no score."),
        ('{"reason": "x", "score": true}', "True is no score."),
        ('{"reason": "x", "score": NaN}', "nan is no score."),
        ('{"reason": "x", "score": "high"}', "'high' is no score."),
        ('{"reason": "x", "score": 6}', "The score 6 lies outside 0 to 5."),
        ("[" * 100_000, "It holds no JSON object."),
        ('{"a":' * 50_000, "It holds no JSON object."),
    ],
)
def test_replies_that_hold_none(reply: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        PLAIN.grade(reply)


def test_labels_are_scored_by_their_place() -> None:
    rubric = BUILT_IN["knowledge_judge"]

    assert rubric.grade('{"reason": "x", "label": "procedural"}').score == 2
    with pytest.raises(UnreadableError, match="'gossip' is none of ephemeral"):
        rubric.grade('{"reason": "x", "label": "gossip"}')
    assert rubric.schema_["properties"]["label"]["enum"] == list(rubric.labels)


def test_a_repair_says_what_was_wrong_and_asks_again() -> None:
    question = PLAIN.question(text("x"))
    again = PLAIN.repair(question, "No.", "It holds no JSON object.")

    assert [one.role for one in again.messages] == ["system", "user", "assistant", "user"]
    assert "It holds no JSON object." in again.messages[-1].content
    assert again.schema == question.schema


def test_steps_round_to_the_scale() -> None:
    halves = BUILT_IN["accuracy_judge"]
    assert halves.grade(json.dumps({"reason": "x", "score": 4.3})).score == 4.5


def test_what_judges_are_told_alone_makes_the_fingerprint() -> None:
    renamed = PLAIN.model_copy(update={"title": "Another"})
    changed = PLAIN.model_copy(update={"criteria": ("It is better.",)})

    assert renamed.fingerprint() == PLAIN.fingerprint() != changed.fingerprint()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"criteria": [" "]}, "a criterion is empty"),
        ({"low": 5, "high": 5}, "low end must lie below"),
        ({"name": "Bad Name"}, "pattern"),
    ],
)
def test_wrong_rubrics_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Rubric.model_validate({**PLAIN.model_dump(), **wrong})
