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
        (b"a.jsonl".ljust(257, b"\0") + b"ustar", "a.csv is a tar archive; unpack it."),
        (b"\n<HTML>", "a.csv is a web page; look whether its download failed."),
        (b"\x80\x04\x95...", "a.csv is a Python pickle, which is never opened; save its rows"),
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


@pytest.mark.parametrize(
    ("content", "name", "key"),
    [
        (b'{"a": 1},\n{"a": 2},\n', "a.json", "jsonl"),
        (b'{"a": [\n1]}', "a.jsonl", "json"),
        (b'{"a": 1}\r{"a": 2}\r', "a", "jsonl"),
        (b"a,b\r1,2\r", "a", "delimited"),
        (b"<html><p>Hello</p></html>", "a.txt", "text"),
        ("a,b\n1,2\n".encode("utf-16-le"), "a", "delimited"),
        ('[{"a": 1}]'.encode("utf-16-be"), "a", "json"),
    ],
)
def test_the_content_counts_more_than_the_name(
    content: bytes, name: str, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)

    assert sniff(path, name).key == key


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FileNotFoundError(2, "x"), "a.csv is not there any more; put it back, then retry."),
        (
            PermissionError(13, "x"),
            "a.csv may not be read by the user Winnow runs as; permit it, then retry.",
        ),
        (
            IsADirectoryError(21, "x"),
            "a.csv is a folder; import it by its path to read all its files.",
        ),
        (OSError(5, "Input/output error"), "a.csv cannot be opened: Input/output error."),
    ],
)
def test_a_file_that_cannot_be_opened_says_what_to_do(
    error: OSError, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(UnreadableFileError) as caught:
        open_rows(tmp_path / "upload", "a.csv")

    assert str(caught.value) == sentence
