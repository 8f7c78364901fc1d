"""Parquet: the columns of the layout; metadata and scores as JSON text, for all schemas alike."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from app.curation.writers.base import NOT_UNICODE, Sink, Writer
from app.curation.writers.layouts import Columns, Layout

_TEXT = pa.string()
_TURNS = pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))
_TYPES: Mapping[str, pa.DataType] = {
    "messages": _TURNS,
    "conversations": pa.list_(pa.struct([("from", _TEXT), ("value", _TEXT)])),
    "tags": pa.list_(_TEXT),
    "label": pa.bool_(),
}
_IN_TURNS = frozenset({Layout.DPO_MESSAGES, Layout.REWARD, Layout.KTO_MESSAGES})
_SIDES = ("prompt", "chosen", "rejected", "completion")
_ABOUT = ("id", "domain", "language", "origin", "tags", "scores", "metadata")
_AS_JSON = ("scores", "metadata")

OTHER_KIND = "A Parquet file holds samples of one kind; write the others to a file of their own."


class ParquetWriter(Writer):
    """Parquet, packed with zstd. In the native layout a file holds the kind of its first row."""

    key: ClassVar = "parquet"
    title: ClassVar = "Parquet"

    group_rows: int = Field(10_000, ge=1, le=1_000_000, description="Rows per row group.")

    @property
    def suffix(self) -> str:
        return ".parquet"

    def write_rows(self, rows: Iterator[Columns], file: Sink, left_out: Counter[str]) -> int:
        first = next(rows, {})
        body = [name for name in first if name not in _ABOUT]
        schema = pa.schema(
            [
                (name, self._type(name))
                for name in (*body, *(_ABOUT if self.about and first else ()))
            ]
        )
        storable = self._storable(chain([first] if first else [], rows), body, left_out)
        count = 0
        with pq.ParquetWriter(file, schema, compression="zstd", store_schema=False) as table:
            while group := list(islice(storable, self.group_rows)):
                table.write_table(pa.Table.from_pylist(group, schema))
                count += len(group)
        return count

    def _type(self, name: str) -> pa.DataType:
        if self.layout in _IN_TURNS and name in _SIDES:
            return _TURNS
        return _TYPES.get(name, _TEXT)

    def _storable(
        self, rows: Iterator[Columns], body: list[str], left_out: Counter[str]
    ) -> Iterator[Columns]:
        """The rows that fit the schema, what has no fixed type as JSON."""
        for row in rows:
            if [name for name in row if name not in _ABOUT] != body:
                left_out[OTHER_KIND] += 1
            elif not _is_unicode(row):
                left_out[NOT_UNICODE] += 1
            else:
                yield row | {name: _json(row[name]) for name in _AS_JSON if name in row}


def _is_unicode(row: Columns) -> bool:
    try:
        orjson.dumps(row)
    except TypeError:
        return False
    return True


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
