"""Imports: files put aside, looked at, mapped, and read by a job."""

import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.readers.base import Row
from app.curation.readers.layouts import MappingError, Proposal, override, propose
from app.curation.readers.mapping import ColumnMapping
from app.curation.readers.sniff import UnreadableFileError, open_rows
from app.curation.records import Kind, Rejected
from app.datasets import policies
from app.datasets.models import Dataset, Import
from app.errors import InvalidError, NotFoundError, TooLargeError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.settings import settings
from app.sources.models import Source

_SHOWN_ROWS = 20
_LOOKED_AT = 100
_PIECE = 1 << 20
_MOST_FILES = 10_000
# How Python shows bytes of a file name that are not UTF-8.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_SAFE = re.compile(r"[^\w.-]+")
# Names of columns that hold somebody's rating: these become signals unless the lead says no.
_LIKELY_SCORE = re.compile(r"(?:^|_)(?:scores?|ratings?|judge|quality|reward)(?:_|$)")


class UnreadableImportError(InvalidError):
    """A file of an import is neither text nor a table, or cannot be opened."""


@dataclass(frozen=True, slots=True)
class Options:
    """How columns are read: a whole mapping, or changes to what is recognised in each file.

    `scores` is "likely" (columns named like ratings), "all" numeric ones, "none", or names.
    """

    mapping: ColumnMapping | None = None
    overrides: Mapping[str, str] | None = None
    scores: str | Sequence[str] = "likely"

    def as_json(self) -> dict[str, Any]:
        """For the database."""
        return {
            "mapping": self.mapping.model_dump(mode="json") if self.mapping else None,
            "overrides": dict(self.overrides or {}),
            "scores": self.scores if isinstance(self.scores, str) else list(self.scores),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Options":
        """From the database."""
        stored = stored or {}
        mapping = stored.get("mapping")
        return cls(
            mapping=ColumnMapping.model_validate(mapping) if mapping else None,
            overrides=stored.get("overrides") or {},
            scores=stored.get("scores", "likely"),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What a file holds: the proposal, its first rows and first rejects, repairs made."""

    reader: str
    proposal: Proposal
    mapping: ColumnMapping | None
    rows: list[Row]
    rejected: list[Rejected]
    warnings: list[str]


# --- files ------------------------------------------------------------------------------------


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


# --- looking ----------------------------------------------------------------------------------


def look(file: Mapping[str, Any], options: Options) -> Look:
    """Read the first rows and say how they would be taken."""
    try:
        with open_rows(Path(file["path"]), file["name"]) as rows:
            items = list(islice(rows, _LOOKED_AT))
            good = [item for item in items if isinstance(item, Row)]
            proposal = propose(good)
            return Look(
                reader=rows.reader.title,
                proposal=proposal,
                mapping=mapping_for(proposal, options),
                rows=good[:_SHOWN_ROWS],
                rejected=[item for item in items if isinstance(item, Rejected)][:_SHOWN_ROWS],
                warnings=rows.warnings,
            )
    except UnreadableFileError as error:
        raise UnreadableImportError(str(error)) from error


def mapping_for(proposal: Proposal, options: Options) -> ColumnMapping | None:
    """The mapping of a file: as given, else as recognised with the lead's changes."""
    if options.mapping is not None:
        return options.mapping
    mapping = proposal.mapping
    if options.overrides:
        names = [column.name for column in proposal.columns]
        try:
            mapping = override(mapping, options.overrides, names)
        except MappingError as error:
            raise InvalidError(str(error)) from error
    if mapping is None:
        return None
    return mapping.model_copy(update={"scores": chosen_scores(proposal, options.scores)})


def chosen_scores(proposal: Proposal, wanted: str | Sequence[str]) -> dict[str, str]:
    """The numeric columns that become signals, by the name they get."""
    if wanted == "none":
        return {}
    if wanted == "all":
        return dict(proposal.scores)
    if wanted == "likely":
        return {
            name: path
            for name, path in proposal.scores.items()
            if _LIKELY_SCORE.search(name) or path.startswith("scores.")
        }
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    unknown = set(names) - set(proposal.scores)
    if unknown:
        known = ", ".join(proposal.scores) or "none"
        raise InvalidError(f"There is no numeric column `{min(unknown)}`; there are: {known}.")
    return {name: proposal.scores[name] for name in names}


def by_hand(batch: Import, kind: Kind, fields: Mapping[str, str], scores: Sequence[str]) -> Options:
    """The mapping that a lead chose on the page; refuses one that its kind does not allow.

    Several files may have several layouts: where nothing was changed, each is recognised anew.
    """
    look_ = look(batch.files[0], Options())
    if look_.mapping and look_.mapping.kind is kind and dict(look_.mapping.fields) == dict(fields):
        return Options(scores=tuple(scores) or "none")
    names = [column.name for column in look_.proposal.columns]
    try:
        mapping = override(None, fields, names, kind)
    except MappingError as error:
        raise InvalidError(str(error)) from error
    chosen = chosen_scores(look_.proposal, tuple(scores))
    return Options(mapping=mapping.model_copy(update={"scores": chosen}))


# --- importing --------------------------------------------------------------------------------


def create(
    session: Session,
    dataset: Dataset,
    source: Source,
    files: Sequence[Mapping[str, Any]],
    *,
    by: Principal,
    import_id: uuid.UUID | None = None,
) -> Import:
    """An import that waits for its mapping."""
    policies.may_import(by)
    if not files:
        raise InvalidError("There is no file to import.")
    batch = Import(
        id=import_id or uuid.uuid4(),
        dataset_id=dataset.id,
        source_id=source.id,
        created_by=by.id,
        files=[dict(file) for file in files],
    )
    session.add(batch)
    session.flush()
    return batch


def get(session: Session, import_id: uuid.UUID) -> Import:
    """The import with this id."""
    batch = session.get(Import, import_id)
    if batch is None:
        raise NotFoundError(f"There is no import {import_id}.")
    return batch


def start(
    session: Session, dataset: Dataset, batch: Import, options: Options, *, by: Principal
) -> Job:
    """Read the files in a job. Refuses at once what the first file makes impossible."""
    policies.may_import(by)
    _refuse_impossible(batch.files, options)
    batch.mapping = options.as_json()
    names = batch.files[0]["name"] if len(batch.files) == 1 else f"{len(batch.files)} files"
    job = jobs.start(
        session,
        JobKind.IMPORT,
        f"Import {names}",
        by=by,
        dataset_id=dataset.id,
        params={"import": str(batch.id)},
    )
    batch.job_id = job.id
    audit.record(
        session,
        by,
        "import.start",
        ("import", batch.id),
        dataset_id=dataset.id,
        after={"files": [file["name"] for file in batch.files][:100], "mapping": batch.mapping},
    )
    return job


def _refuse_impossible(files: Sequence[Mapping[str, Any]], options: Options) -> None:
    """Look at the first file that can be read; where none can, say what is wrong with the last."""
    for file in files:
        try:
            first = look(file, options)
        except UnreadableImportError:
            if file is files[-1]:
                raise
            continue
        if first.mapping is None and first.rows:
            raise InvalidError(f"{file['name']}: {first.proposal.sentence}")
        return


def history(session: Session, dataset_id: int) -> Sequence[Import]:
    """Imports into a dataset, newest first."""
    query = select(Import).where(Import.dataset_id == dataset_id)
    return session.scalars(query.order_by(Import.created_at.desc()).limit(50)).all()
