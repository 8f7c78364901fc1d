"""Plain text: a file, a paragraph or a line is one row with the column `text`."""

import io
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from app.curation.readers.base import ROW_LIMIT, TOO_LARGE, Reader, Row, Warnings
from app.curation.readers.jsonl import numbered_lines
from app.curation.readers.values import decode, excerpt, storable
from app.curation.records import Rejected


class PlainText(Reader):
    """Text without structure, such as .txt and .md: each unit becomes the column `text`."""

    key: ClassVar = "text"
    title: ClassVar = "Plain text"
    suffixes: ClassVar = (".txt", ".text", ".md", ".rst")

    unit: Literal["file", "paragraph", "line"] = Field(
        "file", description="What one row is; blank lines part paragraphs."
    )

    def rows(
        self, stream: io.BufferedReader, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        for number, raw in self._units(stream):
            if skip:
                skip -= 1
                continue
            if len(raw) > ROW_LIMIT:
                yield Rejected(number, TOO_LARGE, excerpt(raw))
                continue
            text = decode(raw, number, warnings).replace("\r\n", "\n").strip("\n")
            yield Row(number, {"text": storable(text, number, warnings)})

    def _units(self, stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
        """The raw units that hold more than blanks, each with its first line."""
        start, held = 1, bytearray()
        for number, line in numbered_lines(stream):
            ends = self.unit == "line" or (self.unit == "paragraph" and line.isspace())
            if len(held) <= ROW_LIMIT:
                held += line
            if ends:
                if not held.isspace():
                    yield start, bytes(held)
                start, held = number + 1, bytearray()
        if held and not held.isspace():
            yield start, bytes(held)
