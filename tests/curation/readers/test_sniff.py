import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.curation.readers.jsonl import JsonLines
from app.curation.readers.sniff import UnreadableFileError, open_rows, sniff
from app.curation.readers.text import PlainText

PACKED = gzip.compress(b'{"a": 1}\n{"a": 2}\n', mtime=0)
TABLE = io.BytesIO()
pq.write_table(pa.table({"a": [1]}), TABLE)


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("a.json", b'[{"a": 1}]', "json"),
        ("a.jsonl", b' \n[{"a": 1}]', "json"),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("a.json.gz", PACKED, "jsonl"),
        ("a.json", PACKED[:-4], "jsonl"),
        ("a.json", b'{"a": 1}', "jsonl"),
        ("a.json", b'{"data": [{"a": 1}]}', "json"),
        ("a.json", b'{\n"data": [{"a": 1}]}', "json"),
        ("a.json", b'{"x": 1,\n"data": [{"a": 1}]}', "json"),
        ("a.json", b'{"messages": [{"a": 1}]}', "jsonl"),
        ("a.json", b'{"broken": [{"a": 1}', "jsonl"),
        ("a.json", b'{"data": [{"a": "' + b"x" * 70_000 + b'"}]}', "json"),
        ("a.json", b'{"a": "' + b"x" * 70_000 + b'"}\n{"a": 1}', "jsonl"),
        ("a.json", b"nothing", "json"),
        ("a.jsonl", b"nothing", "jsonl"),
        ("a", b"", "jsonl"),
        ("a.csv", b"a\n1\n", "delimited"),
        ("a.TSV.gz", b"a\n1\n", "delimited"),
        ("upload", b"a|b\n1|2\n", "delimited"),
        ("upload", b"One line, no table.\nAnother one.\n", "text"),
        ("upload", b"words", "text"),
        ("a.txt", b"[not json]", "text"),
        ("a.csv", TABLE.getvalue(), "parquet"),
    ],
)
def test_the_content_chooses_the_reader(
    name: str, content: bytes, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)

    assert sniff(path, name).key == key


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04...", "a.csv is a ZIP archive or an Excel file; unpack it, or save the sheet"),
        (b"%PDF-1.7", "a.csv is a PDF; take the text out of it first."),
        (b"\x89PNG\r\n", "a.csv is a picture."),
        (b"\x00\x01b\x00c\x00", "a.csv holds binary data, not text or a table."),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)

    with pytest.raises(UnreadableFileError) as caught:
        open_rows(path, "a.csv")

    assert str(caught.value).startswith(sentence)


def test_open_rows_tell_how_far_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": NaN}\n{"a": 2}\n')

    with open_rows(path, skip=0) as rows:
        assert (rows.progress, rows.warnings) == (0.0, [])
        next(rows)
        assert rows.progress == 1.0
        assert len(rows.warnings) == 1


def test_a_given_reader_is_used_and_an_empty_file_is_done(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"")

    with open_rows(path, reader=PlainText(unit="line")) as rows:
        assert rows.reader == PlainText(unit="line")
        assert rows.progress == 1.0


def test_a_file_that_is_broken_from_the_start_has_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"\x1f\x8b broken")

    assert sniff(path, path.name) == JsonLines()
