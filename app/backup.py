"""`winnow backup`: the database and the files it speaks of in one file, while everything runs.

First the database is dumped, as one snapshot; then the files that this snapshot names are added.
That order is right because files only come before their row and never change after it: the files
of a release are complete before it is ready, an upload before its import is there. What is added
meanwhile is in neither. A file that somebody deletes meanwhile is left out and named, and so is a
file of the import folder that can't be read, as people write there as they like.

The file is a tar: the dump, the files, and last a manifest with the SHA-256 of each. It gets its
name when it is whole. It holds what the database holds, password hashes included, so its owner
alone may read it; the key of the command line (winnow.json) is not in it.
"""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.embedded import postgres_programs
from app.errors import ConflictError, NotFoundError, UnavailableError
from app.settings import settings

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
COUNTED = ("users", "datasets", "samples", "decisions", "releases", "jobs", "audit_events")

_OURS = ("releases/", "uploads/")  # nobody else writes there: what can't be read there is damage
_RELEASES = "SELECT id::text, name FROM releases WHERE status = 'ready' ORDER BY created_at"
# A job may read its upload again until it is done with all rows.
_UPLOADS = """
SELECT i.id::text FROM imports i LEFT JOIN jobs j ON j.id = i.job_id
WHERE j.status IS DISTINCT FROM 'succeeded' OR i.rejected > 0 ORDER BY i.created_at
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database was when the dump was made."""

    revision: str
    counts: Mapping[str, int]
    releases: Sequence[tuple[str, str]]
    uploads: Sequence[str]


class _UnreadableError(OSError):
    """A file can't be read, or not as far as it was long; writing is another matter."""


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        try:
            piece = self._file.read(size)
        except OSError as error:
            raise _UnreadableError(f"{self._file.name} can't be read: {error}") from error
        if len(piece) < size:
            raise _UnreadableError(f"{self._file.name} became shorter while it was read")
        self.sha256.update(piece)
        return piece


def make(url: str, home: Path, target: Path) -> dict[str, Any]:
    """Back up this database and home into a file, or into a new file in a folder."""
    if target.is_dir():
        target /= f"winnow-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    if target.exists():
        raise ConflictError(f"There is a {target} already; backups are never written over.")
    if not target.parent.is_dir():
        raise NotFoundError(f"There is no folder {target.parent}.")
    part = target.with_name(f".{target.name}.part")
    dump = target.with_name(f".{target.name}.dump")
    try:
        snapshot = _dump(url, dump)
        files, missing = _files(home, snapshot)
        with _private(part) as out, tarfile.open(fileobj=out, mode="w") as tar:
            written = {DUMP: _add(tar, DUMP, dump)}
            for name, path in files:
                if (added := _add_or_undo(tar, out, name, path)) is None:
                    missing.append(name)
                else:
                    written[name] = added
            manifest = _manifest(home, snapshot, written)
            _add_bytes(tar, MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    except OSError as error:
        raise UnavailableError(f"The backup can't be written: {error}.") from error
    finally:
        dump.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    return {
        "backup": str(target),
        "bytes": target.stat().st_size,
        "files": len(written),
        "missing": missing,
        **manifest["counts"],
    }


def _manifest(
    home: Path, snapshot: Snapshot, files: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(),
        "home": str(home),
        "revision": snapshot.revision,
        "counts": snapshot.counts,
        "files": files,
    }


# --- the database -------------------------------------------------------------------------------


def _dump(url: str, target: Path) -> Snapshot:
    """Dump the database, and read what belongs to the dump in the same snapshot."""
    with psycopg.connect(url) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if not _one(session, "SELECT to_regclass('alembic_version') IS NOT NULL"):
            raise NotFoundError("There is no workbench in this database: it was never migrated.")
        name = _one(session, "SELECT pg_export_snapshot()")
        with _private(target):
            pass
        options = ["--format=custom", f"--snapshot={name}", f"--file={target}"]
        run_tool("pg_dump", url, options)
        return Snapshot(
            revision=_one(session, "SELECT version_num FROM alembic_version"),
            counts=counts(session),
            releases=[(row[0], row[1]) for row in session.execute(_RELEASES)],
            uploads=[row[0] for row in session.execute(_UPLOADS)],
        )


def _one(session: psycopg.Connection[Any], query: str) -> Any:
    row = session.execute(query.encode()).fetchone()
    return row[0] if row else None


def counts(session: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows of the tables that people would miss."""
    return {name: _one(session, f"SELECT count(*) FROM {name}") for name in COUNTED}  # noqa: S608 - our names


def _program(tool: str, version: int) -> str:
    """The tool of the server's own version, which is the one that always fits."""
    ours = postgres_programs()
    if version not in ours and (installed := shutil.which(tool)):
        return installed
    return str(ours.get(version, ours[max(ours)]) / tool)


def run_tool(tool: str, url: str, options: Sequence[str]) -> None:
    """Run pg_dump or pg_restore on this database."""
    with psycopg.connect(url) as session:
        program = _program(tool, session.info.server_version // 10_000)
    where = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    # The password goes by the environment: command lines can be read by everybody.
    env = {**os.environ, "PGPASSWORD": where.pop("password", "")}
    words = [program, f"--dbname={make_conninfo(**where)}", *options]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise UnavailableError(f"{tool} refused: {said[0]}")


# --- the files ----------------------------------------------------------------------------------


def _files(home: Path, snapshot: Snapshot) -> tuple[list[tuple[str, Path]], list[str]]:
    """The files to add by their name in the backup, and releases whose files are gone."""
    found: list[tuple[str, Path]] = []
    missing = []
    for release, name in snapshot.releases:
        own = list(_below(home, home / "releases" / release))
        if not own:
            missing.append(f"releases/{release} ({name})")
        found += own
    for upload in snapshot.uploads:
        found += _below(home, home / "uploads" / upload)
    learned = _below(home, home / "models" / "learned")
    found += [(name, path) for name, path in learned if path.suffix == ".npz"]
    imports = settings().import_folder.expanduser().resolve()
    if home in imports.parents:
        found += _below(home, imports)
    return found, missing


def _below(home: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if _is_file(path):
            yield path.relative_to(home).as_posix(), path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # it may not be looked at: it counts, so that it is named as missing
        return True


def _private(path: Path) -> BinaryIO:
    """A new file that its owner alone may read; a half-written one of before goes."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _add_or_undo(
    tar: tarfile.TarFile, out: BinaryIO, name: str, path: Path
) -> dict[str, Any] | None:
    """Add a file; None, and nothing in the tar, when it is gone, or people's and unreadable."""
    before = tar.offset
    try:
        return _add(tar, name, path)
    except FileNotFoundError:
        pass
    except _UnreadableError:
        if name.startswith(_OURS):
            raise
    out.seek(before)
    out.truncate()
    tar.offset = before
    return None


def _add(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    with _readable(path) as file:
        entry = tarfile.TarInfo(name)
        before = os.fstat(file.fileno())
        entry.size, entry.mtime = before.st_size, int(before.st_mtime)
        hashed = _Hashed(file)
        tar.addfile(entry, hashed)
        after = os.fstat(file.fileno())  # another time than before: it was written meanwhile
    return {
        "bytes": entry.size,
        "sha256": hashed.sha256.hexdigest(),
        "written": after.st_mtime_ns,
        "inode": after.st_ino,
    }


def _readable(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _UnreadableError(f"{path} can't be read: {error}") from error


def _add_bytes(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(body)
    tar.addfile(entry, io.BytesIO(body))
