"""Rule sets: writing versions, applying and undoing them as jobs."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.catalog import PROFILES
from app.curation.rules.nodes import render
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.filtering import policies
from app.filtering.models import RuleApplication, RuleSet, RuleVersion
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples.distribution import parts_of
from app.samples.models import Sample
from app.samples.search import Schema, schema_of

_MOST_CONDITIONS = 100


def rule_sets(session: Session, dataset_id: int) -> Sequence[RuleSet]:
    """The rule sets of a dataset by name."""
    query = select(RuleSet).where(RuleSet.dataset_id == dataset_id).order_by(RuleSet.name)
    return session.scalars(query).all()


def get_set(session: Session, rule_set_id: uuid.UUID) -> RuleSet:
    """The rule set with this id."""
    rule_set = session.get(RuleSet, rule_set_id)
    if rule_set is None:
        raise NotFoundError(f"There is no rule set {rule_set_id}.")
    return rule_set


def versions(session: Session, rule_set: RuleSet) -> Sequence[RuleVersion]:
    """All versions, newest first."""
    query = select(RuleVersion).where(RuleVersion.rule_set_id == rule_set.id)
    return session.scalars(query.order_by(RuleVersion.number.desc())).all()


def newest(session: Session, rule_set: RuleSet) -> RuleVersion:
    """The newest version."""
    return versions(session, rule_set)[0]


def applications(session: Session, rule_set: RuleSet) -> Sequence[RuleApplication]:
    """Every time one of its versions was applied, newest first."""
    query = (
        select(RuleApplication)
        .join(RuleVersion, RuleVersion.id == RuleApplication.version_id)
        .where(RuleVersion.rule_set_id == rule_set.id)
    )
    return session.scalars(query.order_by(RuleApplication.created_at.desc())).all()


def standing(session: Session, rule_set: RuleSet) -> RuleApplication | None:
    """The newest application that was carried out and not undone."""
    return next(
        (
            one
            for one in applications(session, rule_set)
            if one.applied_at is not None and one.undone_at is None
        ),
        None,
    )


def expression_of(version: RuleVersion) -> str:
    """The conditions in force as one expression."""
    return " ".join(enabled(version.conditions))


def enabled(conditions: Sequence[Mapping[str, Any]]) -> list[str]:
    """The expressions of the conditions that are switched on; an OR keeps its brackets."""
    return [one["expression"] for one in conditions if one.get("enabled", True)]


def save(
    session: Session,
    dataset: Dataset,
    *,
    name: str,
    conditions: Sequence[Mapping[str, Any]],
    by: Principal,
) -> RuleVersion:
    """Store conditions as the next version of a rule set; the same ones make no new version."""
    policies.may_write_rules(by)
    name = name.strip()
    if not name or len(name) > 100:
        raise InvalidError("A rule set has a name of 1 to 100 characters.")
    checked = _checked(session, dataset, conditions)
    query = select(RuleSet).where(RuleSet.dataset_id == dataset.id, RuleSet.name == name)
    rule_set = session.scalar(query.with_for_update())
    if rule_set is None:
        rule_set = RuleSet(dataset_id=dataset.id, name=name)
        session.add(rule_set)
        session.flush()
    known = versions(session, rule_set)
    if known and known[0].conditions == checked:
        return known[0]
    version = RuleVersion(
        rule_set_id=rule_set.id,
        number=known[0].number + 1 if known else 1,
        conditions=checked,
        created_by=by.id,
    )
    session.add(version)
    session.flush()
    audit.record(
        session,
        by,
        "rules.save",
        ("rule_set", rule_set.id),
        dataset_id=dataset.id,
        before={"conditions": known[0].conditions} if known else None,
        after={"name": name, "version": version.number, "conditions": checked},
    )
    return version


def _checked(
    session: Session, dataset: Dataset, conditions: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    if not conditions:
        raise InvalidError("A rule set needs at least one condition, such as `edu_judge>=3`.")
    if len(conditions) > _MOST_CONDITIONS:
        raise InvalidError(f"A rule set has at most {_MOST_CONDITIONS} conditions.")
    schema = schema_of(session, dataset.id)
    checked = []
    for number, one in enumerate(conditions, start=1):
        expression = str(one.get("expression", "")).strip()
        parts = parts_of(schema, expression)
        if not parts:
            raise InvalidError(f"Condition {number} is empty.")
        grouped = expression if len(parts) == 1 else f"({expression})"
        checked.append({"expression": grouped, "enabled": bool(one.get("enabled", True))})
    return checked


def apply(session: Session, version: RuleVersion, *, by: Principal) -> tuple[RuleApplication, Job]:
    """Drop the rows that fail a condition, in a job; rows that people decided on stay.

    Rows that earlier versions of the same set dropped and that pass now come back.
    """
    policies.may_apply(by)
    rule_set = session.get_one(RuleSet, version.rule_set_id)
    if not enabled(version.conditions):
        raise InvalidError("All conditions are switched off: there is nothing to apply.")
    schema = schema_of(session, rule_set.dataset_id)
    for one in enabled(version.conditions):
        parts_of(schema, one)  # a signal or a topic that it names may be gone since it was saved
    _refuse_while_busy(session, rule_set)
    application = RuleApplication(version_id=version.id, created_by=by.id)
    session.add(application)
    session.flush()
    job = jobs.start(
        session,
        JobKind.APPLY_RULES,
        f"Apply {rule_set.name} version {version.number}",
        by=by,
        dataset_id=rule_set.dataset_id,
        params={"application": str(application.id)},
    )
    application.job_id = job.id
    return application, job


def undo(session: Session, application: RuleApplication, *, by: Principal) -> Job:
    """Take an application back, in a job: exactly the rows that it changed and that stand so."""
    policies.may_apply(by)
    version = session.get_one(RuleVersion, application.version_id)
    rule_set = session.get_one(RuleSet, version.rule_set_id)
    _refuse_while_busy(session, rule_set)
    latest = standing(session, rule_set)
    if latest is None or latest.id != application.id:
        raise ConflictError("Only the newest application that stands can be undone.")
    return jobs.start(
        session,
        JobKind.UNDO_RULES,
        f"Undo {rule_set.name} version {version.number}",
        by=by,
        dataset_id=rule_set.dataset_id,
        params={"application": str(application.id)},
    )


def undo_standing(session: Session, rule_set: RuleSet, *, by: Principal) -> Job:
    """Undo the newest application of a set that stands."""
    latest = standing(session, rule_set)
    if latest is None:
        raise ConflictError(f"No application of `{rule_set.name}` stands: nothing to undo.")
    return undo(session, latest, by=by)


def from_expression(schema: Schema, where: str) -> list[dict[str, Any]]:
    """An expression as conditions: the parts of its AND."""
    return [{"expression": render(part), "enabled": True} for part in parts_of(schema, where)]


def from_profile(key: str) -> list[dict[str, Any]]:
    """The conditions of a published profile."""
    if key not in PROFILES:
        raise NotFoundError(f"There is no profile `{key}`. There are {', '.join(PROFILES)}.")
    return [{"expression": one.expression(), "enabled": True} for one in PROFILES[key].conditions]


def get_application(session: Session, application_id: uuid.UUID) -> RuleApplication:
    """The application with this id."""
    application = session.get(RuleApplication, application_id)
    if application is None:
        raise NotFoundError(f"Nothing was applied under {application_id}.")
    return application


def _refuse_while_busy(session: Session, rule_set: RuleSet) -> None:
    for kind in (JobKind.APPLY_RULES, JobKind.UNDO_RULES):
        if jobs.open_jobs(session, rule_set.dataset_id, kind):
            raise ConflictError(
                "Rules are being applied or undone here right now. Wait for that job, or cancel it."
            )


def count_samples(session: Session, dataset_id: int, low: int = 0, high: int = 2**62) -> int:
    """How many samples a dataset has in a range of ids."""
    query = select(func.count()).where(
        Sample.dataset_id == dataset_id, Sample.id.between(low, high)
    )
    return session.scalar(query) or 0
