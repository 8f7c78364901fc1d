from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.readers.base import Row, Warnings
from app.curation.readers.mapping import (
    ABOUT,
    ColumnMapping,
    apply,
    as_number,
    is_missing,
    mapper,
)
from app.curation.records import BODY_FIELDS, Kind, Origin, Record, Rejected

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def straight(kind: Kind, *more: str, **other: Any) -> ColumnMapping:
    names = (*BODY_FIELDS[kind], *more)
    return ColumnMapping(layout="x", kind=kind, fields={name: name for name in names}, **other)


def made(mapping: ColumnMapping, **values: Any) -> Record:
    record = apply(mapping, Row(7, values))
    assert isinstance(record, Record), record
    return record


def refused(mapping: ColumnMapping, **values: Any) -> str:
    rejected = apply(mapping, Row(7, values))
    assert isinstance(rejected, Rejected), rejected
    assert rejected.line == 7
    assert rejected.raw.startswith("{")
    return rejected.reason


TEXT = straight(Kind.TEXT)
INSTRUCTION = straight(Kind.INSTRUCTION)
CHAT = straight(Kind.CHAT, "system")
PREFERENCE = straight(Kind.PREFERENCE)
CODE = straight(Kind.COMPLETION)


@given(st.sampled_from(list(Kind)), st.data())
def test_any_row_is_made_or_refused(kind: Kind, data: st.DataObject) -> None:
    names = [*BODY_FIELDS[kind], "origin", "tags", "metadata", "language", "other"]
    values = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON)))
    mapping = straight(kind, "origin", "tags", "metadata", "language")

    made_of = apply(mapping, Row(3, values))

    assert made_of.line == 3
    assert isinstance(made_of, Rejected) or made_of.body.keys() == set(BODY_FIELDS[kind])


def test_a_mapping_goes_through_json() -> None:
    mapping = straight(Kind.TEXT, scores={"a": "b.c"}, ignored=("x",))

    assert ColumnMapping.model_validate_json(mapping.model_dump_json()) == mapping


def test_numbers_become_text_and_missing_parts_are_empty() -> None:
    record = made(INSTRUCTION, instruction="a", input=None, output=4.5)

    assert record.body == {"instruction": "a", "input": "", "output": "4.5"}
    assert made(TEXT, text=True).body == {"text": "true"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"instruction": "a", "output": ["b"]},
            "`output` is a list, text was expected.",
        ),
        (
            {"instruction": "a", "output": {}, "input": ""},
            "`output` is an object, text was expected.",
        ),
        (
            {"instruction": "a", "text": "b"},
            "There is no `output` in this row; it has instruction, text.",
        ),
        ({}, "There is no `instruction` in this row; it has no fields."),
        (
            {"instruction": " ", "input": "", "output": "\n"},
            "This row is empty: there is no text in instruction, input, output.",
        ),
    ],
)
def test_a_row_without_the_right_fields_is_refused(values: dict[str, Any], reason: str) -> None:
    assert refused(INSTRUCTION, **values) == reason


@pytest.mark.parametrize("purpose", ["sft", "preference", "text"])
def test_a_dataset_takes_the_kinds_of_its_purpose(purpose: str) -> None:
    read = mapper(TEXT, purpose=purpose)

    answer = read(Row(1, {"text": "a"}))

    assert isinstance(answer, Record) is (purpose == "text")
    if purpose == "sft":
        assert isinstance(answer, Rejected)
        assert answer.reason == (
            "This row is of kind text; a dataset for sft takes chat or completion or instruction."
        )


def test_what_is_known_beside_the_body() -> None:
    mapping = straight(
        Kind.TEXT,
        *ABOUT,
        scores={"edu": "edu", "len": "scores.len", "bad": "bad", "none": "none"},
        ignored=("junk",),
    )
    warnings = Warnings()
    row = Row(
        4,
        {
            "text": "a",
            "external_id": 17,
            "domain": "math",
            "language": "en",
            "origin": "web",
            "tags": "x, y",
            "metadata": '{"url": "u"}',
            "edu": "3.5",
            "scores": {"len": 2},
            "bad": "high",
            "none": None,
            "junk": 1,
            "more": [1],
            "nothing": None,
        },
    )

    assert mapper(mapping, warnings=warnings)(row) == Record(
        Kind.TEXT,
        {"text": "a"},
        external_id="17",
        domain="math",
        language="en",
        origin=Origin.WEB,
        tags=("x", "y"),
        metadata={"more": [1], "url": "u"},
        scores={"edu": 3.5, "len": 2.0},
        line=4,
    )
    assert warnings.sentences() == [
        "Values of `bad` that are no numbers were left out (1 row, first at line 4)."
    ]


@pytest.mark.parametrize("value", [float("nan"), True, [1], "x", 10**400])
def test_a_score_is_a_finite_number(value: Any) -> None:
    assert made(straight(Kind.TEXT, scores={"s": "s"}), text="a", s=value).scores == {}


def test_metadata_that_is_no_object_keeps_its_name() -> None:
    mapping = straight(Kind.TEXT, "metadata")

    assert made(mapping, text="a", metadata="{x").metadata == {"metadata": "{x"}
    assert made(mapping, text="a", metadata="").metadata == {}


def test_facts_that_cannot_be_are_refused() -> None:
    assert refused(straight(Kind.TEXT, "origin"), text="a", origin="robot") == (
        "`origin` is 'robot'; it can be human, web, synthetic."
    )
    assert refused(straight(Kind.TEXT, "tags"), text="a", tags=3) == (
        "`tags` is a number, a list of tags was expected."
    )
    assert made(straight(Kind.TEXT, "tags"), text="a", tags=["b", 1]).tags == ("b", "1")


@pytest.mark.parametrize(
    ("messages", "body"),
    [
        ([{"role": "User", "content": "a"}], [("user", "a")]),
        (
            [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
            [("user", "a"), ("assistant", "b")],
        ),
        ('[{"role": "user", "content": "a"}]', [("user", "a")]),
        (
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"value": "b"}, "c"]}],
            [("user", "a\nb\nc")],
        ),
        (
            [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": None, "tool_calls": [{"id": 1}]},
                {"role": "assistant"},
            ],
            [("user", "a"), ("function_call", '[{"id":1}]'), ("assistant", "")],
        ),
    ],
)
def test_messages_are_read_in_their_shapes(messages: Any, body: list[tuple[str, str]]) -> None:
    read = made(CHAT, messages=messages).body["messages"]

    assert [(turn["role"], turn["content"]) for turn in read] == body


def test_a_system_prompt_beside_the_messages_comes_first() -> None:
    body = made(CHAT, messages=[{"role": "user", "content": "a"}], system="be kind").body

    assert body["messages"][0] == {"role": "system", "content": "be kind"}


def test_more_in_a_message_is_said() -> None:
    warnings = Warnings()

    mapper(CHAT, warnings=warnings)(
        Row(2, {"messages": [{"role": "user", "content": "a", "weight": 1}]})
    )

    assert warnings.sentences() == [
        "Fields of messages other than role and text were left out (1 row, first at line 2)."
    ]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ("words", "`messages` is text, a list of messages was expected."),
        ({"a": 1}, "`messages` is an object, a list of messages was expected."),
        (
            ["hi"],
            "`messages[0]` is text, a message with role and content was expected.",
        ),
        (
            [{"content": "a"}],
            "`messages[0]` has no known role but None; use system, user or assistant.",
        ),
        (
            [{"role": "user", "content": "a"}, {"role": "wizard", "content": "b"}],
            "`messages[1]` has no known role but 'wizard'; use system, user or assistant.",
        ),
        (
            [{"role": "user", "content": {"a": 1}}],
            "`messages[0]` is an object, text was expected.",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "value": "x.jpg"}]}],
            "`messages[0]` has a part of type image_url, only text is read.",
        ),
        ([], "This row is empty: there is no text in messages, system."),
    ],
)
def test_messages_that_cannot_be_read_are_refused(messages: Any, reason: str) -> None:
    assert refused(CHAT, messages=messages) == reason


ASKED = {"role": "user", "content": "q"}
GOOD = {"role": "assistant", "content": "good"}
BAD = {"role": "assistant", "content": "bad"}


@pytest.mark.parametrize(
    ("values", "body"),
    [
        ({"prompt": "q", "chosen": "good", "rejected": "bad"}, ("q", "good", "bad")),
        ({"chosen": "good", "rejected": "bad"}, ("", "good", "bad")),
        ({"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]}, ("q", "good", "bad")),
        ({"prompt": [ASKED], "chosen": GOOD, "rejected": BAD}, ("q", "good", "bad")),
        (
            {"chosen": [ASKED, GOOD, ASKED, GOOD], "rejected": [ASKED, GOOD, ASKED, BAD]},
            ("Human: q\n\nAssistant: good\n\nHuman: q", "good", "bad"),
        ),
        (
            {"chosen": [ASKED, GOOD, ASKED, GOOD], "rejected": [ASKED, BAD, ASKED, GOOD]},
            (
                "q",
                "Assistant: good\n\nHuman: q\n\nAssistant: good",
                "Assistant: bad\n\nHuman: q\n\nAssistant: good",
            ),
        ),
        (
            {
                "chosen": "\n\nHuman: q\n\nAssistant: good",
                "rejected": "\n\nHuman: q\n\nAssistant: bad",
            },
            ("q", "good", "bad"),
        ),
        ({"prompt": "q", "chosen": [], "rejected": "bad"}, ("q", "", "bad")),
    ],
)
def test_pairs_are_read_in_their_shapes(values: dict[str, Any], body: tuple[str, str, str]) -> None:
    assert tuple(made(PREFERENCE, **values).body.values()) == body


@pytest.mark.parametrize(
    ("prompt", "signature", "docstring"),
    [
        ('def f(a):\n    """ Add.\n    >>> f(1)\n    """\n', "def f(a):", "Add.\n>>> f(1)"),
        (
            "import x\n\ndef h():\n    \"\"\"Help.\"\"\"\n\ndef f():\n    '''Do.'''\n",
            'import x\n\ndef h():\n    """Help."""\n\ndef f():',
            "Do.",
        ),
        ("'''\nWrite it.\n'''", "", "Write it."),
        ("def f(a): ...", "def f(a): ...", ""),
    ],
)
def test_a_code_prompt_is_parted(prompt: str, signature: str, docstring: str) -> None:
    fields = {"signature": "prompt", "solution": "code", "tests": "tests"}
    mapping = ColumnMapping(layout="x", kind=Kind.COMPLETION, fields=fields)

    body = made(mapping, prompt=prompt, code="return 1", tests=["assert 1", "assert 2"]).body

    assert body == {
        "signature": signature,
        "docstring": docstring,
        "solution": "return 1",
        "tests": "assert 1\nassert 2",
    }


def test_parts_of_code_are_taken_as_they_are() -> None:
    values = {"signature": 'def f(): """x"""', "docstring": "", "solution": "s", "tests": "t"}

    assert made(CODE, **values).body == values


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"text": "a", "id": "x" * 501},
            "`id` has 501 characters; an external_id has at most 500.",
        ),
        ({"text": None}, "`text` is missing (null) in this row."),
        (
            {"other": 1, "k" * 80: 2},
            f"There is no `text` in this row; it has other, {'k' * 59}….",
        ),
    ],
)
def test_a_row_that_does_not_fit_says_why(values: dict[str, Any], reason: str) -> None:
    mapping = ColumnMapping(
        layout="text", kind=Kind.TEXT, fields={"text": "text", "external_id": "id"}
    )

    rejected = apply(mapping, Row(7, values, (9, 4)))

    assert isinstance(rejected, Rejected)
    assert (rejected.line, rejected.reason, rejected.at) == (7, reason, (9, 4))


def test_json_in_a_cell_is_made_storable_or_stays_text() -> None:
    mapping = ColumnMapping(
        layout="text", kind=Kind.TEXT, fields={"text": "text", "metadata": "meta"}
    )
    deep = '{"a":' + "[" * 200 + "]" * 200 + "}"

    made = [
        apply(mapping, Row(1, {"text": "a", "meta": meta}))
        for meta in ('{"a\\u0000": "\\u0000"}', deep, "{no json")
    ]

    assert [record.metadata for record in made if isinstance(record, Record)] == [
        {"a\ufffd": "\ufffd"},
        {"meta": deep},
        {"meta": "{no json"},
    ]


@pytest.mark.parametrize(
    ("value", "number"),
    [(1e39, None), ("-1e300", None), (1e-300, 0.0), ("nan", None), ("inf", None), ("1.5", 1.5)],
)
def test_scores_are_what_single_precision_holds(value: Any, number: float | None) -> None:
    assert as_number(value) == number


@pytest.mark.parametrize(
    ("value", "missing"), [("NaN", True), ("-inf", True), ("", True), (None, True), ("x", False)]
)
def test_no_number_is_a_missing_one(value: Any, missing: bool) -> None:
    assert is_missing(value) is missing
