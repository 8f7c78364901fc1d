import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.readers import json_text
from app.curation.readers.base import Row, Warnings
from app.curation.readers.json_array import JsonArray
from tests.curation.readers.reading import read, reasons, values

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
LEAVES = TEXTS | st.integers(-(2**53), 2**53) | st.none() | st.booleans()
ROWS = st.lists(
    st.dictionaries(TEXTS, st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3))),
    min_size=1,
    max_size=6,
)


@pytest.fixture(params=[1, 7, 2**18])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The text is taken in so many bytes at a time."""
    monkeypatch.setattr(json_text, "_CHUNK", request.param)
    return int(request.param)


@given(rows=ROWS, ascii_only=st.booleans(), indent=st.none() | st.just(2), size=st.integers(1, 40))
def test_what_json_wrote_is_read_however_it_is_cut(
    rows: list[dict[str, Any]], ascii_only: bool, indent: int | None, size: int
) -> None:
    content = json.dumps(rows, ensure_ascii=ascii_only, indent=indent).encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_CHUNK", size)
        items = read(JsonArray(), content)

    assert values(items) == rows
    assert [item.line for item in items] == list(range(1, len(rows) + 1))


@given(st.text('[]{}",:a1 \\untrue\n', max_size=40), st.integers(1, 9))
def test_any_text_is_read_or_refused(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_CHUNK", size)
        items = read(JsonArray(), text.encode())

    assert all(isinstance(item, Row) or item.reason.endswith(".") for item in items)


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('{"version": 1, "data": [{"a": 1}, {"a": 2}], "end": [1]}', [{"a": 1}, {"a": 2}]),
        ('{"train": [ {"a": 1}], "test": [{"a": 2}]}', [{"a": 1}, {"a": 2}]),
        ('{"a": 1, "b": [1, 2], "c": [', None),
        ('{"a": 1, "b": [1, 2]}', [{"a": 1, "b": [1, 2]}]),
        ("{}", [{}]),
        ('{"messages": [{"role": "user"}]}', [{"messages": [{"role": "user"}]}]),
        ('{"a": 1}\n{"a": 2}', [{"a": 1}, {"a": 2}]),
        ('[{"a": 1}]\n[]\n[{"a": 2}]', [{"a": 1}, {"a": 2}]),
        ("  ", []),
    ],
)
def test_lists_in_an_object_and_objects_in_a_row_are_read(
    content: str, rows: list[dict[str, Any]] | None
) -> None:
    items = read(JsonArray(), content.encode())

    assert values(items) == (rows or [])


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize(
    ("content", "good", "rejected"),
    [
        (
            '[\n{"a": 1},\n]',
            1,
            "Not valid JSON at line 3, column 1: a value was expected after the comma, not ]. "
            "Nothing after it was read.",
        ),
        (
            '[\n{"a": 1}\n{"a": 2},\n{"a": 3}]',
            2,
            "Not valid JSON at line 3, column 1: a comma or the end of the array was expected, "
            "not {. Reading goes on at line 4, column 1.",
        ),
        (
            '[{"a": 1},\n {"a": "x "y" z"},\n {"a": 3}]',
            2,
            "Not valid JSON at line 2, column 12: a comma was expected; a quote inside text needs "
            "a backslash before it. Correct this row. "
            "Reading goes on at line 3, column 2.",
        ),
        (
            '[{"a": [{"b": 1}]},\n {"a": [{"b": 1}, {"b" 2}, {"b": 3}]},\n {"a": []}]',
            2,
            "Not valid JSON at line 2, column 24: a colon was expected. Correct this row. "
            "Reading goes on at line 3, column 2.",
        ),
        (
            '[{"a": 1}, {"a": "x}, {"c": 1}',
            1,
            "Not valid JSON at line 1, column 25: a comma was expected; a quote inside text needs "
            "a backslash before it. Correct this row. "
            "Nothing after it was read.",
        ),
        (
            '[{"a": 1}, {"a": "x}',
            1,
            "The file ends inside the value that starts at line 1, column 12, or a quote there is "
            "never closed. Correct this row. Nothing after it was read.",
        ),
        (
            '[{"a": 1}, {"a" 2}, {"a": tru }, {"a": 3}]',
            2,
            "Not valid JSON at line 1, column 17: a colon was expected. Correct this row. "
            "Reading goes on at line 1, column 34.",
        ),
        (
            '[{"a": 1}',
            1,
            "Not valid JSON at line 1, column 10: a comma or the end of the array was expected, "
            "the file ends. Nothing after it was read.",
        ),
        (
            "nonsense",
            0,
            "Not valid JSON at line 1, column 1: an array or an object was expected, not n. "
            "Nothing after it was read.",
        ),
        (
            '{"a": 1 "b"}',
            0,
            "Not valid JSON at line 1, column 9: a comma or the end of the object was expected, "
            'not ". Nothing after it was read.',
        ),
        (
            "{a: 1}",
            0,
            "Not valid JSON at line 1, column 2: a field name in quotes was expected, not a. "
            "Nothing after it was read.",
        ),
        (
            '{"a" 1}',
            0,
            "Not valid JSON at line 1, column 6: a colon was expected, not 1. "
            "Nothing after it was read.",
        ),
        (
            "[" + '{"a":' * 101 + "1" + "}" * 101 + "]",
            0,
            "This row is nested more than 100 levels deep; flatten it. Nothing after it was read.",
        ),
        (
            "[" + '{"a":' * 9000,
            0,
            "This row is nested more than 100 levels deep; flatten it. Nothing after it was read.",
        ),
    ],
)
def test_a_syntax_error_costs_one_row_where_reading_can_go_on(
    content: str, good: int, rejected: str
) -> None:
    items = read(JsonArray(), content.encode())

    assert len(values(items)) == good
    assert [reason for _, reason in reasons(items)] == [rejected]
    assert [item.line for item in items] == list(range(1, len(items) + 1))


@pytest.mark.usefixtures("window")
def test_elements_that_are_no_objects_are_rejected_alone() -> None:
    items = read(JsonArray(), b'[{"a": 1}, 17, [2], {"a": 3}, 45')

    assert values(items) == [{"a": 1}, {"a": 3}]
    assert [line for line, _ in reasons(items)] == [2, 3, 5, 6]
    assert reasons(items)[0][1] == "This row is a number, an object with named fields was expected."


def test_the_search_for_a_place_to_go_on_ends() -> None:
    items = read(JsonArray(), b'[{"a": 1}, {"a" 2}' + b', {"b": 1}' * 200 + b', {"a": 1}]')

    assert len(items) == 2


def test_a_row_over_the_limit_is_rejected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "ROW_LIMIT", 100)
    monkeypatch.setattr(json_text, "_CHUNK", 16)
    content = json.dumps([{"a": "x"}, {"a": "y" * 400}, {"a": "z"}]).encode()

    items = read(JsonArray(), content)

    assert values(items) == [{"a": "x"}, {"a": "z"}]
    assert reasons(items) == [
        (
            2,
            "This row is larger than 16 MiB; split it or leave it out. "
            "Reading goes on at line 1, column 425.",
        )
    ]


@pytest.mark.usefixtures("window")
def test_repairs_are_counted() -> None:
    warnings = Warnings()
    content = '[{"a": "é"}, {"a": NaN}, {"a": "\\u0000"}, '.encode() + b'{"a": "\xe9"}]'

    items = read(JsonArray(), content, warnings=warnings)

    assert values(items) == [{"a": "é"}, {"a": None}, {"a": "\ufffd"}, {"a": "é"}]
    assert len(warnings.sentences()) == 3


def test_reading_resumes() -> None:
    content = b'[{"a": 1}, 2, {"a": 3}]'

    assert read(JsonArray(), content, skip=2) == read(JsonArray(), content)[2:]


def test_numbers_stay_within_64_bits() -> None:
    numbers = [1, -(2**63), 2**62 + 1, 2**64, -(2**70)]
    content = json.dumps([{"a": numbers, "b": ["HUGE", "LARGE", 1.5]}])
    content = content.replace('"HUGE"', "9" * 5_000).replace('"LARGE"', "1e999")

    (row,) = values(read(JsonArray(), content.encode()))

    assert row == {"a": numbers, "b": [None, None, 1.5]}
    assert [type(number) for number in row["a"]] == [int, int, int, float, float]
