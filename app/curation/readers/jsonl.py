"""JSON Lines: one object per line."""

import io
from collections.abc import Iterator
from typing import ClassVar

from app.curation.readers.base import ROW_LIMIT, TOO_LARGE, Reader, Row, Warnings
from app.curation.readers.values import excerpt, parse_line
from app.curation.records import Rejected


class JsonLines(Reader):
    """One JSON object per line (JSONL, NDJSON). Blank lines are passed over."""

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
    """Lines from 1 on; of one that is longer than the limit only the start, one byte too long."""
    number = 0
    while line := stream.readline(ROW_LIMIT + 1):
        number += 1
        rest = line
        while len(rest) > ROW_LIMIT and not rest.endswith(b"\n"):
            rest = stream.readline(ROW_LIMIT + 1)
        yield number, line
