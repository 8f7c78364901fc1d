from typing import Any

import pytest

from app.curation.readers.base import Row
from app.curation.readers.layouts import Column, MappingError, override, propose
from app.curation.readers.mapping import ColumnMapping, apply
from app.curation.records import Kind, Record

TURN = {"role": "user", "content": "hi"}


def proposed(*rows: dict[str, Any]) -> tuple[str | None, dict[str, str]]:
    mapping = propose(Row(line, values) for line, values in enumerate(rows, 1)).mapping
    return (mapping.layout, mapping.fields) if mapping else (None, {})


@pytest.mark.parametrize(
    ("values", "layout", "fields"),
    [
        (
            {"instruction": "a", "input": "", "output": "b"},
            "alpaca",
            {"instruction": "instruction", "input": "input", "output": "output"},
        ),
        (
            {"instruction": "a", "response": "b"},
            "alpaca",
            {"instruction": "instruction", "output": "response"},
        ),
        (
            {"instruction": "a", "context": "", "response": "b", "category": "qa"},
            "dolly",
            {
                "instruction": "instruction",
                "input": "context",
                "output": "response",
                "domain": "category",
            },
        ),
        (
            {"conversations": [{"from": "human", "value": "a"}]},
            "sharegpt",
            {"messages": "conversations"},
        ),
        (
            {"messages": [TURN], "system": "s"},
            "messages",
            {"messages": "messages", "system": "system"},
        ),
        ({"messages": '[{"from": "human", "value": "a"}]'}, "sharegpt", {"messages": "messages"}),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c", "id": 1},
            "dpo",
            {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected", "external_id": "id"},
        ),
        (
            {"chosen": [TURN], "rejected": [TURN]},
            "dpo",
            {"chosen": "chosen", "rejected": "rejected"},
        ),
        (
            {"prompt": "a", "completion": "b"},
            "prompt",
            {"instruction": "prompt", "output": "completion"},
        ),
        (
            {"prompt": [TURN], "completion": [TURN], "label": True, "id": "1-chosen"},
            "prompt_messages",
            {"instruction": "prompt", "output": "completion", "external_id": "id"},
        ),
        ({"prompt": [TURN], "completion": "b"}, None, {}),
        (
            {"Question": "a", "Best Answer": "b"},
            "question",
            {"instruction": "Question", "output": "Best Answer"},
        ),
        ({"content": "a", "lang": "en"}, "text", {"text": "content", "language": "lang"}),
        (
            {"prompt": "def f():", "canonical_solution": "b", "test": "c", "task_id": "T/1"},
            "completion",
            {
                "signature": "prompt",
                "solution": "canonical_solution",
                "tests": "test",
                "external_id": "task_id",
            },
        ),
        (
            {"text": "a", "code": "b", "test_list": ["c"]},
            "completion",
            {"docstring": "text", "solution": "code", "tests": "test_list"},
        ),
        (
            {"prompt": "a", "canonical_solution": "b"},
            "completion",
            {"signature": "prompt", "solution": "canonical_solution"},
        ),
        ({"code": "a", "test": "b"}, None, {}),
        (
            {"key": 7, "prompt": "a", "instruction_id_list": ["b"], "kwargs": [{}], "lang": "en"},
            "prompts",
            {"text": "prompt", "language": "lang"},
        ),
        ({"question": "a", "id": "b"}, "prompts", {"text": "question", "external_id": "id"}),
        ({"prompt": "a", "reply": "b"}, None, {}),
        ({"prompt": ["a"], "n": 1}, None, {}),
        ({"messages": "words", "text": "a"}, "text", {"text": "text"}),
        ({"text": ["a"]}, None, {}),
        ({}, None, {}),
        ({"question": "a", "answers": ["b"]}, None, {}),
        ({"prompt": "a", "completions": ["b", "c"]}, None, {}),
        ({"question": "a", "choices": ["b"], "label": 0}, None, {}),
        ({"prompt": "a", "ground_truth": {"x": 1}}, None, {}),
    ],
)
def test_a_layout_is_known_by_its_columns(
    values: dict[str, Any], layout: str | None, fields: dict[str, str]
) -> None:
    assert proposed(values) == (layout, fields)


def test_columns_are_those_of_all_first_rows() -> None:
    rows = [
        Row(1, {"text": None, "n": "", "at": {"x": 1}}),
        Row(2, {"text": "a" * 200, "n": "2.5"}),
    ]

    found = propose(rows)

    assert found.columns == (
        Column("text", "text", "a" * 119 + "…", numeric=False),
        Column("n", "text", "2.5", numeric=True),
        Column("at", "an object", "{'x': 1}", numeric=False),
    )
    assert found.scores == {"n": "n", "x": "at.x"}


def test_numbers_that_identify_are_no_scores() -> None:
    row = {
        "text": "a",
        "id": 1,
        "sourceIndex": 3,
        "EduScore": 4,
        "flag": True,
        "stats": '{"len": 3, "-1": 2}',
        "broken": "{",
    }

    assert propose([Row(1, row)]).scores == {"edu_score": "EduScore", "len": "stats.len"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"output": "b", "instruction": "a", "input": ""},
            "Taken for Alpaca: instruction, input, output.",
        ),
        (
            {"text": "a", "source": "web"},
            "Taken for plain text: text; source goes to the metadata.",
        ),
        (
            {"question": "a", "answer": "b", "x": 1, "y": 2},
            "Taken for question and answer: instruction from question, output from answer; "
            "x, y go to the metadata.",
        ),
        ({"x": 1}, "No known layout has the columns x; map them by hand."),
        ({}, "No known layout has the columns (none); map them by hand."),
        (
            {f"c{number}": 1 for number in range(20)},
            "No known layout has the columns c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, "
            "...; map them by hand.",
        ),
        (
            {"instruction": "a", "input": "", "output": ["b"]},
            "`output` holds a list, text was expected; change it in the file, or map the columns "
            "by hand.",
        ),
        (
            {"messages": "Hello"},
            "`messages` holds text, a list of messages was expected; change it in the file, or "
            "map the columns by hand.",
        ),
        (
            {"data": {"page": {"number": 1, "rows": [{"instruction": "a", "output": "b"}]}}},
            "The whole file is one row; a list of objects stands in `data.page.rows`. Save that "
            "list as a file of its own, and its items are rows.",
        ),
        (
            {"data": {"names": ["a"], "none": []}},
            "No known layout has the columns data; map them by hand.",
        ),
    ],
)
def test_it_says_what_was_taken_for_what(values: dict[str, Any], sentence: str) -> None:
    assert propose([Row(1, values)]).sentence == sentence


ALPACA = ColumnMapping(
    layout="alpaca",
    kind=Kind.INSTRUCTION,
    fields={"instruction": "instruction", "output": "output"},
    scores={"edu": "edu"},
)


def test_a_column_can_be_named_for_a_target() -> None:
    mapping = override(ALPACA, {"prompt": "title", "domain": "x"}, ["title", "output", "x"])

    assert (mapping.kind, mapping.layout) == (Kind.INSTRUCTION, "alpaca")
    assert mapping.fields == {"instruction": "title", "output": "output", "domain": "x"}


def test_a_column_is_taken_once() -> None:
    with pytest.raises(MappingError, match=r"needs a column for output\.$"):
        override(ALPACA, {"domain": "output"}, ["output"], Kind.INSTRUCTION)


def test_targets_of_another_kind_change_the_kind() -> None:
    columns = ["a", "b", "c", "instruction", "output"]

    mapping = override(ALPACA, {"prompt": "a", "chosen": "b", "rejected": "c"}, columns)

    assert (mapping.kind, mapping.layout) == (Kind.PREFERENCE, "custom")
    assert mapping.fields == {"prompt": "a", "chosen": "b", "rejected": "c"}
    assert mapping.scores == {"edu": "edu"}


def test_a_file_without_a_known_layout_can_be_mapped() -> None:
    mapping = override(None, {"text": "body", "metadata": "about.x"}, ["body", "about"])

    record = apply(mapping, Row(1, {"body": "hello"}))
    assert isinstance(record, Record)
    assert record.body == {"text": "hello"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instruction": "tittle"}, "There is no column `tittle`; there are title, output."),
        (
            {"chosen_one": "title"},
            "`chosen_one` is no part of a sample of kind instruction; there are instruction, "
            "input, output, external_id, domain, language, origin, tags, metadata.",
        ),
    ],
)
def test_a_wrong_mapping_is_refused(fields: dict[str, str], message: str) -> None:
    with pytest.raises(MappingError) as caught:
        override(ALPACA, fields, ["title", "output"])

    assert str(caught.value) == message
