"""JSON Lines: one object per line."""

import io
from collections.abc import Iterator
from typing import ClassVar

from app.curation.readers.base import ROW_LIMIT, TOO_LARGE, Reader, Row, Warnings
from app.curation.readers.values import excerpt, parse_line
from app.curation.records import Rejected


class JsonLines(Reader):
    """One JSON object per line (JSONL, NDJSON). Blank lines are passed over.

    Where a name stands twice in one object, its last value counts, as in every JSON parser.
    """

    key: ClassVar = "jsonl"
    title: ClassVar = "JSON Lines"
    suffixes: ClassVar = (".jsonl", ".ndjson", ".jsonlines")

    def rows(
        self, stream: io.BufferedReader, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        for number, line in numbered_lines(stream):
            if line.isspace():
                continue
            if skip:
                skip -= 1
                continue
            if len(line) > ROW_LIMIT:
                yield Rejected(number, TOO_LARGE, excerpt(line))
                continue
            values = parse_line(line, number, warnings)
            yield values if isinstance(values, Rejected) else Row(number, values)


def numbered_lines(stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Lines from 1 on, ended by LF, CRLF or CR; of one over the limit only the start, too long."""
    number, start = 0, b""
    for piece in _pieces(stream):
        if not start and piece.endswith(b"\n") and piece.find(b"\r", 0, -2) < 0:
            number += 1
            yield number, piece
            continue
        for part in piece.splitlines(keepends=True):
            if len(start) <= ROW_LIMIT:
                start += part
            if part.endswith((b"\n", b"\r")):
                number += 1
                yield number, start
                start = b""
    if start:
        yield number + 1, start


def _pieces(stream: io.BufferedReader) -> Iterator[bytes]:
    """Bytes up to the next LF, or as many as a row may have; a CRLF stays in one piece."""
    while piece := stream.readline(ROW_LIMIT + 1):
        if piece.endswith(b"\r") and stream.peek(1).startswith(b"\n"):
            piece += stream.read(1)
        yield piece
