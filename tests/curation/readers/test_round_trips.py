"""Properties of all readers: what was written is read, however it is cut; reading resumes."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.readers import json_text, streams
from app.curation.readers.base import Reader, Row
from app.curation.readers.delimited import Delimited
from app.curation.readers.json_array import JsonArray
from app.curation.readers.jsonl import JsonLines
from app.curation.readers.parquet import Parquet
from app.curation.readers.text import PlainText
from app.curation.records import Rejected
from tests.curation.readers.reading import read, reasons, values

Rows = list[dict[str, str]]
Write = Callable[[Rows], bytes]

# What every format can hold; line breaks in cells come back as they were.
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
ROWS = st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), min_size=1, max_size=7)


def json_lines(ascii_only: bool, end: str) -> Write:
    return lambda rows: "".join(
        json.dumps(row, ensure_ascii=ascii_only) + end for row in rows
    ).encode()


def json_array(indent: int | None, encoding: str) -> Write:
    return lambda rows: json.dumps(rows, indent=indent, ensure_ascii=False).encode(encoding)


def delimited(separator: str, end: str) -> Write:
    def write(rows: Rows) -> bytes:
        out = io.StringIO(newline="")
        writer = csv.DictWriter(
            out, ["a", "b"], delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()

    return write


def table(row_group_size: int) -> Write:
    def write(rows: Rows) -> bytes:
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=row_group_size)
        return out.getvalue()

    return write


FORMATS: Sequence[tuple[Reader, Write]] = (
    (JsonLines(), json_lines(ascii_only=True, end="\n")),
    (JsonLines(), json_lines(ascii_only=False, end="\r\n")),
    (JsonLines(), json_lines(ascii_only=False, end="\r")),
    (JsonLines(), json_lines(ascii_only=False, end=",\n\n")),
    (JsonArray(), json_array(None, "utf-8")),
    (JsonArray(), json_array(2, "utf-8-sig")),
    (JsonArray(), json_array(2, "utf-16")),
    (Delimited(), delimited(",", "\n")),
    (Delimited(), delimited(";", "\r\n")),
    (Delimited(), delimited("\t", "\r")),
    (Parquet(), table(2)),
    (Parquet(batch_rows=1), table(100)),
)
PACKERS: Sequence[Callable[[bytes], bytes]] = (
    lambda content: content,
    gzip.compress,
    zstandard.compress,
    lambda content: b"".join(
        gzip.compress(content[at : at + 40]) for at in range(0, len(content), 40)
    ),
)


@given(
    rows=ROWS,
    way=st.sampled_from(FORMATS),
    pack=st.sampled_from(PACKERS),
    chunk=st.integers(1, 60),
    skip=st.integers(0, 8),
)
@settings(max_examples=400)
def test_what_was_written_is_read_however_it_is_cut(
    rows: Rows, way: tuple[Reader, Write], pack: Callable[[bytes], bytes], chunk: int, skip: int
) -> None:
    reader, write = way
    content = pack(write(rows))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_CHUNK", chunk)
        patch.setattr(streams, "_CHUNK", chunk + 3)  # its first bytes tell how a file is packed
        assert values(read(reader, content)) == rows
        assert values(read(reader, content, skip=skip)) == rows[skip:]


@given(
    content=st.binary(max_size=300)
    | st.text('[]{}",:a1 \\untrue\n\r\0', max_size=80).map(str.encode)
    | st.binary(max_size=60).map(gzip.compress).map(lambda packed: packed[:-4]),
    reader=st.sampled_from(
        [JsonLines(), JsonArray(), Delimited(), Parquet(), PlainText(unit="line")]
    ),
    chunk=st.sampled_from([1, 3, 2**18]),
)
@settings(max_examples=400)
def test_any_bytes_are_read_or_refused_and_resumed(
    content: bytes, reader: Reader, chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_CHUNK", chunk)
        items = read(reader, content)
        for skip in range(len(items) + 2):
            assert read(reader, content, skip=skip) == items[skip:]

    for item in items:
        assert item.line > 0
        if isinstance(item, Rejected):
            assert item.reason.endswith(".")
            assert "\0" not in item.reason + item.raw
            (item.reason + item.raw).encode()


@given(
    st.lists(st.sampled_from(['{"a": 1}', "", "  ", "nonsense", "[1]", '{"a": "\u2028\x85"}'])),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_lines_are_numbered_as_an_editor_does(lines: list[str], end: str) -> None:
    items = read(JsonLines(), (end.join(lines) + end).encode())

    wanted = [number for number, line in enumerate(lines, 1) if line.strip()]
    assert [item.line for item in items] == (wanted or [1])


@given(
    st.lists(st.sampled_from(['{"a": 1}', '{"a": "\\n é"}', "7"]), min_size=1, max_size=8),
    st.lists(st.sampled_from(["", " ", "\n", "\n\n  ", "\n\t"]), min_size=8, max_size=8),
    st.integers(1, 50),
)
def test_rows_of_an_array_know_their_line_and_column(
    elements: list[str], blanks: list[str], chunk: int
) -> None:
    text, wanted = "[", []
    for element, blank in zip(elements, blanks, strict=False):
        text += blank
        wanted.append((text.count("\n") + 1, len(text) - text.rfind("\n")))
        text += element + ","

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_CHUNK", chunk)
        items = read(JsonArray(), (text[:-1] + "]").encode())

    assert [item.at for item in items] == wanted


@given(ROWS, st.integers(0, 6), st.sampled_from(['{"a" "b"}', "{'a': 'b'}", '{"a": "b" c"}']))
def test_one_broken_row_costs_no_other(rows: Rows, place: int, broken: str) -> None:
    lines = [json.dumps(row) for row in rows]
    lines.insert(place, broken)
    line = min(place, len(rows)) + 1

    in_lines = read(JsonLines(), "\n".join(lines).encode())
    in_array = read(JsonArray(), ("[\n" + ",\n".join(lines) + "\n]").encode())

    assert values(in_lines) == values(in_array) == rows
    assert [place for place, _ in reasons(in_lines)] == [line]
    assert [item.at and item.at[0] for item in in_array if not isinstance(item, Row)] == [line + 1]
