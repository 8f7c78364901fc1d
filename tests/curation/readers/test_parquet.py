import gzip
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.curation.readers.base import Row, Warnings
from app.curation.readers.parquet import Parquet
from tests.curation.readers.reading import read, reasons, values


def packed(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def test_rows_are_read_across_row_groups() -> None:
    content = packed({"a": list(range(25))}, row_group_size=10)

    items = read(Parquet(batch_rows=4), content)

    assert [item.line for item in items] == list(range(1, 26))
    assert values(items) == [{"a": number} for number in range(25)]


def test_reading_resumes_without_the_row_groups_before() -> None:
    content = packed({"a": list(range(25))}, row_group_size=10)

    for skip in (0, 9, 10, 13, 24, 25, 30):
        assert read(Parquet(), content, skip=skip) == read(Parquet(), content)[skip:]


def test_nested_and_foreign_values_become_plain() -> None:
    warnings = Warnings()
    content = packed(
        {
            "messages": [[{"role": "user", "content": "hi\x00"}]],
            "pairs": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
            "day": [date(2025, 1, 31)],
            "time": [datetime(2025, 1, 31, 9, tzinfo=UTC)],
            "price": [Decimal("1.50")],
            "picture": [b"\x89PNG"],
            "spent": [timedelta(seconds=5)],
            "score": [float("nan")],
            "flag": [True],
        }
    )

    assert values(read(Parquet(), content, warnings=warnings)) == [
        {
            "messages": [{"role": "user", "content": "hi\ufffd"}],
            "pairs": [["a", 1]],
            "day": "2025-01-31",
            "time": "2025-01-31T09:00:00+00:00",
            "price": 1.5,
            "picture": None,
            "spent": "0:00:05",
            "score": None,
            "flag": True,
        }
    ]
    assert len(warnings.sentences()) == 3


def test_a_packed_table_is_unpacked_first() -> None:
    content = gzip.compress(packed({"a": [1, 2, 3]}))

    assert values(read(Parquet(), content, skip=1)) == [{"a": 2}, {"a": 3}]


def test_empty_tables_and_files_say_so() -> None:
    no_rows = [(1, "There are no rows in the file; nothing was read.")]

    assert reasons(read(Parquet(), packed({"a": []}))) == no_rows
    assert reasons(read(Parquet(), b"")) == [(1, "The file is empty; nothing was read.")]


def test_a_damaged_table_gives_what_it_can() -> None:
    content = packed({"a": [f"{number:09}" for number in range(2_000)]}, row_group_size=1_000)
    middle = len(content) // 2

    (rejected,) = read(Parquet(), content[:middle])
    items = read(Parquet(batch_rows=100), content[:-400] + bytes(200) + content[-200:])

    assert not isinstance(rejected, Row)
    assert rejected.reason.startswith("The Parquet file is cut off or damaged: ")
    assert reasons(items)[0][1].startswith("The Parquet file is cut off or damaged: ")
