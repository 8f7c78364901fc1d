"""Parquet that is damaged, or holds what Python or a database cannot."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.curation.readers import parquet
from app.curation.readers.base import Row
from app.curation.readers.parquet import Parquet
from tests.curation.readers.reading import read, reasons, values


def packed(columns: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def damaged() -> bytes:
    """Three groups of a thousand rows; the pages of the second one are overwritten."""
    content = packed({"a": [f"{n:09}" for n in range(3_000)]}, row_group_size=1_000)
    facts = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(0)
    start = int(facts.dictionary_page_offset)
    end = start + int(facts.total_compressed_size)
    return bytes(content[:start]) + b"\xff" * (end - start) + content[end:]


def test_a_damaged_group_costs_its_rows_alone() -> None:
    items = read(Parquet(), damaged())

    assert len(values(items)) == 2_000
    ((line, reason),) = reasons(items)
    assert line == 1_001
    assert reason.startswith("The rows 1,001 to 2,000 of the Parquet file are damaged: ")
    assert reason.endswith(". Copy or write it again.")
    assert [item.line for item in items[999:1_002]] == [1_000, 1_001, 2_001]


@pytest.mark.parametrize("skip", [0, 5, 1_000, 1_001, 1_500, 2_001, 9_000])
def test_reading_resumes_around_a_damaged_group(skip: int) -> None:
    assert read(Parquet(batch_rows=300), damaged(), skip=skip) == read(Parquet(), damaged())[skip:]


def test_a_file_that_was_cut_off_says_so() -> None:
    items = read(Parquet(), damaged()[:500])

    ((line, reason),) = reasons(items)
    assert line == 1
    assert reason.startswith(
        "The Parquet file is cut off or damaged: Parquet magic bytes not found"
    )


def test_a_cell_that_python_cannot_hold_costs_its_row_alone() -> None:
    buffers = pa.array([b"a", b"\xff", b"c"]).buffers()
    texts = pa.Array.from_buffers(pa.string(), 3, buffers)
    times = pa.array([0, 1, 2**53], pa.timestamp("ms"))

    items = read(Parquet(), packed({"text": texts, "at": times}))

    assert [row["text"] for row in values(items)] == ["a"]
    assert [line for line, _ in reasons(items)] == [2, 3]
    assert all(
        reason.startswith("A cell of this row cannot be read: ") and reason.endswith(".")
        for _, reason in reasons(items)
    )


def test_a_row_over_the_limit_is_rejected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_LIMIT", 100)

    items = read(Parquet(), packed({"a": ["x", "y" * 101, "z"]}))

    assert values(items) == [{"a": "x"}, {"a": "z"}]
    assert reasons(items) == [(2, "This row is larger than 16 MiB; split it or leave it out.")]


def test_few_large_rows_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 3_000)
    sizes = []
    values_of = parquet._values  # noqa: SLF001 - sees every batch

    def watch(batch: Any) -> Any:
        sizes.append(batch.num_rows)
        return values_of(batch)

    monkeypatch.setattr(parquet, "_values", watch)
    content = packed({"a": [f"{n}" * 1_000 for n in range(10, 20)]}, use_dictionary=False)

    assert len(values(read(Parquet(), content))) == 10
    assert max(sizes) == 1


def test_columns_of_the_same_name_and_missing_values_are_read() -> None:
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array([None], pa.string())], names=["a", "a"])

    (item,) = read(Parquet(), packed(table))

    assert isinstance(item, Row)
    assert set(item.values) == {"a"}
