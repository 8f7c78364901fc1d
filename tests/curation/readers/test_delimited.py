import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.readers import delimited
from app.curation.readers.base import Warnings
from app.curation.readers.delimited import Delimited
from tests.curation.readers.reading import read, reasons, values

CELLS = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=9)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8), st.sampled_from(",\t;|%"))
def test_what_csv_wrote_is_read(rows: list[tuple[str, ...]], separator: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])

    items = read(Delimited(separator=separator), text.getvalue().encode())

    assert [tuple(row.values()) for row in values(items)] == rows


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "%"])
def test_the_separator_is_found(separator: str) -> None:
    content = 'id|title\n1|"a, b; c 5%"\n2|"x\n|y"\n'.replace("|", separator)

    rows = values(read(Delimited(), content.encode()))

    assert rows[1] == {"id": "2", "title": f"x\n{separator}y"}


def test_a_single_column_is_read_with_commas() -> None:
    assert values(read(Delimited(), b"text\nhello\n\n")) == [{"text": "hello"}]


def test_lines_are_those_of_the_file() -> None:
    items = read(Delimited(), b'a,b\n1,"x\ny"\n\n2,z\n')

    assert [item.line for item in items] == [2, 5]


def test_columns_without_a_name_or_with_the_same_one_stay_apart() -> None:
    (row,) = values(read(Delimited(), b",a, a ,a_2\n1,2,3,4\n"))

    assert row == {"column_1": "1", "a": "2", "a_2": "3", "a_2_2": "4"}


@pytest.mark.parametrize(
    ("content", "good", "line", "reason"),
    [
        (
            b"a,b\n1,2\n1,2,3\n3,4\n",
            2,
            3,
            "This row has 3 cells, the header names 2; put a cell that holds a separator or a "
            "line break in quotes.",
        ),
        (
            b'a,b\n1,"x"y\n3,4\n',
            1,
            2,
            "Text follows a closing quote in this row; double the quotes inside a cell "
            '("") and put the cell in quotes.',
        ),
        (
            b'a,b\n1,2\n3,"open\n5,6\n7,8\n',
            3,
            3,
            "A quote that opens in this row is never closed; close it or double it.",
        ),
    ],
)
def test_a_broken_row_is_rejected_alone(content: bytes, good: int, line: int, reason: str) -> None:
    items = read(Delimited(), content)

    assert len(values(items)) == good
    assert reasons(items) == [(line, reason)]


def test_an_open_quote_swallows_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "ROW_LIMIT", 200)
    content = b'a,b\n1,"open\n' + b"2,3\n" * 100

    items = read(Delimited(), content)

    assert len(values(items)) == 100
    assert [line for line, _ in reasons(items)] == [2]


def test_any_number_of_rows_may_be_broken() -> None:
    items = read(Delimited(), b"a,b\n" + b'1,"x"y\n' * 30_000 + b"1,2\n")

    assert len(reasons(items)) == 30_000
    assert values(items) == [{"a": "1", "b": "2"}]


def test_nul_and_latin_1_are_put_right() -> None:
    warnings = Warnings()

    items = read(Delimited(), b"a,b\ncaf\xe9,x\x00\n", warnings=warnings)

    assert values(items) == [{"a": "café", "b": "x\ufffd"}]
    assert len(warnings.sentences()) == 2


def test_a_long_head_is_not_held() -> None:
    content = b"a,b\n" + (b"x" * 1_000 + b",y\n") * 100

    assert len(values(read(Delimited(), content))) == 100


def test_lines_that_csv_refuses_have_no_separator() -> None:
    assert delimited.sniff_separator(["a\rb;c\n"]) == ","


def test_a_column_a_thousand_times_is_numbered_in_time() -> None:
    count = 20_000
    head, row = b",".join([b"a"] * count), b",".join([b"1"] * count)

    (values_,) = values(read(Delimited(), head + b"\n" + row))

    assert len(values_) == count


def test_blank_lines_have_no_cells() -> None:
    assert delimited.sniff_separator(["\n"]) == ","


def test_reading_resumes() -> None:
    content = b"a,b\n1,2\n1\n3,4\n"

    assert read(Delimited(), content, skip=2) == read(Delimited(), content)[2:]
