"""What a reader is: turns the bytes of a file into rows, and says which rows it cannot read."""

import io
import json
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, ClassVar

from app.curation.methods import Method
from app.curation.readers.streams import BrokenStreamError, Limits, Stream
from app.curation.records import Rejected

ROW_LIMIT = 16 * 2**20
EXCERPT = 2000

EMPTY = "The file is empty; nothing was read."
NO_ROWS = "There are no rows in the file; nothing was read."
TOO_LARGE = "This row is larger than 16 MiB; split it or leave it out."


@dataclass(slots=True)
class Row:
    """One row as the file has it; `line` is its 1-based line, or its place in a JSON array.

    `at` is the line and the column where it starts, when `line` does not tell.
    """

    line: int
    values: dict[str, Any]
    at: tuple[int, int] | None = None

    def excerpt(self) -> str:
        """The start of the row as JSON, to show beside a reason."""
        return json.dumps(self.values, ensure_ascii=False, default=str)[:EXCERPT]


@dataclass(slots=True)
class Warnings:
    """What was put right while reading: how often, and where it happened first."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, sentence: str, line: int) -> None:
        """Note it once more."""
        self.first.setdefault(sentence, line)
        self.counts[sentence] = self.counts.get(sentence, 0) + 1

    def copy(self) -> "Warnings":
        """What is noted by now."""
        return Warnings(dict(self.counts), dict(self.first))

    def take(self, other: "Warnings") -> None:
        """Hold what the other holds instead."""
        self.counts, self.first = dict(other.counts), dict(other.first)

    def sentences(self) -> list[str]:
        """One sentence for each kind of repair."""
        return [
            f"{sentence} ({count:,} {'row' if count == 1 else 'rows'}, first at line "
            f"{self.first[sentence]:,})."
            for sentence, count in self.counts.items()
        ]


class Reader(Method):
    """Reads one format, plain or packed as .gz or .zst, in constant memory."""

    suffixes: ClassVar[tuple[str, ...]]

    def read(
        self,
        file: BinaryIO,
        *,
        skip: int = 0,
        warnings: Warnings | None = None,
        limits: Limits | None = None,
    ) -> Iterator[Row | Rejected]:
        """All rows after the first `skip`, good and rejected ones counted alike."""
        stream = Stream(file, limits or Limits())
        noted = Warnings() if warnings is None else warnings
        before, resumed, last, end = noted.copy(), not skip, 0, ""
        try:
            # The last row to skip is read as well: it tells the line where reading resumes.
            for item in self.rows(io.BufferedReader(stream, 2**18), noted, max(skip - 1, 0)):
                last = item.line
                if resumed:
                    yield item
                else:
                    resumed = True
                    noted.take(before)
        except BrokenStreamError as broken:
            end = str(broken)
        except OSError as error:
            end = cannot_go_on(error)
        if not end and not last:
            end = NO_ROWS if stream.size else EMPTY
        if resumed and (end or stream.trailing):
            yield Rejected(last + 1, end or stream.trailing)

    @abstractmethod
    def rows(
        self, stream: io.BufferedReader, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        """Read unpacked UTF-8 without a byte order mark."""


def cannot_go_on(error: OSError) -> str:
    """The sentence for a disk that fails in the middle of a file."""
    return (
        f"The file cannot be read on from here: {error.strerror or error}. What stands before was "
        "read; look at the disk, then retry the job."
    )


def after(items: Iterator[Row | Rejected], skip: int) -> Iterator[Row | Rejected]:
    """The items behind the first `skip`, for formats that can only count while they read."""
    return islice(items, skip, None)
