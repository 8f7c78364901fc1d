"""What became of imports of a taxonomy: told once by the import, and kept with its audit event."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import AuditEvent
from app.datasets.models import Dataset
from app.taxonomy.problems import Problem

ACTION = "taxonomy.import"
_KEPT = 200  # problems: more than anybody mends before the next import


@dataclass(slots=True)
class Imported:
    """What became of an archive: leaves that are new or changed, seeds, documents, problems.

    `made_seeds` are those of the seeds that people did not write.
    """

    created: int = 0
    updated: int = 0
    seeds: int = 0
    new_seeds: int = 0
    made_seeds: int = 0
    documents: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """The import of a file: when, by whom, what became of it; `found` counts all problems."""

    at: datetime
    by: str
    file: str
    imported: Imported
    found: int


def kept(file: str, imported: Imported) -> dict[str, Any]:
    """What stays of an import: its counts, and the first of its problems."""
    told = asdict(imported)
    problems = [
        {**one, "file": clean(one["file"]), "message": clean(one["message"])}
        for one in told.pop("problems")
    ]
    return {"file": clean(file[:200]), **told, "found": len(problems), "problems": problems[:_KEPT]}


def clean(text: str) -> str:
    """Without what Postgres refuses: NUL, and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def newest(session: Session, dataset: Dataset) -> Report | None:
    """The newest import of a dataset's taxonomy, if there was one."""
    query = audit.page(dataset_id=dataset.id).where(AuditEvent.action == ACTION).limit(1)
    event = session.scalars(query).one_or_none()
    return _report(event, event.after or {}) if event is not None else None


def _report(event: AuditEvent, told: Mapping[str, Any]) -> Report:
    counts = {one.name: told.get(one.name, 0) for one in fields(Imported) if one.name in told}
    problems = [Problem(**one) for one in told.get("problems", ())]
    imported = Imported(**{**counts, "problems": problems})
    return Report(event.at, event.actor, told["file"], imported, told.get("found", 0))
