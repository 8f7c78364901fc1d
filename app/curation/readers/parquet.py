"""Parquet: columns, read batch by batch, nested values as plain lists and dicts."""

import io
import math
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any, BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from app.curation.readers.base import NO_ROWS, ROW_LIMIT, TOO_LARGE, Reader, Row, Warnings
from app.curation.readers.streams import Limits
from app.curation.readers.values import NOT_FINITE, storable
from app.curation.records import Rejected

MAGIC = b"PAR1"
BINARY = "Binary cells were left out"
_AGAIN = "Copy or write it again."
_BATCH_BYTES = 2**25
# What cells raise that Python cannot hold: text that is no UTF-8, dates beyond the year 9999.
_UNREADABLE = (pa.ArrowException, ValueError, OverflowError)


class Parquet(Reader):
    """Parquet files, nested columns included. Cells that hold bytes (pictures) are left out."""

    key: ClassVar = "parquet"
    title: ClassVar = "Parquet"
    suffixes: ClassVar = (".parquet", ".pq")

    batch_rows: int = Field(1_000, ge=1, le=100_000, description="Rows held in memory at once.")

    def read(
        self,
        file: BinaryIO,
        *,
        skip: int = 0,
        warnings: Warnings | None = None,
        limits: Limits | None = None,
    ) -> Iterator[Row | Rejected]:
        """All rows after the first `skip`; the format needs to jump about in the file itself."""
        if file.read(len(MAGIC)) != MAGIC:
            file.seek(0)
            yield from super().read(file, skip=skip, warnings=warnings, limits=limits)
            return
        noted = Warnings() if warnings is None else warnings
        yield from self._read_table(file, noted, skip)

    def rows(
        self, stream: io.BufferedReader, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        """Parquet that was packed once more goes through a temporary file."""
        with tempfile.TemporaryFile() as unpacked:
            shutil.copyfileobj(stream, unpacked)
            if unpacked.tell():
                yield from self._read_table(unpacked, warnings, skip)

    def _read_table(
        self, file: BinaryIO, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        try:
            table = pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as error:
            yield Rejected(1, f"The Parquet file is cut off or damaged: {_said(error)}. {_AGAIN}")
            return
        if not table.metadata.num_rows:
            yield Rejected(1, NO_ROWS)
        first = 1
        for group in range(table.num_row_groups):
            for item in self._group(table, group, first, warnings, skip):
                skip -= 1
                if skip < 0 and item is not None:
                    yield item
            first += table.metadata.row_group(group).num_rows

    def _group(
        self, table: pq.ParquetFile, group: int, first: int, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected | None]:
        """The rows of one group, None for those to skip; where it is damaged, the rest is lost."""
        facts = table.metadata.row_group(group)
        line = first
        try:
            for batch in table.iter_batches(self._batch_rows(facts), row_groups=[group]):
                skipped = line + batch.num_rows - first <= skip
                for values in [None] * batch.num_rows if skipped else _values(batch):
                    yield None if values is None else _row(values, line, warnings)
                    line += 1
        except (pa.ArrowException, OSError) as error:
            last = first + facts.num_rows - 1
            yield Rejected(
                line,
                f"The rows {line:,} to {last:,} of the Parquet file are damaged: {_said(error)}. "
                f"{_AGAIN}",
            )

    def _batch_rows(self, facts: Any) -> int:
        """Rows to hold at once: fewer where they are large."""
        size = max(facts.total_byte_size // max(facts.num_rows, 1), 1)
        return max(1, min(self.batch_rows, _BATCH_BYTES // int(size)))


def _values(batch: Any) -> list[dict[str, Any] | Exception]:
    """The rows of a batch; an exception stands for one with a cell that Python cannot hold."""
    try:
        return batch.to_pylist()  # type: ignore[no-any-return]
    except _UNREADABLE as error:
        if batch.num_rows == 1:
            return [error]
        return [values for at in range(batch.num_rows) for values in _values(batch.slice(at, 1))]


def _row(values: dict[str, Any] | Exception, line: int, warnings: Warnings) -> Row | Rejected:
    if isinstance(values, Exception):
        return Rejected(line, f"A cell of this row cannot be read: {_said(values)}.")
    if sum(len(value) for value in values.values() if isinstance(value, str)) > ROW_LIMIT:
        return Rejected(line, TOO_LARGE)
    return Row(line, storable(_plain(values, line, warnings), line, warnings))


def _said(error: Exception) -> str:
    """What the library says, as the middle of a sentence."""
    return (str(error).splitlines() or [""])[0].rstrip(".")


def _plain(value: Any, line: int, warnings: Warnings) -> Any:
    """The value as JSON has it."""
    match value:
        case list() | tuple():
            return [_plain(item, line, warnings) for item in value]
        case dict():
            return {str(key): _plain(item, line, warnings) for key, item in value.items()}
        case date() | time():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            warnings.add(BINARY, line)
            return None
        case float() if not math.isfinite(value):
            warnings.add(NOT_FINITE, line)
            return None
        case None | str() | int() | float():
            return value
        case _:
            return str(value)
