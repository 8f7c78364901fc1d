"""Opens a file with the reader that its content asks for; its name only breaks ties."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO, Self

import orjson

from app.curation.readers.base import Reader, Row, Warnings
from app.curation.readers.delimited import Delimited, sniff_separator
from app.curation.readers.json_array import PARTS_OF_A_ROW, JsonArray
from app.curation.readers.jsonl import JsonLines
from app.curation.readers.parquet import MAGIC, Parquet
from app.curation.readers.streams import BrokenStreamError, Limits, Stream
from app.curation.readers.text import PlainText
from app.curation.records import Rejected

_HEAD = 2**16
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel file; unpack it, or save the sheet as CSV",
    b"%PDF": "a PDF; take the text out of it first",
    b"BZh": "packed with bzip2; pack it as .gz or .zst",
    b"\xfd7zXZ": "packed with xz; pack it as .gz or .zst",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save the sheet as CSV",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"ARROW1": "an Arrow file; save it as Parquet",
    b"SQLite format 3": "a SQLite database; save its tables as CSV",
    b"\x93NUMPY": "a NumPy array; save its rows as JSONL or Parquet",
    b"\x80\x04\x95": "a Python pickle, which is never opened; save its rows as JSONL or Parquet",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself; run `git lfs pull`",
}
_TAR = slice(257, 262)
_PAGE = re.compile(rb"\s*(?:<!doctype html|<html)", re.IGNORECASE)
_CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f\x1b"})
_LIST_OF_OBJECTS = re.compile(rb'"(\w+)"\s*:\s*\[\s*\{')
_OPENS_A_BLOCK = (b"{", b"[", b",", b":")


_DATA = {*JsonLines.suffixes, *JsonArray.suffixes, *Delimited.suffixes, *Parquet.suffixes}


class UnreadableFileError(ValueError):
    """No reader can read this file; the message is a sentence for people."""


class Rows(Iterator[Row | Rejected]):
    """The rows of an open file, the reader they come from, and what was put right so far."""

    def __init__(
        self, path: Path, reader: Reader, skip: int, limits: Limits, warnings: Warnings
    ) -> None:
        self.reader = reader
        self._warnings = warnings
        self._file = path.open("rb")
        self._size = os.fstat(self._file.fileno()).st_size
        self._items = reader.read(self._file, skip=skip, warnings=self._warnings, limits=limits)

    def __next__(self) -> Row | Rejected:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def warnings(self) -> list[str]:
        """One sentence for each kind of repair made up to here."""
        return self._warnings.sentences()

    @property
    def progress(self) -> float:
        """The part of the file that was read, 0 to 1."""
        return min(1.0, self._file.tell() / self._size) if self._size else 1.0

    def close(self) -> None:
        """Let go of the file; no more rows come."""
        self._file.close()


def open_rows(
    path: Path,
    name: str | None = None,
    *,
    reader: Reader | None = None,
    skip: int = 0,
    limits: Limits | None = None,
    warnings: Warnings | None = None,
) -> Rows:
    """Open a file. `name` is what it was called when it was uploaded; a reader given is used.
    What is put right goes to `warnings`.

    Raise UnreadableFileError where its content is no text and no table.
    """
    bounds, called = limits or Limits(), name or path.name
    try:
        chosen = reader or sniff(path, called, bounds)
        return Rows(path, chosen, skip, bounds, Warnings() if warnings is None else warnings)
    except OSError as error:
        raise UnreadableFileError(_cannot_open(called, error)) from error


def _cannot_open(name: str, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return f"{name} is not there any more; put it back, then retry."
        case PermissionError():
            return f"{name} may not be read by the user Winnow runs as; permit it, then retry."
        case IsADirectoryError():
            return f"{name} is a folder; import it by its path to read all its files."
        case _:
            return f"{name} cannot be opened: {error.strerror or error}."


def sniff(path: Path, name: str, limits: Limits | None = None) -> Reader:
    """The reader for this content."""
    with path.open("rb") as file:
        head = _head(file, limits or Limits())
    if head.startswith(MAGIC):
        return Parquet()
    _refuse_foreign(head, name)
    return _by_text(head.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), _suffix(name))


def _refuse_foreign(head: bytes, name: str) -> None:
    """Say what a file is that is neither text nor a table."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise UnreadableFileError(f"{name} is {what}.")
    if head[_TAR] == b"ustar":
        raise UnreadableFileError(f"{name} is a tar archive; unpack it.")
    if _PAGE.match(head) and _suffix(name) in _DATA:
        raise UnreadableFileError(f"{name} is a web page; look whether its download failed.")
    if (len(head) - len(head.translate(None, _CONTROLS))) * 20 > len(head):
        raise UnreadableFileError(f"{name} holds binary data, not text or a table.")


def _head(file: BinaryIO, limits: Limits) -> bytes:
    """The first unpacked bytes, as many as there are before a defect."""
    stream, head = Stream(file, limits), b""
    try:
        while len(head) < _HEAD and (chunk := stream.read(_HEAD)):
            head += chunk
    except BrokenStreamError:
        pass
    return head


def _suffix(name: str) -> str:
    path = PurePath(name.lower())
    return (path.with_suffix("") if path.suffix in {".gz", ".zst"} else path).suffix


def _by_text(head: bytes, suffix: str) -> Reader:
    if suffix in PlainText.suffixes:
        return PlainText()
    if suffix in Delimited.suffixes:
        return Delimited()
    start = head.lstrip()
    if start.startswith(b"["):
        return JsonArray()
    if start.startswith(b"{"):
        return JsonLines() if _is_lines(start) else JsonArray()
    if suffix in JsonLines.suffixes or not start:
        return JsonLines()
    if suffix in JsonArray.suffixes:
        return JsonArray()
    return Delimited() if _is_table(head) else PlainText()


def _is_lines(start: bytes) -> bool:
    """Whether text that begins with `{` is one object per line rather than one large object."""
    line, newline, rest = start.partition(b"\n")
    if line.rstrip().endswith(_OPENS_A_BLOCK) and newline:
        return _is_object(line.rstrip().removesuffix(b","))
    if rest.strip():
        return True
    lists = {found[1].decode() for found in _LIST_OF_OBJECTS.finditer(line)}
    return not lists or bool(lists & PARTS_OF_A_ROW) or not _is_object(line)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return len(line) >= _HEAD


def _is_table(head: bytes) -> bool:
    lines = head.decode(errors="replace").split("\n")[:20]
    separator = sniff_separator(lines)
    widths = {line.count(separator) for line in lines if line.strip()}
    return len(lines) > 1 and len(widths) == 1 and widths != {0}
