import gzip
import hashlib
import time
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
import zstandard

from app.curation.records import Kind, Origin, Record
from app.curation.writers.base import Writer, Written
from app.curation.writers.jsonl import JsonLinesWriter
from app.curation.writers.layouts import Layout
from app.curation.writers.parquet import ParquetWriter

FULL = Record(
    Kind.INSTRUCTION,
    {"instruction": "q", "input": "", "output": "a"},
    external_id="x-1",
    domain="math",
    language="en",
    origin=Origin.HUMAN,
    tags=("b", "a"),
    scores={"z": 1.0, "edu": 3.5},
    metadata={"url": "u", "at": {"y": (2, {"d": 1, "c": 2}), "x": 1}},
)
PLAIN = Record(Kind.INSTRUCTION, {"instruction": "q2", "input": "i", "output": "a2"})
TEXT = Record(Kind.TEXT, {"text": "t"})
SURROGATE = Record(Kind.INSTRUCTION, {"instruction": "\ud800", "input": "", "output": ""})

WRITERS: list[Writer] = [
    JsonLinesWriter(),
    JsonLinesWriter(packing="gzip"),
    JsonLinesWriter(packing="zstd"),
    ParquetWriter(),
    ParquetWriter(group_rows=3),
]
MISFIT = "A sample of kind text has no place in the Alpaca layout."
NOT_UNICODE = "A text holds half of a surrogate pair, which no file can hold."


def test_a_line_has_the_columns_in_a_fixed_order(tmp_path: Path) -> None:
    JsonLinesWriter().write([FULL, PLAIN], tmp_path)

    assert (tmp_path / "data.jsonl").read_text().splitlines() == [
        '{"instruction":"q","input":"","output":"a","id":"x-1","domain":"math","language":"en",'
        '"origin":"human","tags":["b","a"],"scores":{"edu":3.5,"z":1.0},'
        '"metadata":{"at":{"x":1,"y":[2,{"c":2,"d":1}]},"url":"u"}}',
        '{"instruction":"q2","input":"i","output":"a2"}',
    ]


def test_facts_about_a_record_can_stay_away(tmp_path: Path) -> None:
    JsonLinesWriter(about=False).write([FULL], tmp_path)
    ParquetWriter(about=False).write([FULL], tmp_path)

    line = orjson.loads((tmp_path / "data.jsonl").read_bytes())
    assert list(line) == ["instruction", "input", "output"]
    assert pq.read_table(tmp_path / "data.parquet").to_pylist() == [line]


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.suffix)
def test_equal_records_give_equal_bytes(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [FULL, PLAIN] * 50
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    first = writer.write(records, tmp_path / "a")
    monkeypatch.setattr(time, "time", lambda: 1e9)
    second = writer.write(iter(records), tmp_path / "b", name="data")

    assert first == second
    (file,) = first.files
    content = (tmp_path / "a" / file.name).read_bytes()
    assert content == (tmp_path / "b" / file.name).read_bytes()
    assert (file.rows, file.bytes) == (100, len(content))
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_packed_lines_are_the_same_lines(tmp_path: Path) -> None:
    for packing in ("none", "gzip", "zstd"):
        JsonLinesWriter.model_validate({"packing": packing}).write([FULL] * 9_000, tmp_path)

    plain = (tmp_path / "data.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "data.jsonl.gz").read_bytes()) == plain
    packed = (tmp_path / "data.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == plain


@pytest.mark.parametrize("writer", [JsonLinesWriter, ParquetWriter])
def test_what_cannot_be_written_is_counted_by_reason(writer: type[Writer], tmp_path: Path) -> None:
    written = writer(layout=Layout.ALPACA).write([TEXT, FULL, SURROGATE, TEXT], tmp_path)

    assert written.left_out == {MISFIT: 2, NOT_UNICODE: 1}
    assert [file.rows for file in written.files] == [1]


@pytest.mark.parametrize("writer", [JsonLinesWriter, ParquetWriter])
def test_a_release_can_have_several_files(writer: type[Writer], tmp_path: Path) -> None:
    written = writer(rows_per_file=2).write([PLAIN] * 5, tmp_path, name="train")

    end = writer().suffix
    assert [(file.name, file.rows) for file in written.files] == [
        (f"train-00001{end}", 2),
        (f"train-00002{end}", 2),
        (f"train-00003{end}", 1),
    ]


def test_nothing_to_write_is_an_empty_file(tmp_path: Path) -> None:
    assert JsonLinesWriter().write([], tmp_path).files[0].bytes == 0
    assert ParquetWriter().write([], tmp_path).files[0].rows == 0
    assert JsonLinesWriter(rows_per_file=2).write([], tmp_path) == Written((), {})


def test_a_table_holds_one_kind(tmp_path: Path) -> None:
    written = ParquetWriter(group_rows=1).write([PLAIN, TEXT, FULL], tmp_path)

    assert written.left_out == {
        "A Parquet file holds samples of one kind; write the others to a file of their own.": 1
    }
    table = pq.ParquetFile(tmp_path / "data.parquet")
    assert (table.metadata.num_rows, table.metadata.num_row_groups) == (2, 2)
    assert table.read().to_pylist()[1]["scores"] == '{"edu":3.5,"z":1.0}'
