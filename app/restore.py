"""`winnow restore`: a backup into an empty home, checked file by file before anything counts.

The home is built beside and gets its name when it is whole, so that a restore that was killed
leaves no workbench that looks like one.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import orjson
import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.types.json import Jsonb

from app import backup
from app.embedded import start_postgres, stop_postgres
from app.errors import ConflictError, InvalidError, NotFoundError
from app.tree import ROOT

_PIECE = 1 << 20


def restore(source: Path, home: Path, url: str = "") -> dict[str, Any]:
    """Restore into this home, and into its own database when no other one is given."""
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ConflictError(f"{home} is not empty; a backup is restored into an empty folder.")
    with _opened(source) as tar:
        manifest = _manifest(tar, source)
        _check_revision(manifest["revision"])
        if url:
            _check_empty(url)
        aside = home.with_name(f".{home.name}.restoring")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            _unpack(tar, manifest["files"], aside)
            if url:
                _fill(url, aside, home, manifest)
            else:
                try:
                    _fill(start_postgres(aside), aside, home, manifest)
                finally:
                    stop_postgres(aside)
            (aside / backup.DUMP).unlink()
            aside.replace(home)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return {"home": str(home), "files": len(manifest["files"]), **manifest["counts"]}


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as tar:
            yield tar
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {error.filename or source}.") from error
    except tarfile.TarError as error:
        raise InvalidError(f"{source} is no backup of Winnow, or not a whole one.") from error


def _manifest(tar: tarfile.TarFile, source: Path) -> dict[str, Any]:
    """The manifest, which was written last."""
    try:
        manifest: dict[str, Any] = orjson.loads(_file(tar, backup.MANIFEST).read())
        newer = manifest["format"] > backup.FORMAT
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidError(f"{source} is no backup of Winnow, or not a whole one.") from error
    if newer:
        raise InvalidError(f"{source} was made by a newer Winnow. Install that version first.")
    return manifest


def _file(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _check_revision(revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    if revision not in known:
        raise InvalidError(
            f"The backup's database is at migration {revision}, which this Winnow does not know: "
            "it was made by a newer one. Install that version first."
        )


def _check_empty(url: str) -> None:
    with psycopg.connect(url) as session:
        row = session.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row is not None:
        raise ConflictError("The database holds tables; a backup is restored into an empty one.")


# --- files --------------------------------------------------------------------------------------


def _unpack(tar: tarfile.TarFile, files: Mapping[str, Mapping[str, Any]], home: Path) -> None:
    """Write every file of the manifest, refusing what is not as it was backed up."""
    for name, entry in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InvalidError(f"The backup names a file outside of the home: {name}.")
        target = home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if _copy(tar, name, target) != entry["sha256"]:
            raise InvalidError(f"{name} in the backup is damaged: its SHA-256 is another.")


def _copy(tar: tarfile.TarFile, name: str, target: Path) -> str:
    try:
        file = _file(tar, name)
    except KeyError as error:
        raise InvalidError(f"{name} is missing in the backup.") from error
    digest = hashlib.sha256()
    with target.open("wb") as out:
        while piece := file.read(_PIECE):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


# --- the database -------------------------------------------------------------------------------


def _fill(url: str, aside: Path, home: Path, manifest: Mapping[str, Any]) -> None:
    """Load the dump, all or nothing, and say where uploads lie now."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    backup.run_tool("pg_restore", url, [*options, str(aside / backup.DUMP)])
    with psycopg.connect(url) as session:
        _move_uploads(session, Path(manifest["home"]), home)
        found = backup.counts(session)
    if found != manifest["counts"]:
        raise InvalidError(f"The database holds {found}, the backup {manifest['counts']}.")


def _move_uploads(session: psycopg.Connection[Any], old: Path, new: Path) -> None:
    """Imports name their files by full path, which begins with the home."""
    for import_id, files in session.execute("SELECT id, files FROM imports").fetchall():
        for file in files:
            path = Path(file["path"])
            if path.is_relative_to(old):
                file["path"] = str(new / path.relative_to(old))
        session.execute("UPDATE imports SET files = %s WHERE id = %s", (Jsonb(files), import_id))
