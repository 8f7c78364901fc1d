"""What a dataset is looked through against: another dataset, or a release of it or of another."""

import uuid
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import InvalidError, NotFoundError
from app.matching.models import MatchRun

_AT = "@"  # DATASET@RELEASE; no dataset has it in its name
_READY = "SELECT id FROM releases WHERE dataset_id = :dataset AND name = :name AND status = 'ready'"
_RELEASES = """
SELECT d.name || '@' || r.name FROM releases r JOIN datasets d ON d.id = r.dataset_id
WHERE r.status = 'ready' AND d.deleted_at IS NULL ORDER BY d.name, r.created_at DESC
"""


@dataclass(frozen=True, slots=True)
class Against:
    """The rows that stay in any case: those of a dataset, or of a release of it."""

    dataset: Dataset
    release_id: uuid.UUID | None
    name: str


def named(session: Session, dataset: Dataset, name: str) -> Against | None:
    """What is named so, as DATASET or DATASET@RELEASE; None for the dataset by itself."""
    if not name:
        return None
    of, at, release = name.partition(_AT)
    found = datasets.get(session, of)
    if at:
        return Against(found, _release(session, found, release), name)
    if found.id == dataset.id:
        raise InvalidError("A dataset is looked through by itself when `against` is left out.")
    return Against(found, None, name)


def _release(session: Session, dataset: Dataset, name: str) -> uuid.UUID:
    found = session.scalar(text(_READY), {"dataset": dataset.id, "name": name})
    if found is None:
        raise NotFoundError(f"{dataset.name} has no release `{name}` that is ready.")
    return uuid.UUID(str(found))


def name_of(session: Session, run: MatchRun) -> str:
    """The same name for a run, empty where it looked through a dataset by itself."""
    if run.against_id is None:
        return ""
    name = datasets.by_id(session, run.against_id).name
    if run.release_id is None:
        return name
    query = text("SELECT name FROM releases WHERE id = :id")
    return f"{name}{_AT}{session.scalar(query, {'id': run.release_id})}"


def releases(session: Session) -> list[str]:
    """All that can be looked against, as DATASET@RELEASE, the newest of a dataset first."""
    return list(session.scalars(text(_RELEASES)))
