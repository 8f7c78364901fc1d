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

from app.curation.readers.base import EMPTY, Reader, Row, Warnings
from app.curation.readers.streams import Limits
from app.curation.readers.values import NOT_FINITE, storable
from app.curation.records import Rejected

MAGIC = b"PAR1"
BINARY = "Binary cells were left out"


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
        line = skip
        try:
            for line, values in self._values(pq.ParquetFile(file), skip):
                yield Row(line, storable(_plain(values, line, warnings), line, warnings))
        except (pa.ArrowException, OSError) as error:
            sentence = str(error).splitlines()[0].rstrip(".")
            yield Rejected(line + 1, f"The Parquet file is damaged here: {sentence}.")
            return
        if not line:
            yield Rejected(1, EMPTY)

    def _values(self, table: pq.ParquetFile, skip: int) -> Iterator[tuple[int, dict[str, Any]]]:
        line, groups = 0, list(range(table.num_row_groups))
        while groups and line + table.metadata.row_group(groups[0]).num_rows <= skip:
            line += table.metadata.row_group(groups.pop(0)).num_rows
        for batch in table.iter_batches(self.batch_rows, row_groups=groups):
            for values in batch.to_pylist():
                line += 1
                if line > skip:
                    yield line, values


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
