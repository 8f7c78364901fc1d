import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.readers import jsonl
from app.curation.readers.base import Row, Warnings
from app.curation.readers.jsonl import JsonLines
from app.curation.records import Rejected
from tests.curation.readers.reading import read, reasons, values

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
ROWS = st.lists(st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53) | st.none()))


@given(ROWS, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_what_json_wrote_is_read(rows: list[dict[str, Any]], ascii_only: bool, end: str) -> None:
    content = "".join(json.dumps(row, ensure_ascii=ascii_only) + end for row in rows)

    assert values(read(JsonLines(), content.encode())) == rows


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    items = read(JsonLines(), content)

    assert all(isinstance(item, Row) or item.reason.endswith(".") for item in items)


def test_lines_are_counted_with_the_blank_ones() -> None:
    items = read(JsonLines(), b'{"a":1}\n\n  \n{"a":2}')

    assert [item.line for item in items] == [1, 4]


def test_reading_resumes_behind_rows_good_and_rejected() -> None:
    content = b'{"a":1}\n\nbad\n{"a":2}\n{"a":3}\n'

    assert read(JsonLines(), content, skip=2) == read(JsonLines(), content)[2:]
    assert read(JsonLines(), content, skip=4) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a" 1}', "Not valid JSON at column 6: a colon was expected. Correct this row."),
        (
            b'{"a": "x',
            "Not valid JSON at column 7: the quote that opens here is never closed. "
            "Correct this row.",
        ),
        (b"[1]", "This row is a list, an object with named fields was expected."),
        (b'"x"', "This row is text, an object with named fields was expected."),
        (b"3", "This row is a number, an object with named fields was expected."),
        (b"true", "This row is true or false, an object with named fields was expected."),
        (b"null", "This row is missing, an object with named fields was expected."),
        (
            b'{"a":' * 101 + b"1" + b"}" * 101,
            "This row is nested more than 100 levels deep; flatten it.",
        ),
        (
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            "This row is nested more than 100 levels deep; flatten it.",
        ),
    ],
)
def test_a_broken_line_says_what_is_wrong(line: bytes, reason: str) -> None:
    first, rejected, last = read(JsonLines(), b'{"a":1}\n' + line + b'\n{"a":2}\n')

    assert isinstance(rejected, Rejected)
    assert rejected.line == 2
    assert rejected.reason == reason
    assert rejected.raw == line.decode()[:2000]
    assert values([first, last]) == [{"a": 1}, {"a": 2}]


def test_many_brackets_side_by_side_are_not_deep() -> None:
    content = json.dumps({"a": [[]] * 200, "b": '"[[[' * 100}).encode()

    assert reasons(read(JsonLines(), content)) == []


def test_characters_that_no_database_holds_are_replaced_and_counted() -> None:
    warnings = Warnings()
    content = b'{"a":"x\\u0000"}\n{"\\ud800":["\\udc00", 1]}\n{"a":"\\ud83d\\ude00"}\n'

    items = read(JsonLines(), content, warnings=warnings)

    assert values(items) == [{"a": "x\ufffd"}, {"\ufffd": ["\ufffd", 1]}, {"a": "😀"}]
    assert warnings.sentences() == [
        "Characters that cannot be stored (NUL, half of a surrogate pair) became U+FFFD "
        "(2 rows, first at line 1)."
    ]


def test_nan_and_infinity_are_missing_values() -> None:
    warnings = Warnings()

    items = read(JsonLines(), b'{"a":NaN,"b":[Infinity,-Infinity,1]}', warnings=warnings)

    assert values(items) == [{"a": None, "b": [None, None, 1]}]
    assert warnings.sentences() == [
        "NaN and Infinity were read as missing (1 row, first at line 1)."
    ]


def test_bytes_that_are_not_utf8_are_read_as_western() -> None:
    warnings = Warnings()
    content = '{"a":"é"}\n'.encode() + b'{"a":"caf\xe9 \x93x\x94 \x81"}\n'

    items = read(JsonLines(), content, warnings=warnings)

    assert values(items) == [{"a": "é"}, {"a": "café “x” \x81"}]
    assert warnings.sentences() == [
        "Bytes that are not UTF-8 were read as Windows-1252 (Latin-1) (1 row, first at line 2)."
    ]


@pytest.mark.parametrize("tail", [b"y" * 300 + b"\n", b"y" * 64, b"y" * 63 + b"\n", b""])
def test_a_line_over_the_limit_is_rejected_unread(
    tail: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "ROW_LIMIT", 64)

    items = read(JsonLines(), b'{"a":1}\n' + b"x" * 65 + tail.rstrip() + b'\n{"a":2}\n')

    assert reasons(items) == [(2, "This row is larger than 16 MiB; split it or leave it out.")]
    assert [item.line for item in items] == [1, 2, 3]


def test_a_row_shows_its_start() -> None:
    assert Row(1, {"a": "x" * 3000}).excerpt() == '{"a": "' + "x" * 1993


def test_lines_end_in_lf_crlf_or_cr() -> None:
    items = read(JsonLines(), b'{"a":1}\r{"a":2}\r\n{"a":3}\n\r\r\n{"a":4}')

    assert [item.line for item in items] == [1, 2, 3, 6]


def test_a_crlf_at_the_limit_is_one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "ROW_LIMIT", 7)

    items = read(JsonLines(), b'{"a":1}\r\n{"a":2}\r\n')

    assert [item.line for item in items] == [1, 2]


def test_the_last_of_two_values_counts() -> None:
    assert values(read(JsonLines(), b'{"a": 1, "a": 2}')) == [{"a": 2}]
