"""Samples: reading, editing, moving from status to status."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.records import BODY_FIELDS, Kind
from app.curation.text.counting import count_words
from app.curation.text.identity import content_hash
from app.curation.text.parts import full_text
from app.errors import ConflictError, InvalidError, NotFoundError
from app.samples.models import DatasetSignal, Sample, SampleBody, SampleDrop, SampleParent, Status

_MAX_EDIT = 2_000_000


def get(session: Session, sample_id: int) -> Sample:
    """The sample with this id."""
    sample = session.get(Sample, sample_id)
    if sample is None:
        raise NotFoundError(f"There is no sample {sample_id}.")
    return sample


def locked(session: Session, sample_id: int) -> Sample:
    """The sample, held until the end of the transaction: whoever changes one takes it first."""
    sample = session.get(Sample, sample_id, with_for_update=True, populate_existing=True)
    if sample is None:
        raise NotFoundError(f"There is no sample {sample_id}.")
    return sample


def body(session: Session, sample: Sample, revision: int | None = None) -> SampleBody:
    """The content of the present revision, or of an earlier one."""
    found = session.get(SampleBody, (sample.id, revision or sample.revision))
    if found is None:
        raise NotFoundError(f"Sample {sample.id} has no revision {revision}.")
    return found


def revisions(session: Session, sample_id: int) -> Sequence[SampleBody]:
    """All revisions, oldest first."""
    query = select(SampleBody).where(SampleBody.sample_id == sample_id)
    return session.scalars(query.order_by(SampleBody.revision)).all()


def parents_and_children(
    session: Session, sample_id: int
) -> tuple[Sequence[SampleParent], Sequence[SampleParent]]:
    """What it was made from, and what was made from it."""
    parents = session.scalars(select(SampleParent).where(SampleParent.child_id == sample_id))
    children = session.scalars(
        select(SampleParent).where(SampleParent.parent_id == sample_id).limit(1000)
    )
    return parents.all(), children.all()


def drop_of(session: Session, sample_id: int) -> SampleDrop | None:
    """Why the sample is dropped, if it is."""
    return session.get(SampleDrop, sample_id)


def take_drop(session: Session, sample: Sample) -> dict[str, Any] | None:
    """Why the sample is dropped, to be put back when what follows is undone."""
    drop = drop_of(session, sample.id)
    if drop is None:
        return None
    return {
        "application_id": str(drop.application_id) if drop.application_id else None,
        "condition": drop.condition,
        "value": drop.value,
        "previous_status": drop.previous_status,
        "matched_id": drop.matched_id,
        "action_id": str(drop.action_id) if drop.action_id else None,
    }


def put_drop_back(session: Session, sample: Sample, drop: Mapping[str, Any]) -> None:
    """The sample is dropped again for the reason it had."""
    application, action = drop["application_id"], drop.get("action_id")
    session.add(
        SampleDrop(
            sample_id=sample.id,
            application_id=uuid.UUID(application) if application else None,
            condition=drop["condition"],
            value=drop["value"],
            previous_status=Status(drop["previous_status"]),
            matched_id=drop.get("matched_id"),
            action_id=uuid.UUID(action) if action else None,
        )
    )
    session.flush()


def named_scores(sample: Sample, signals: Sequence[DatasetSignal]) -> dict[str, float]:
    """The measured values by signal name."""
    values = sample.scores or []
    return {
        signal.name: value
        for signal in signals
        if signal.slot < len(values) and (value := values[signal.slot]) is not None
    }


def check_body(kind: Kind, new: Mapping[str, Any]) -> dict[str, Any]:
    """The body with exactly the fields of its kind; refuses what is missing or of a wrong type."""
    fields = BODY_FIELDS[kind]
    unknown = sorted(set(new) - set(fields))
    if unknown:
        raise InvalidError(
            f"A sample of the kind {kind} has no field `{unknown[0]}`; it has {', '.join(fields)}.",
            errors=[{"path": f"body.{name}", "message": "unknown field"} for name in unknown],
        )
    if kind is Kind.CHAT:
        checked: dict[str, Any] = {"messages": _check_messages(new.get("messages"))}
    else:
        checked = {name: _check_text(name, new.get(name, "")) for name in fields}
    if not full_text(kind, checked).strip():
        raise InvalidError("A sample without any text can't be stored.")
    return checked


def _check_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidError(
            f"body.{name} must be text.", errors=[{"path": f"body.{name}", "message": "not text"}]
        )
    if len(value) > _MAX_EDIT:
        raise InvalidError(f"body.{name} is longer than {_MAX_EDIT:,} characters.")
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _check_messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise InvalidError("body.messages must be a list of {role, content}.")
    turns = []
    for position, turn in enumerate(value):
        if not isinstance(turn, Mapping) or set(turn) != {"role", "content"}:
            raise InvalidError(f"body.messages.{position} must have exactly role and content.")
        turns.append(
            {name: _check_text(f"messages.{position}.{name}", turn[name]) for name in turn}
        )
    return turns


def edit(
    session: Session,
    sample_id: int,
    new: Mapping[str, Any],
    *,
    revision: int,
    by: Principal,
    reason: str = "",
) -> Sample:
    """Store a new revision of the sample that the editor saw; earlier ones stay.

    Refuses with a conflict when somebody edited it meanwhile, or when another sample of the
    dataset has this very content.
    """
    require_role(by, Role.ANNOTATOR, "edit a sample")
    sample = locked(session, sample_id)
    if sample.revision != revision:
        raise ConflictError(
            f"Sample {sample_id} was edited meanwhile: you saw revision {revision}, "
            f"it is at {sample.revision}.",
            revision=sample.revision,
        )
    edited = store_revision(session, sample, new, by=by, reason=reason)
    if edited.revision != revision and edited.status in {Status.APPROVED, Status.REJECTED}:
        # The verdict was on the text before: nobody has approved this one.
        set_status(session, edited, Status.PENDING, by=by, action="sample.reopen")
    return edited


def store_revision(
    session: Session,
    sample: Sample,
    new: Mapping[str, Any],
    *,
    by: Principal,
    reason: str,
    metadata: Mapping[str, Any] | None = None,
) -> Sample:
    """Append a revision to a sample that the caller holds; its metadata stay unless given."""
    old = body(session, sample)
    checked = check_body(sample.kind, new)
    digest = content_hash(sample.kind, checked)
    if digest == sample.content_hash:
        return sample
    _refuse_twin(session, sample, digest)
    words = full_text(sample.kind, checked)
    revision = _next_revision(session, sample)
    session.add(
        SampleBody(
            sample_id=sample.id,
            revision=revision,
            body=checked,
            sample_metadata=old.sample_metadata if metadata is None else dict(metadata),
            text=words,
            content_hash=digest,
            author_id=by.id,
            reason=reason,
        )
    )
    before = sample.revision
    sample.revision = revision
    sample.content_hash, sample.changed_at = digest, now()
    sample.chars, sample.words = len(words), count_words(words)
    session.flush()
    audit.record(
        session,
        by,
        "sample.edit",
        ("sample", sample.id),
        dataset_id=sample.dataset_id,
        sample_id=sample.id,
        before={"revision": before},
        after={"revision": sample.revision, "reason": reason},
    )
    return sample


def _next_revision(session: Session, sample: Sample) -> int:
    last = select(func.max(SampleBody.revision)).where(SampleBody.sample_id == sample.id)
    return (session.scalar(last) or 0) + 1


def _refuse_twin(session: Session, sample: Sample, digest: bytes) -> None:
    twin = session.scalar(
        select(Sample.id).where(
            Sample.dataset_id == sample.dataset_id, Sample.content_hash == digest
        )
    )
    if twin is not None and twin != sample.id:
        raise ConflictError(f"With this edit it would say the same as sample {twin}.", twin=twin)


def set_status(
    session: Session,
    sample: Sample,
    status: Status,
    *,
    by: Principal,
    action: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Move a sample that the caller holds, and write it into its ledger."""
    before = sample.status
    sample.status, sample.changed_at = status, now()
    if status is not Status.DROPPED:
        session.execute(delete(SampleDrop).where(SampleDrop.sample_id == sample.id))
    session.flush()
    audit.record(
        session,
        by,
        action,
        ("sample", sample.id),
        dataset_id=sample.dataset_id,
        sample_id=sample.id,
        before={"status": before},
        after={"status": status, **(detail or {})},
    )


def restore(session: Session, sample_id: int, *, by: Principal) -> Sample:
    """Bring a dropped sample back to where it was; rules leave it alone from now on."""
    require_role(by, Role.LEAD, "restore a dropped sample")
    sample = locked(session, sample_id)
    drop = drop_of(session, sample_id)
    if sample.status is not Status.DROPPED:
        raise ConflictError(f"Sample {sample_id} is not dropped; it is {sample.status}.")
    sample.kept = True
    previous = drop.previous_status if drop is not None else Status.PENDING
    detail = {"was": drop.condition} if drop is not None else {}
    set_status(session, sample, previous, by=by, action="sample.restore", detail=detail)
    return sample
