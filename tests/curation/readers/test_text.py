import pytest

from app.curation.readers import text
from app.curation.readers.text import PlainText
from tests.curation.readers.reading import read, reasons, values

CONTENT = b"one\r\ntwo\r\n\r\n \r\nthree\nfour"


@pytest.mark.parametrize(
    ("unit", "rows"),
    [
        ("file", [(1, "one\ntwo\n\n \nthree\nfour")]),
        ("paragraph", [(1, "one\ntwo"), (5, "three\nfour")]),
        ("line", [(1, "one"), (2, "two"), (5, "three"), (6, "four")]),
    ],
)
def test_a_unit_of_text_is_a_row(unit: str, rows: list[tuple[int, str]]) -> None:
    items = read(PlainText.model_validate({"unit": unit}), CONTENT)

    assert [item.line for item in items] == [line for line, _ in rows]
    assert [row["text"] for row in values(items)] == [line for _, line in rows]


def test_reading_resumes() -> None:
    assert values(read(PlainText(unit="line"), CONTENT, skip=3)) == [{"text": "four"}]


def test_blank_files_are_empty() -> None:
    items = read(PlainText(), b" \n\n")

    assert reasons(items) == [(1, "There are no rows in the file; nothing was read.")]


def test_a_file_over_the_limit_is_rejected_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "ROW_LIMIT", 10)

    items = read(PlainText(), b"12345\n" * 100)

    assert reasons(items) == [(1, "This row is larger than 16 MiB; split it or leave it out.")]
