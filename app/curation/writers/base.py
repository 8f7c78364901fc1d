"""What a writer is: streams records to files in a folder; equal records give equal bytes."""

import hashlib
import io
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from pydantic import Field

from app.curation.methods import Method
from app.curation.records import Record
from app.curation.writers.layouts import (
    UNPAIRED,
    Columns,
    Layout,
    Unwritable,
    encode_all,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

NOT_UNICODE = "A text holds half of a surrogate pair, which no file can hold."


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A finished file: its name in the folder, and what it must still be when it is read."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one run, and how many records were left out, by reason."""

    files: tuple[WrittenFile, ...]
    left_out: dict[str, int]


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, chunk: "ReadableBuffer", /) -> int: ...


class Digest(io.RawIOBase):
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, chunk: "ReadableBuffer") -> int:
        view = memoryview(chunk)
        self._sha256.update(view)
        self.size += view.nbytes
        return self._file.write(view)

    @property
    def sha256(self) -> str:
        """Of all that was written so far, in hexadecimal."""
        return self._sha256.hexdigest()


class Writer(Method):
    """Writes records to files. Same records, same parameters: the same bytes."""

    layout: Layout = Field(Layout.NATIVE, description="The columns that the trainer reads.")
    about: bool = Field(
        True, description="Whether id, domain, language, origin, tags, scores, metadata go along."
    )
    rows_per_file: int = Field(0, ge=0, description="Where to begin a new file; 0: never.")

    @property
    @abstractmethod
    def suffix(self) -> str:
        """The end of the file names."""

    def write(self, records: Iterable[Record], folder: Path, name: str = "data") -> Written:
        """Write all records that the layout can hold; count the others by reason."""
        left_out: Counter[str] = Counter()
        files = []
        for place, rows in enumerate(self._parts(self._encoded(records, left_out)), 1):
            stem = f"{name}-{place:05d}" if self.rows_per_file else name
            path = folder / (stem + self.suffix)
            with path.open("wb") as file:
                digest = Digest(file)
                count = self.write_rows(rows, digest, left_out)
            files.append(WrittenFile(path.name, count, digest.size, digest.sha256))
        return Written(tuple(files), dict(sorted(left_out.items())))

    @property
    def in_parts(self) -> bool:
        """Whether files of parts of the records, one after the other, are the file of all."""
        return False

    def append(self, records: Iterable[Record], file: Sink, left_out: Counter[str]) -> int:
        """Write records behind those of the file, for writers `in_parts`; how many it took."""
        return self.write_rows(self._encoded(records, left_out), file, left_out)

    @abstractmethod
    def write_rows(self, rows: Iterator[Columns], file: Sink, left_out: Counter[str]) -> int:
        """Write one file and say how many rows it got; count in `left_out` those it did not."""

    def rows(self, record: Record) -> list[Columns] | Unwritable:
        """One record as its rows in the file, or why it has no place in this layout."""
        rows = encode_all(self.layout, record)
        if isinstance(rows, Unwritable) or not self.about:
            return rows
        about = _about(record)
        if self.layout in UNPAIRED and "id" in about:  # a row each: their ids must differ
            ids = [f"{about['id']}-{side}" for side in ("chosen", "rejected")]
            return [row | about | {"id": one} for row, one in zip(rows, ids, strict=True)]
        return [row | about for row in rows]

    def _encoded(self, records: Iterable[Record], left_out: Counter[str]) -> Iterator[Columns]:
        for record in records:
            rows = self.rows(record)
            if isinstance(rows, Unwritable):
                left_out[rows.reason] += 1
            else:
                yield from rows

    def _parts(self, rows: Iterator[Columns]) -> Iterator[Iterator[Columns]]:
        if not self.rows_per_file:
            yield rows
            return
        for first in rows:
            yield chain([first], islice(rows, self.rows_per_file - 1))


def _about(record: Record) -> Columns:
    """What is known of the record beside its body, empty parts left out, keys sorted."""
    about: Columns = {
        "id": record.external_id,
        "domain": record.domain,
        "language": record.language,
        "origin": record.origin,
        "tags": list(record.tags),
        "scores": record.scores and _by_name(record.scores),
        "metadata": record.metadata and _sorted(record.metadata),
    }
    return {name: value for name, value in about.items() if value}


def _by_name(scores: Mapping[str, float]) -> Mapping[str, float]:
    """The scores in the order of their names; they mostly come in it."""
    names = list(scores)
    in_order = isinstance(scores, dict) and names == sorted(names)
    return scores if in_order else dict(sorted(scores.items()))


def _sorted(value: Any) -> Any:
    match value:
        case str() | float() | None:
            return value
        case Mapping():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_sorted(item) for item in value]
        case _:
            return value
