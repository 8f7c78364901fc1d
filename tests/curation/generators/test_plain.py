"""Generators that ask nobody: errors and noise that can be undone, ladders."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.curation.generators.base import Made, Outcome
from app.curation.generators.edits import edited_field, restored
from app.curation.generators.errors import Errors
from app.curation.generators.ladder import Ladder
from app.curation.generators.noise import Noise
from app.curation.records import Kind, Record
from app.curation.text.sentences import sentences
from tests.curation.generators.replies import asked, text

DOLLY = Path(__file__).parents[4] / "shared/data/dolly_part/dolly_with_context.jsonl"
WORDS = "the quick brown foxes were jumping over their lazy dogs which has seen it all before"


def edits_of(made: Made) -> list[dict[str, Any]]:
    assert made.draft is not None
    found: list[dict[str, Any]] = made.draft.metadata["edits"]
    return found


@pytest.mark.skipif(not DOLLY.exists(), reason="the real data is not here")
def test_a_thousand_sentences_come_back_whole_and_types_are_as_asked() -> None:
    lines = DOLLY.read_text(encoding="utf-8").splitlines()
    real = [one for line in lines for one in sentences(json.loads(line)["response"])]
    seeds = [text(one, id=number) for number, one in enumerate(real) if len(one.split()) > 5][:1000]
    weights = {"keyboard": 2, "transpose": 1, "drop_letter": 1, "article": 1, "homophone": 1}
    generator = Errors(types=", ".join(f"{name}:{weight}" for name, weight in weights.items()))

    made = [one for at in (0, 500) for (one,) in generator.make(seeds[at : at + 500])]

    counts: Counter[str] = Counter()
    for seed, one in zip(seeds, made, strict=True):
        if one.draft is not None:
            edits = edits_of(one)
            assert restored(one.draft.body["text"], edits) == seed.body["text"]
            counts.update(edit["type"] for edit in edits)
    words = sum(len(one.body["text"].split()) for one in seeds)
    assert sum(counts.values()) == pytest.approx(0.05 * words, rel=0.1)
    share = sum(counts.values()) / sum(weights.values())
    assert all(counts[name] == pytest.approx(share * of, rel=0.1) for name, of in weights.items())


@given(st.text(max_size=200), st.integers(0, 1000), st.floats(0.01, 0.5))
def test_any_text_comes_back_whole(content: str, seed: int, rate: float) -> None:
    for generator in (Errors(rate=rate, seed=seed), Noise(rate=rate, seed=seed)):
        ((made,),) = generator.make([text(content)])
        if made.draft is not None:
            assert restored(made.draft.body["text"], edits_of(made)) == content


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("homophone", "Their", {"There", "They're"}),
        ("agreement", "is", {"are"}),
        ("negation", "Always", {"Never"}),
        ("punctuation", ".", {""}),
        ("number", "7", {"0", "1", "2", "3", "4", "5", "6", "8", "9"}),
        ("ocr", "mmmm", {"rnmmm"}),
        ("double_letter", "aaaa", {"aaaaa"}),
        ("drop_letter", "aaaa", {"aaa"}),
        ("transpose", "abbc", {"abcb", "abbc"[:1] + "b" + "bc"}),
        (
            "keyboard",
            "QQQQ",
            {"QQQQ"[:at] + new + "QQQQ"[at + 1 :] for at in range(4) for new in "WAS"},
        ),
    ],
)
def test_each_error_does_what_it_says(name: str, before: str, after: set[str]) -> None:
    ((made,),) = Errors(types=name, rate=0.5, most=1).make([text(f"{before} {before}")])

    if made.draft is not None:
        (edit,) = edits_of(made)
        assert edit["old"] == before
        assert edit["new"] in after


def test_units_names_and_articles_are_changed_where_they_stand() -> None:
    seed = text("From here Alice walked 5 km to the house of Robert.")

    unit, entity, article = (
        edits_of(Errors(types=name, rate=0.1).make([seed])[0][0])[0]
        for name in ("unit", "entity", "article")
    )

    assert (unit["old"], unit["new"]) == ("km", "miles") or unit["new"] == "m"
    assert {entity["old"], entity["new"]} == {"Alice", "Robert"}
    assert (article["old"], article["new"]) == ("the ", "")


def test_an_article_at_the_end_of_a_line_stays() -> None:
    ((made,),) = Errors(types="article", rate=0.5).make([text("the\nend")])

    assert made.outcome is Outcome.GATE


def test_code_gets_errors_of_code() -> None:
    code = "def add(a, b):\n    if a < 10 and b == 0:\n        return a + b - 1\n    return a"
    body = {"signature": "def add(a, b):", "docstring": "", "solution": code, "tests": ""}
    seeds = [Record(Kind.COMPLETION, body, id=1), text(code, id=2)]

    made = Errors(types="operator, off_by_one", rate=0.2).make(seeds)

    kinds = {edit["type"] for (one,) in made for edit in edits_of(one)}
    assert kinds == {"operator", "off_by_one"}
    assert made[0][0].draft is not None
    assert made[0][0].draft.body["solution"] != code


def test_errors_go_into_the_answer_of_every_kind_that_has_one() -> None:
    turns = [{"role": "user", "content": WORDS}, {"role": "assistant", "content": WORDS}]
    seeds = [
        asked(WORDS, WORDS, id=1),
        text(WORDS, id=2),
        Record(Kind.CHAT, {"messages": [*turns, turns[0]]}, id=3),
        Record(Kind.CHAT, {"messages": turns[:1]}, id=4),
    ]

    made = [one for (one,) in Errors(rate=0.3).make(seeds)]

    drafts = [one.draft for one in made if one.draft is not None]
    assert [one.metadata["field"] for one in drafts] == ["output", "text", "messages.1"]
    assert drafts[2].body["messages"][0]["content"] == WORDS
    assert drafts[2].body["messages"][1]["content"] != WORDS
    assert edited_field(seeds[3]) == ("", "")


def test_corrections_and_preferences() -> None:
    seeds = [text(WORDS)]

    ((correction,),) = Errors(rate=0.2, form="correction").make(seeds)
    ((preference,),) = Errors(rate=0.2, form="preference").make(seeds)

    assert correction.draft is not None
    assert preference.draft is not None
    assert correction.draft.body["output"] == preference.draft.body["chosen"] == WORDS
    assert correction.draft.body["input"] == preference.draft.body["rejected"] != WORDS
    assert Errors(form="correction").makes() == {Kind.INSTRUCTION}
    assert Errors(form="preference").makes() == {Kind.PREFERENCE}
    assert Errors().makes() == frozenset(Kind) - {Kind.PREFERENCE}


def test_a_sample_gets_no_more_than_the_most() -> None:
    ((made,),) = Errors(rate=0.5, most=2).make([text(WORDS)])

    assert len(edits_of(made)) == 2


@pytest.mark.parametrize("types", ["joke", "keyboard:0", "keyboard:2000", "keyboard:x"])
def test_unknown_types_and_weights_are_refused(types: str) -> None:
    with pytest.raises(ValidationError):
        Errors(types=types)


def test_noise_is_the_same_for_a_seed_and_at_its_rate() -> None:
    seeds = [text(WORDS * 20)]

    first, again, other = (Noise(rate=0.1, seed=seed).make(seeds)[0][0].draft for seed in (1, 1, 2))

    assert first == again != other
    assert first is not None
    count = len(first.metadata["edits"])
    assert count / len(seeds[0].body["text"]) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("what", ["whitespace", "case", "unicode", "markdown"])
def test_each_noise_does_what_it_says(what: str) -> None:
    ((made,),) = Noise.model_validate({"rate": 0.5, "what": what}).make(
        [text("Ab é 12 cd ef " * 9)]
    )

    edits = edits_of(made)
    assert {edit["type"] for edit in edits} == {what}
    assert all(edit["old"] != edit["new"] for edit in edits)


def test_what_is_too_short_for_noise_is_told() -> None:
    ((made,),) = Noise(rate=0.01).make([text("ab")])

    assert (made.outcome, made.draft) == (Outcome.GATE, None)


def test_a_ladder_has_four_rungs_below_the_good_answer() -> None:
    answers = [
        "Water boils at 100 degrees at the level of the sea.",
        "The capital of Norway is called Oslo, as people know.",
    ]
    seeds = [
        asked("When?", answers[0], id=1),
        asked("Say", "Short.", id=2),
        asked("Where?", answers[1], id=3),
    ]

    made = Ladder().make(seeds)

    grades = [[one.draft.metadata["grade"] for one in some if one.draft] for some in made]
    assert grades == [[0.8, 0.5, 0.3, 0.0], [], [0.8, 0.5, 0.3, 0.0]]
    assert made[1][0].reason == "Its answer has fewer than six words."
    assert Ladder().make(seeds[:1])[0][-1].draft is not None
