"""Constraints of IFEval, schemas, sources, judges, models that are asked."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from app.curation.records import Kind, Record
from app.curation.text.instructions import CHECKS
from app.curation.text.sentences import sentences
from app.curation.verifiers.agreement import Agreement
from app.curation.verifiers.base import Tools, Verdict
from app.curation.verifiers.consistency import Consistency
from app.curation.verifiers.constraints import Constraints
from app.curation.verifiers.grounded import Grounded
from app.curation.verifiers.json_schema import JsonSchema
from app.curation.verifiers.round_trip import RoundTrip
from tests.curation.verifiers.records import NO_TOOLS, answered, verdict

IFEVAL = Path("../shared/data/ifeval/ifeval_input_data.jsonl")
ENGLISH = "this is a sentence that is surely written in the english language"

# For each kind: its parameters, an answer that meets it, one that does not.
KINDS: dict[str, tuple[dict[str, object], str, str]] = {
    "keywords:existence": ({"keywords": ["Rock", "moss"]}, "A rock with moss.", "A rock."),
    "keywords:frequency": (
        {"relation": "at least", "keyword": "story", "frequency": 2},
        "Story by story.",
        "One story.",
    ),
    "keywords:forbidden_words": ({"forbidden_words": ["rock"]}, "Rocks are fine.", "A Rock."),
    "keywords:letter_frequency": (
        {"let_relation": "less than", "letter": "Z", "let_frequency": 2},
        "a z",
        "a zZ",
    ),
    "language:response_language": (
        {"language": "de"},
        "Das ist ein Satz, der auf Deutsch geschrieben ist.",
        ENGLISH,
    ),
    "length_constraints:number_sentences": (
        {"relation": "less than", "num_sentences": 3},
        "Dr. Smith came. He sat.",
        "One. Two. Three!",
    ),
    "length_constraints:number_paragraphs": (
        {"num_paragraphs": 2},
        "One\n***\nTwo",
        "One\n***\n***\nTwo",
    ),
    "length_constraints:number_words": (
        {"relation": "at least", "num_words": 4},
        "It's three words",
        "three small words",
    ),
    "length_constraints:nth_paragraph_first_word": (
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "weekend"},
        'One.\n\n"Weekend", they say.',
        "Weekend.\n\nOne.",
    ),
    "detectable_content:number_placeholders": (
        {"num_placeholders": 2},
        "[name] of [town]",
        "[name]",
    ),
    "detectable_content:postscript": (
        {"postscript_marker": "P.S."},
        "Dear.\n\nP.S. More.",
        "Dear. PS more",
    ),
    "detectable_format:number_bullet_lists": ({"num_bullets": 2}, "* a\n- b", "* a\n- b\n- c"),
    "detectable_format:constrained_response": ({}, "My answer is maybe.", "Maybe."),
    "detectable_format:number_highlighted_sections": (
        {"num_highlights": 2},
        "*one* and **two**",
        "*one* and ** **",
    ),
    "detectable_format:multiple_sections": (
        {"section_spliter": "PARAGRAPH", "num_sections": 2},
        "PARAGRAPH 1\na\nPARAGRAPH 2\nb",
        "PARAGRAPH 1\na",
    ),
    "detectable_format:json_format": ({}, '```json\n{"a": 1}\n```', "{a: 1}"),
    "detectable_format:title": ({}, "<<A title>>\nText", "<< >>\nText"),
    "combination:two_responses": ({}, "One\n******\nTwo", "One\n******\nOne"),
    "combination:repeat_prompt": (
        {"prompt_to_repeat": "Say it."},
        "say it. I did.",
        "I did say it.",
    ),
    "startend:end_checker": ({"end_phrase": "Any more?"}, "Text. Any more?", "Any more? No."),
    "change_case:capital_word_frequency": (
        {"capital_relation": "at least", "capital_frequency": 2},
        "BIG and LARGE",
        "BIG and large",
    ),
    "change_case:english_capital": ({}, ENGLISH.upper(), ENGLISH.title()),
    "change_case:english_lowercase": ({}, ENGLISH, ENGLISH.title()),
    "punctuation:no_comma": ({}, "No such mark", "One, two"),
    "startend:quotation": ({}, '"All of it"', '"Half" of it'),
}


def constrained(kind: str, given: dict[str, object], answer: str) -> Verdict:
    return verdict(Constraints(), answer, instruction_id_list=[kind], kwargs=[given])


@pytest.mark.parametrize("kind", KINDS)
def test_a_constraint_is_met_or_not(kind: str) -> None:
    given, good, bad = KINDS[kind]

    assert constrained(kind, given, good).passed is True
    broken = constrained(kind, given, bad)
    assert (broken.passed, broken.reason) == (False, f"Not met: {kind}; 0 of 1 are.")


def test_every_kind_is_there_and_tried() -> None:
    assert len(CHECKS) == 25
    assert set(KINDS) == set(CHECKS)


@pytest.mark.skipif(not IFEVAL.exists(), reason="needs ../shared/data/ifeval")
def test_all_constraints_of_ifeval_can_be_checked() -> None:
    count = 0
    for line in IFEVAL.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found = verdict(
            Constraints(),
            "Just an answer.",
            instruction_id_list=row["instruction_id_list"],
            kwargs=row["kwargs"],
        )
        count += found.passed is not None
    assert count == 541


def test_ends_of_the_kinds() -> None:
    check = CHECKS
    two = check["combination:two_responses"]
    paragraphs = check["length_constraints:number_paragraphs"]
    first = check["length_constraints:nth_paragraph_first_word"]
    wanted = {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "a"}

    assert not two("a\n******\n******\nb", {})
    assert paragraphs("***\nOne\n***", {"num_paragraphs": 1})
    assert not first("a\n\nb", wanted)
    assert not first("a", {**wanted, "nth_paragraph": 3})
    assert check["detectable_content:postscript"]("x\nP. P. S more", {"postscript_marker": "P.P.S"})
    assert check["detectable_content:postscript"]("x\nNB: more", {"postscript_marker": "NB:"})
    assert check["language:response_language"]("Ja.", {"language": "fi"})
    assert check["language:response_language"]("12 34 56 78 90", {"language": "fi"})


def test_unknown_or_incomplete_constraints_have_no_verdict() -> None:
    assert constrained("keywords:nothing", {}, "x").passed is None
    assert constrained("keywords:existence", {}, "x").passed is None
    assert (
        constrained(
            "keywords:frequency", {"keyword": "a", "relation": "around", "frequency": 1}, "x"
        ).passed
        is None
    )
    assert verdict(Constraints(), "x").passed is None
    assert verdict(Constraints(), "x", instruction_id_list="no", kwargs=[]).passed is None
    assert (
        verdict(
            Constraints(), "x", instruction_id_list=["punctuation:no_comma"], kwargs={"a": 1}
        ).passed
        is None
    )
    assert verdict(Constraints(), "x", instruction_id_list=["punctuation:no_comma"]).passed is True
    assert verdict(Constraints(), "", instruction_id_list=["punctuation:no_comma"]).passed is False


def test_sentences_end_where_people_end_them() -> None:
    assert sentences('Mr. A. Smith paid 3.5 dollars. Why? "No idea." 他来了。她走了。') == [
        "Mr. A. Smith paid 3.5 dollars.",
        "Why?",
        '"No idea."',
        "他来了。",
        "她走了。",
    ]


SCHEMA = {"type": "object", "required": ["name"], "properties": {"age": {"type": "integer"}}}


def test_json_meets_its_schema_or_says_where_not() -> None:
    verifier = JsonSchema()

    assert verdict(verifier, '{"name": "a"}', schema=SCHEMA).passed is True
    assert verdict(verifier, 'So:\n```json\n{"name": "a"}\n```', schema=json.dumps(SCHEMA)).passed
    broken = verdict(verifier, '{"age": "old"}', schema=SCHEMA)
    assert broken.passed is False
    assert "age: " in broken.reason
    assert "all: " in broken.reason
    assert verdict(verifier, "{name}", schema=SCHEMA).reason.startswith("It is no JSON")
    assert (
        verdict(JsonSchema(alone=True), '```json\n{"name": "a"}\n```', schema=SCHEMA).passed
        is False
    )


def test_a_schema_for_all_is_read_when_it_is_given() -> None:
    assert verdict(JsonSchema(json_schema=json.dumps(SCHEMA)), '{"name": 1}').passed is True
    with pytest.raises(ValidationError):
        JsonSchema(json_schema='{"type": "nothing"}')
    with pytest.raises(ValidationError):
        JsonSchema(json_schema="{")
    assert verdict(JsonSchema(json_schema=""), "1", schema={"type": "integer"}).passed is True


def test_schemas_that_can_not_be_used_have_no_verdict() -> None:
    assert verdict(JsonSchema(), "{}").passed is None
    assert verdict(JsonSchema(), "{}", schema="{").passed is None
    other = verdict(JsonSchema(), "{}", schema={"$ref": "http://127.0.0.1:1/schema.json"})
    assert other.passed is None
    assert "The schema can't be used" in other.reason


SOURCE = "The tower was built in 1889 by Gustave Eiffel. It is 330 metres tall. Paris owns it."


def test_sentences_with_and_without_support() -> None:
    verifier = Grounded()

    assert verdict(
        verifier, "Eiffel built the tower in 1889. It is 330 metres tall.", context=SOURCE
    ).passed
    invented = verdict(
        verifier, "It is 330 metres tall. Birds nest upon its golden roof.", context=SOURCE
    )
    assert invented.passed is False
    assert invented.reason.startswith("Sentence 2 lacks support (0.00 of 0.6): Birds nest")
    number = verdict(verifier, "It is 331 metres tall.", context=SOURCE)
    assert number.reason.startswith("Sentence 1: 331 is not in the source")
    assert verdict(verifier, "It is.", context=SOURCE).passed is True
    assert verdict(verifier, "Yes.").passed is None
    assert verdict(verifier, "?", context=SOURCE).passed is None
    assert verdict(verifier, "Paris owns it", context="...").passed is False


CAPITAL = "Paris is the capital of France and lies on the Seine."
DENIED = [
    (CAPITAL, "Paris is not the capital of France.", "1 denies what the source says"),
    (CAPITAL, "Paris lies on the Seine. Paris isn't the capital.", "2 denies what the source says"),
    ("Paris is not the capital of Spain.", "Paris is the capital of Spain.", "1 says what the"),
    ("Anna drinks coffee. Tea she drinks never.", "Tea she drinks.", "1 says what the source"),
]
SAID = [
    (CAPITAL, "Paris, the French capital, lies on the Seine."),
    (CAPITAL, "No, Paris is the capital of France."),
    (CAPITAL, "Paris is not only the capital of France."),
    ("Paris, which is not in Spain, is the capital of France.", "Paris is the capital of France."),
    ("Water is not ice. Water is ice.", "Water is ice."),
    (
        "The shy Zoë lives by herself in New York or Massachusetts.",
        "Shy Zoe lives by herself, NY or MA.",
    ),
    ("The plan is from China.", "It is a plan from China, or a Chinese plan."),
    ("Der Hund ist ein Tier und sieht.", "Der Hund sieht, und das Tier sieht, ein Sehender."),
]
NAMED = [
    ("Berlin is the capital of France.", "Berlin"),
    ("The capital of France is Berlin.", "Berlin"),
    ("Paris, France, lies on the Elbe.", "Elbe"),
    ("Paris is the capital of France, as the UNO says.", "UNO"),
]


@pytest.mark.parametrize(("source", "answer", "says"), DENIED)
def test_a_sentence_that_denies_its_source_has_no_support(
    source: str, answer: str, says: str
) -> None:
    found = verdict(Grounded(support=0.5), answer, context=source)

    assert found.passed is False
    assert found.reason.startswith(f"Sentence {says}")


@pytest.mark.parametrize(("answer", "name"), NAMED)
def test_a_name_that_is_nowhere_in_the_source_has_no_support(answer: str, name: str) -> None:
    found = verdict(Grounded(), answer, context=CAPITAL)

    assert found.passed is False
    assert found.reason == f"Sentence 1: {name} is not in the source: {answer}"


@pytest.mark.parametrize(("source", "answer"), SAID)
def test_what_denies_nothing_and_names_nothing_new_is_left_alone(source: str, answer: str) -> None:
    found = verdict(Grounded(support=0.5), answer, context=source)

    assert found.reason.startswith("Its sentence has support, ")
    assert found.passed is True


class Planted:
    """An embedder for which texts are alike that share their first letter."""

    fingerprint, width = "planted", 128

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            found[row, ord(text[0]) % self.width] = 1
        return found


def test_support_by_embedding() -> None:
    verifier, tools = Grounded(by="embedding"), Tools(embedder=Planted())

    assert verifier.verify(answered("Towers are old.", context=SOURCE), tools).passed is True
    assert verifier.verify(answered("Golden roofs.", context=SOURCE), tools).passed is False


def test_judges_that_agree_and_those_that_do_not() -> None:
    def judged(need: str, **scores: float) -> bool | None:
        record = Record(Kind.TEXT, {"text": "x"}, scores=scores)
        verifier = Agreement.model_validate({"signals": "a, b,c", "cut": 3, "need": need})
        return verifier.verify(record, NO_TOOLS).passed

    assert judged("all", a=3, b=5, c=4) is True
    assert judged("all", a=3, b=1, c=4) is False
    assert judged("most", a=3, b=1, c=4) is True
    assert judged("most", a=3, b=1) is False
    assert judged("all", a=3) is None
    assert Agreement(signals="a, b,").reads() == ["a", "b"]


def test_a_model_is_asked_k_times_and_most_count() -> None:
    verifier = Consistency(k=3)
    record = answered("It is 4.", "What is 2 + 2?")

    asked = verifier.questions(record)

    assert isinstance(asked, list)
    assert len({one.messages for one in asked}) == 3  # else one stored reply would be all three
    assert verifier.settled(record, ["#### 4", "#### 4", "#### 5"], NO_TOOLS).passed is True
    assert verifier.settled(record, ["#### 5", "#### 5", "#### 4"], NO_TOOLS).passed is False
    assert verifier.settled(record, ["#### 5", "#### 6", "#### 4"], NO_TOOLS).passed is None
    assert verifier.settled(record, ["", " "], NO_TOOLS).passed is None
    refusing = ["I'm sorry, but I can't help with that."] * 2
    assert verifier.settled(record, [*refusing, "#### 4"], NO_TOOLS).passed is None
    assert verifier.settled(record, [*refusing[:1], "#### 4", "#### 4"], NO_TOOLS).passed is True


def test_the_instruction_is_told_from_the_answer() -> None:
    verifier = RoundTrip(words=3)
    record = answered("Cut the apples and bake the pie.", "How is an apple pie made?")

    asked = verifier.questions(record)

    assert isinstance(asked, list)
    assert "apple pie made" not in str(asked[0].messages)  # the model must not be shown it
    assert verifier.settled(record, ["How do you make an apple pie?"], NO_TOOLS).passed is True
    assert verifier.settled(record, ["Write about the moon."], NO_TOOLS).passed is False
    assert verifier.settled(record, [" "], NO_TOOLS).passed is None
    tools = Tools(embedder=Planted())
    assert verifier.settled(record, ["How?"], tools).passed is True
    assert verifier.settled(record, ["What?"], tools).passed is False
    short = verifier.questions(answered("Yes."))
    assert isinstance(short, Verdict)
    assert short.reason == "The answer has fewer than 3 words."
    assert isinstance(verifier.questions(answered("Yes.", "")), Verdict)
