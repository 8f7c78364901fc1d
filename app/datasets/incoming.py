"""Files of imports: uploads put aside, and what lies below the server's import folder."""

import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from app.errors import InvalidError, NotFoundError, TooLargeError
from app.settings import settings

_PIECE = 1 << 20
_MOST_FILES = 10_000
# How Python shows bytes of a file name that are not UTF-8.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_SAFE = re.compile(r"[^\w.-]+")


def put_aside(import_id: uuid.UUID, name: str, file: BinaryIO) -> dict[str, Any]:
    """Copy an uploaded file under the home folder, piece by piece; answers its entry."""
    folder = settings().uploads / str(import_id)
    folder.mkdir(parents=True, exist_ok=True)
    safe = _SAFE.sub("_", Path(name).name)[-120:] or "upload"
    path = folder / f"{len(list(folder.iterdir())):04d}-{safe}"
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > settings().max_upload_mb << 20:
                shutil.rmtree(folder, ignore_errors=True)
                raise TooLargeError(
                    f"{name} is larger than {settings().max_upload_mb:,} MiB. Put it under the "
                    "server's import folder and import it by path."
                )
            digest.update(piece)
            out.write(piece)
    shown = Path(name).name.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return {
        "name": shown or "upload",
        "path": str(path),
        "bytes": size,
        "sha256": digest.hexdigest(),
    }


@contextmanager
def only_if_taken(import_id: uuid.UUID) -> Iterator[None]:
    """Files that were put aside for an import go again when it is refused."""
    try:
        yield
    except BaseException:
        shutil.rmtree(settings().uploads / str(import_id), ignore_errors=True)
        raise


def files_under(path: str) -> list[dict[str, Any]]:
    """The files of a path below the server's import folder; a folder stands for all its files."""
    root = settings().import_folder.resolve()
    try:
        wanted = (root / path).resolve()
        there = wanted.exists()
    except (OSError, ValueError) as error:  # too long, or a character that no file name has
        raise InvalidError(f"This can't be the path of a file: `{path}`.") from error
    if not wanted.is_relative_to(root):
        raise InvalidError(f"`{path}` leads out of the import folder {root}.")
    if not there:
        raise NotFoundError(f"There is no `{path}` in the import folder {root}.")
    found = [wanted] if wanted.is_file() else list(_files_in(wanted))
    if not found:
        raise InvalidError(f"The folder `{path}` holds no files.")
    if len(found) > _MOST_FILES:
        raise InvalidError(f"`{path}` holds more than {_MOST_FILES:,} files; import its folders.")
    for one in found:
        if _NOT_UTF8.search(str(one)):
            raise InvalidError(f"The name {str(one.name)!a} cannot be stored; rename the file.")
    return [
        {"name": str(one.relative_to(root)), "path": str(one), "bytes": one.stat().st_size}
        for one in found
    ]


def _files_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def source_name(files: Sequence[Mapping[str, Any]]) -> str:
    """A name for a source that nobody named: that of its first file, without endings."""
    return Path(files[0]["name"]).name.split(".")[0] or "upload"
