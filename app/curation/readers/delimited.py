"""CSV and its kin: a header, then one row per record, cells parted by one character."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import ClassVar

from pydantic import Field

from app.curation.readers.base import ROW_LIMIT, Reader, Row, Warnings, after
from app.curation.readers.jsonl import numbered_lines
from app.curation.readers.streams import BrokenStreamError
from app.curation.readers.values import EXCERPT, decode, storable
from app.curation.records import Rejected

RENAMED = "Columns without a name or with the name of another one were numbered"
SEPARATORS = ",\t;|%"
_SAMPLE_LINES = 50
_SAMPLE_BYTES = 2**16

_Lines = Iterator[tuple[int, str]]


class Delimited(Reader):
    """Tables as text (CSV, TSV): the first row names the columns, quotes may hold line breaks."""

    key: ClassVar = "delimited"
    title: ClassVar = "CSV or TSV"
    suffixes: ClassVar = (".csv", ".tsv", ".tab", ".psv")

    separator: str = Field(
        "", max_length=1, description="The character between cells; empty: found by itself."
    )

    def rows(
        self, stream: io.BufferedReader, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        csv.field_size_limit(ROW_LIMIT)
        lines = (
            (number, storable(decode(line, number, warnings), number, warnings))
            for number, line in numbered_lines(stream)
        )
        head, rest = _head(lines)
        separator = self.separator or sniff_separator([line for _, line in head])
        return after(_named(_Table(chain(head, rest), separator), warnings), skip)


class _Table:
    """Rows of cells. A row with a broken quote is rejected alone: reading resumes behind its
    first line, on the lines that the quote had swallowed."""

    def __init__(self, lines: _Lines, separator: str) -> None:
        self._lines = lines
        self._separator = separator
        self._again: deque[tuple[int, str]] = deque()
        self._taken: list[tuple[int, str]] = []
        self._size = 0

    def rows(self) -> Iterator[tuple[int, list[str]] | Rejected]:
        cells = self._cells()
        while True:
            self._taken, self._size = [], 0
            try:
                row = next(cells)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(error)
                self._again.extendleft(reversed(self._taken[1:]))
                cells = self._cells()
                continue
            if row:
                yield self._taken[0][0], row

    def _cells(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self._separator, strict=True)

    def _feed(self) -> Iterator[str]:
        while numbered := self._again.popleft() if self._again else next(self._lines, None):
            self._taken.append(numbered)
            self._size += len(numbered[1])
            if self._size > ROW_LIMIT:
                raise csv.Error("larger than the limit")
            yield numbered[1]

    def _broken(self, error: csv.Error) -> Rejected:
        number, line = self._taken[0]
        if "expected after" in str(error):
            reason = (
                "Text follows a closing quote in this row; double the quotes inside a cell "
                '("") and put the cell in quotes.'
            )
        elif "unexpected end" in str(error):
            reason = "A quote that opens in this row is never closed; close it or double it."
        else:
            reason = "This row cannot be read or is larger than 16 MiB; look for an open quote."
        return Rejected(number, reason, line[:EXCERPT].rstrip("\r\n"))


def sniff_separator(lines: list[str]) -> str:
    """The character that cuts most of these lines into equally many cells; a comma if none."""
    return max(SEPARATORS, key=lambda separator: _evenness(lines, separator))


def _evenness(lines: list[str], separator: str) -> tuple[int, int]:
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return 0, 0
    width = len(rows[0]) if rows else 0
    even = sum(len(row) == width for row in rows)
    return (even, width) if width > 1 else (0, 0)


def _head(lines: _Lines) -> tuple[list[tuple[int, str]], _Lines]:
    """The first lines, and those behind them."""
    head: list[tuple[int, str]] = []
    size = 0
    try:
        for numbered in lines:
            head.append(numbered)
            size += len(numbered[1])
            if len(head) == _SAMPLE_LINES or size > _SAMPLE_BYTES:
                break
    except BrokenStreamError as broken:
        return head, _break(broken)
    return head, lines


def _break(broken: BrokenStreamError) -> _Lines:
    """No more lines, for the reason given."""
    raise broken
    yield


def _named(table: _Table, warnings: Warnings) -> Iterator[Row | Rejected]:
    """Rows as values by column; the first row that can be read has the names."""
    columns: list[str] = []
    for item in table.rows():
        if isinstance(item, Rejected):
            yield item
            continue
        number, cells = item
        if not columns:
            columns = _column_names(cells)
            if columns != [cell.strip() for cell in cells]:
                warnings.add(RENAMED, number)
        elif len(cells) == len(columns):
            yield Row(number, dict(zip(columns, cells, strict=True)))
        else:
            yield Rejected(number, _ragged(cells, columns), " ".join(cells)[:EXCERPT])


def _ragged(cells: list[str], columns: list[str]) -> str:
    return (
        f"This row has {len(cells)} cells, the header names {len(columns)}; put a cell that holds "
        "a separator or a line break in quotes."
    )


def _column_names(cells: list[str]) -> list[str]:
    """Names without blanks around them; each once, none empty."""
    names: dict[str, None] = {}
    repeats: dict[str, int] = {}
    for place, cell in enumerate(cells, 1):
        name = base = cell.strip() or f"column_{place}"
        while name in names:
            repeats[base] = repeats.get(base, 1) + 1
            name = f"{base}_{repeats[base]}"
        names[name] = None
    return list(names)
