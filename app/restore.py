"""`winnow restore`: a backup into an empty home, checked file by file before anything counts.

The home is built beside and gets its name when it is whole, so that a restore that was killed
leaves no workbench that looks like one. A folder that is there already may be a mount, which can't
be renamed: the home is then built inside, and its database is moved up last. A database of
one's own is filled when the files are in their place, and they go again when it refuses.
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
from app.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from app.tree import ROOT

_PIECE = 1 << 20
_INSIDE = ".restoring"
_BEGUN = """
SELECT c.id, i.files -> (c.params ->> 'file')::int ->> 'path', c.state -> 'file'
FROM job_chunks c JOIN imports i ON i.job_id = c.job_id
WHERE jsonb_typeof(c.state -> 'file') = 'object'
"""


def restore(source: Path, home: Path, url: str = "") -> dict[str, Any]:
    """Restore into this home, and into its own database when no other one is given."""
    try:
        _check_free(home)
        with _opened(source) as tar:
            manifest = _manifest(tar, source)
            _check_revision(manifest["revision"])
            if url:
                _check_empty(url)
            _build(tar, manifest, home, url)
    except OSError as error:
        raise UnavailableError(f"The backup can't be restored: {error}.") from error
    return {"home": str(home), "files": len(manifest["files"]), **manifest["counts"]}


def _check_free(home: Path) -> None:
    """Nothing lies there, but for what a killed restore left."""
    if home.exists() and (not home.is_dir() or {one.name for one in home.iterdir()} - {_INSIDE}):
        raise ConflictError(f"{home} is not empty; a backup is restored into an empty folder.")


def _build(tar: tarfile.TarFile, manifest: Mapping[str, Any], home: Path, url: str) -> None:
    aside = home / _INSIDE if home.exists() else home.with_name(f".{home.name}.restoring")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        _unpack(tar, manifest["files"], aside)
        if url:
            with _placed(aside, home):
                _fill(url, home, home, manifest)
            return
        try:
            _fill(start_postgres(aside), aside, home, manifest)
        finally:
            stop_postgres(aside)
        with _placed(aside, home):
            pass
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _placed(aside: Path, home: Path) -> Iterator[None]:
    """The files in their place, and aside again when what follows fails."""
    moves = [(aside, home)]
    if home.exists():
        # By the database a home is known, so it comes last.
        entries = sorted(aside.iterdir(), key=lambda one: one.name == "postgres")
        moves = [(one, home / one.name) for one in entries]
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in moves:
            old.rename(new)
            done.append((old, new))
        yield
    except BaseException:
        for old, new in reversed(done):
            new.rename(old)
        raise


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    if not source.exists():
        raise NotFoundError(f"There is no file {source}.")
    try:
        with tarfile.open(source, "r:") as tar:
            yield tar
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


def _fill(url: str, folder: Path, home: Path, manifest: Mapping[str, Any]) -> None:
    """Load the folder's dump, all or nothing, and say where uploads lie now."""
    # An extension that an admin made has a comment that only its owner may write.
    options = ["--no-owner", "--no-privileges", "--no-comments"]
    options += ["--exit-on-error", "--single-transaction", str(folder / backup.DUMP)]
    backup.run_tool("pg_restore", url, options)
    (folder / backup.DUMP).unlink()
    with psycopg.connect(url) as session:
        _forget_places(session, manifest)
        _move_uploads(session, Path(manifest["home"]), home)
        found = backup.counts(session)
    if found != manifest["counts"]:
        raise InvalidError(f"The database holds {found}, the backup {manifest['counts']}.")


def _forget_places(session: psycopg.Connection[Any], manifest: Mapping[str, Any]) -> None:
    """Imports in the middle of a file go on, though the restored one has another time and place.

    Only where the backup holds the very file that was begun, which its SHA-256 proves whole.
    """
    old, same = Path(manifest["home"]), []
    for chunk, path, begun in session.execute(_BEGUN).fetchall():
        if path is None or not Path(path).is_relative_to(old):
            continue
        held = manifest["files"].get(Path(path).relative_to(old).as_posix())
        # Older backups tell the size alone.
        if held and all(held.get(name, value) == value for name, value in begun.items()):
            same.append(chunk)
    session.execute("UPDATE job_chunks SET state = state - 'file' WHERE id = ANY(%s)", (same,))


def _move_uploads(session: psycopg.Connection[Any], old: Path, new: Path) -> None:
    """Imports name their files by full path, which begins with the home."""
    for import_id, files in session.execute("SELECT id, files FROM imports").fetchall():
        for file in files:
            path = Path(file["path"])
            if path.is_relative_to(old):
                file["path"] = str(new / path.relative_to(old))
        session.execute("UPDATE imports SET files = %s WHERE id = %s", (Jsonb(files), import_id))
