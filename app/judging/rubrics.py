"""The rubrics there are: built in, and those that people wrote, by version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.rubrics.base import Rubric
from app.curation.rubrics.builtin import BUILT_IN
from app.errors import NotFoundError
from app.judging.models import RubricVersion
from app.validation import build


@dataclass(frozen=True, slots=True)
class Versioned:
    """A rubric and its version; what comes with Winnow is version 1."""

    rubric: Rubric
    version: int


def everything(session: Session) -> list[Versioned]:
    """The newest version of every rubric: the built-in ones first."""
    stored = {
        row.name: Versioned(Rubric.model_validate(row.spec), row.version)
        for row in session.scalars(select(RubricVersion).order_by(RubricVersion.version))
    }
    built_in = [stored.pop(name, Versioned(rubric, 1)) for name, rubric in BUILT_IN.items()]
    return built_in + [stored[name] for name in sorted(stored)]


def get(session: Session, name: str, version: int | None = None) -> Versioned:
    """A version of a rubric, the newest unless one is asked for."""
    query = select(RubricVersion).where(RubricVersion.name == name)
    if version is not None:
        query = query.where(RubricVersion.version == version)
    row = session.scalars(query.order_by(RubricVersion.version.desc()).limit(1)).first()
    if row is not None:
        return Versioned(Rubric.model_validate(row.spec), row.version)
    if name in BUILT_IN and version in {None, 1}:
        return Versioned(BUILT_IN[name], 1)
    known = ", ".join(one.rubric.name for one in everything(session))
    raise NotFoundError(f"There is no rubric `{name}`. There are {known}.")


def versions(session: Session, name: str) -> Sequence[RubricVersion]:
    """All stored versions, the newest first."""
    query = select(RubricVersion).where(RubricVersion.name == name)
    return session.scalars(query.order_by(RubricVersion.version.desc())).all()


def save(session: Session, spec: Mapping[str, Any], *, by: Principal) -> Versioned:
    """Store a rubric as the next version; nothing new where it says what the newest says."""
    require_role(by, Role.LEAD, "write a rubric")
    rubric = build(Rubric, spec, "rubric")
    before = keep(session, rubric.name)
    if before is not None and before.rubric == rubric:
        return before
    version = before.version + 1 if before is not None else 1
    row = _store(session, rubric, version, by)
    after = {"name": rubric.name, "version": version}
    audit.record(session, by, "rubric.save", ("rubric", row.id), after=after)
    return Versioned(rubric, version)


def keep(session: Session, name: str) -> Versioned | None:
    """The newest version, stored if it came with Winnow, so that it stays as it was."""
    try:
        newest = get(session, name)
    except NotFoundError:
        return None
    if not versions(session, name):
        _store(session, newest.rubric, newest.version, None)
    return newest


def _store(session: Session, rubric: Rubric, version: int, by: Principal | None) -> RubricVersion:
    row = RubricVersion(
        name=rubric.name,
        version=version,
        spec=rubric.model_dump(mode="json"),
        fingerprint=rubric.fingerprint(),
        created_by=by.id if by is not None else None,
    )
    session.add(row)
    session.flush()
    return row
