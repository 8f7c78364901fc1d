"""The files of a taxonomy in an archive: read in memory, within bounds, never written to a disk."""

import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from app.curation.generators.leaf import BRANCHES
from app.errors import InvalidError, TooLargeError
from app.taxonomy import sidecar
from app.taxonomy.problems import Problem, Problems

MAX_DOCUMENT = 5 << 20
_MAX_READ = 256 << 20  # bytes of all members, unpacked
_MAX_MEMBERS = 50_000
_MAX_SIDECAR = 64 << 20
_MAX_PART = 100  # characters of a folder's name
_QNA, _ATTRIBUTION = "qna.yaml", "attribution.txt"
_TEXTS = (".md", ".markdown", ".txt", ".rst", ".adoc")
_UNREAD = (".pdf", ".docx", ".doc", ".html", ".odt")
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,  # gzip and bz2
    ValueError,  # bz2, and names that are no text
    RuntimeError,  # methods of packing that are not known here
)


@dataclass(slots=True)
class Folder:
    """The files of a leaf's folder."""

    path: str
    file: str
    qna: bytes
    attribution: bytes = b""
    documents: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Member:
    """A member by its name; `link` where it is one, `read` gives at most so many bytes."""

    name: str
    link: bool
    body: IO[bytes] | None


@dataclass(frozen=True, slots=True)
class Tree:
    """The leaves of an archive, what was left out of it, and each file on who wrote its seeds."""

    folders: list[Folder]
    problems: list[Problem]
    sidecars: dict[str, bytes]


def tree(file: BinaryIO, name: str) -> Tree:
    """What a .zip, .tar or .tar.gz holds."""
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    try:
        for count, member in enumerate(_members(file, name, problems)):
            if count >= _MAX_MEMBERS:
                raise TooLargeError(f"{name} has more than {_MAX_MEMBERS:,} files. Split it.")
            _take(member, files, problems)
    except _DAMAGE as error:
        raise InvalidError(
            f"{name} can't be read to its end ({error}). Pack the folder of the taxonomy as .zip "
            "or .tar.gz."
        ) from error
    sidecars = {one: raw for one, raw in files.items() if PurePosixPath(one).name == sidecar.NAME}
    return Tree(_sorted(files, problems), problems, sidecars)


def _members(file: BinaryIO, name: str, problems: list[Problem]) -> Iterator[_Member]:
    start = file.read(4)
    file.seek(0)
    if start[:2] == b"PK":
        yield from _zipped(file, problems)
    elif start[:2] == b"\x1f\x8b" or name.endswith(".tar"):
        stream = _unpacked(file) if start[:2] == b"\x1f\x8b" else file
        yield from _tarred(_Bounded(stream, name))
    else:
        raise InvalidError(f"{name} is neither a .zip nor a .tar.gz. Pack the taxonomy's folder.")


def _unpacked(file: BinaryIO) -> gzip.GzipFile:
    # An upload's file says that it is written to, and GzipFile would take its mode from it.
    return gzip.GzipFile(fileobj=file, mode="rb")


def _zipped(file: BinaryIO, problems: list[Problem]) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as archive:
        left = _MAX_READ
        for one in archive.infolist():
            if one.is_dir():
                continue
            if one.flag_bits & 1:
                problems.append(Problem(one.filename, None, "It is encrypted. Pack it without."))
                continue
            left -= one.file_size
            if left < 0:
                raise TooLargeError(f"It unpacks to more than {_MAX_READ >> 20} MiB. Split it.")
            try:
                body = archive.open(one)
            except NotImplementedError:
                told = f"It is packed by a method that can't be read ({one.compress_type})."
                problems.append(Problem(_printable(one.filename), None, f"{told} Use deflate."))
                continue
            with body:
                yield _Member(one.filename, stat.S_ISLNK(one.external_attr >> 16), body)


def _tarred(stream: "_Bounded") -> Iterator[_Member]:
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as archive:
        for one in archive:
            if one.isfile():
                yield _Member(one.name, False, archive.extractfile(one))
            elif not one.isdir():
                yield _Member(one.name, True, None)


class _Bounded:
    """A stream that ends with an error where it unpacks to too much."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, name: str) -> None:
        self._stream, self._name, self._left = stream, name, _MAX_READ

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise TooLargeError(
                f"{self._name} unpacks to more than {_MAX_READ >> 20} MiB. Split it."
            )
        return piece


def _take(member: _Member, files: dict[str, bytes], problems: list[Problem]) -> None:
    """Keep what a taxonomy is made of; say why something that looks like it is not."""
    name = member.name.replace("\\", "/")
    parts = PurePosixPath(name).parts
    told = Problems(_printable(name))
    if not parts:
        problems.append(Problem(_printable(name), None, "It has no name and is left out."))
        return
    if name.startswith("/") or ".." in parts or ":" in parts[0]:
        told.add("It points out of the archive and is left out.")
    elif any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return
    elif member.link or member.body is None:
        told.add("It is a link or a device; put the file itself there. Links are never followed.")
    elif parts[-1].lower() in {"qna.yml", "qna.yaml"} and parts[-1] != _QNA:
        told.add("A leaf's file is named qna.yaml, in small letters. Rename it.")
    elif parts[-1] == sidecar.NAME and not set(parts) & set(BRANCHES):
        files[name] = _whole(member.body, _MAX_SIDECAR, name)
    elif parts[-1] == _QNA or parts[-1].lower().endswith(_TEXTS):
        _read(name, parts, member.body, files, told)
    elif parts[-1].lower().endswith(_UNREAD) and set(parts) & set(BRANCHES):
        told.note("Documents are read as text or Markdown alone. Convert it, and attach that.")
    problems += told.found


def _whole(body: IO[bytes], most: int, name: str) -> bytes:
    raw = body.read(most + 1)
    if len(raw) > most:
        raise TooLargeError(f"{_printable(name)} is larger than {most >> 20} MiB. Split the tree.")
    return raw


def _read(
    name: str, parts: tuple[str, ...], body: IO[bytes], files: dict[str, bytes], told: Problems
) -> None:
    under = next((at for at, part in enumerate(parts[:-1]) if part in BRANCHES), None)
    if under is None or len(parts) - under < 3:
        if parts[-1] == _QNA:
            told.add(f"It must stand in a folder below {', '.join(BRANCHES)}.")
        return
    if any("," in part or len(part) > _MAX_PART or part != _printable(part) for part in parts):
        told.add("A folder's name has a comma, or is too long, or can't be printed. Rename it.")
        return
    raw = body.read(MAX_DOCUMENT + 1)
    if len(raw) > MAX_DOCUMENT:
        told.add(f"It is larger than {MAX_DOCUMENT >> 20} MiB. Split it.")
        return
    files[name] = raw


def refuse_name(name: str) -> None:
    """Refuse a document's name under which an export could not bring it back."""
    shown = _printable(name)[:_MAX_PART]
    if name.lower() in {_QNA, _ATTRIBUTION}:
        raise InvalidError(f"{shown} is a file of the leaf itself. Give the document another name.")
    if not name.lower().endswith(_TEXTS):
        raise InvalidError(
            f"{shown} can't be attached: documents are text or Markdown, in a file that ends in "
            f"{', '.join(_TEXTS)}. Convert it, and attach that."
        )
    if name.startswith(".") or "," in name or len(name) > _MAX_PART or name != _printable(name):
        raise InvalidError(
            f"{shown} can't be attached: its name begins with a dot, has a comma, is longer than "
            f"{_MAX_PART} characters or can't be printed. Rename it."
        )


def _sorted(files: dict[str, bytes], problems: list[Problem]) -> list[Folder]:
    """The folders that hold a qna.yaml, each path once, with the texts beside it."""
    found: dict[str, Folder] = {}
    for name in sorted(files):
        folder, _, last = name.rpartition("/")
        if last != _QNA:
            continue
        path = _path(folder)
        if path in found:
            first = found[path].file
            told = f"The leaf {path} is there twice; {first} counts. Import the other tree alone."
            problems.append(Problem(name, None, told))
            continue
        beside = {
            other.rpartition("/")[2]: raw
            for other, raw in files.items()
            if other.rpartition("/")[0] == folder and other != name
        }
        attribution = beside.pop(_ATTRIBUTION, b"")
        found[path] = Folder(path, name, files[name], attribution, beside)
    return list(found.values())


def _path(folder: str) -> str:
    parts = folder.split("/")
    under = next(at for at, part in enumerate(parts) if part in BRANCHES)
    return "/".join(parts[under:])


def _printable(name: str) -> str:
    shown = "".join(one if one.isprintable() else "\ufffd" for one in name)
    return shown.encode("utf-8", "replace").decode()[:400]
