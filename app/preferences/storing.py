"""Writing pairs: samples with both answers as parents, none twice; a run can be taken back."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.pairs.building import Gate
from app.curation.pairs.sides import CHOSEN, REJECTED
from app.curation.records import Kind
from app.curation.text.identity import content_hash
from app.preferences.drafting import Draft, Key
from app.samples import service as samples
from app.samples.loading import add_batch
from app.samples.models import (
    BulkAction,
    BulkItem,
    Sample,
    SampleBody,
    SampleDrop,
    SampleParent,
    Status,
)
from app.samples.packing import Target
from app.sources.models import Source

BOTH = "chosen and rejected"  # two revisions of one sample


@dataclass(frozen=True, slots=True)
class _Known:
    """A pair of two answers that is there: which of them was chosen, what became of it.

    `own`: the very run that asks wrote it, before it was interrupted.
    """

    sample: int
    chosen: Key
    undone: bool
    own: bool


def store(
    session: Session, action: BulkAction, source: Source, drafts: Sequence[Draft], by: Principal
) -> Counter[Gate]:
    """Write these pairs but those that are there; those that an undo took away come back."""
    known = _known_pairs(session, action.dataset_id, drafts, action.id)
    fresh, refused = [], 0
    for one in drafts:
        there = known.get(one.sides)
        if there is None or (there.undone and there.chosen != one.chosen):
            fresh.append(one)
        elif there.undone:
            _bring_back(session, action, there.sample, one, by)
        elif not there.own:
            refused += 1
    refused += len(fresh) - _add(session, action, source, fresh)
    return Counter({Gate.KNOWN: refused} if refused else {})


def count_known(session: Session, dataset_id: int, drafts: Sequence[Draft]) -> int:
    """How many of these a run would not write, because they are there."""
    known = _known_pairs(session, dataset_id, drafts, None)
    old = [one for one in drafts if (there := known.get(one.sides)) and not there.undone]
    new = [one for one in drafts if one.sides not in known]
    return len(old) + len(_written(session, dataset_id, new))


def _known_pairs(
    session: Session, dataset_id: int, drafts: Sequence[Draft], run: uuid.UUID | None
) -> dict[frozenset[Key], _Known]:
    """The pairs of the dataset that were built of the same answers, whatever became of them."""
    ids = {key[0] for one in drafts for key in one.sides}
    query = (
        select(Sample.id, SampleBody.sample_metadata, BulkAction.id, BulkItem.sample_id)
        .join(SampleBody, (SampleBody.sample_id == Sample.id) & (SampleBody.revision == 1))
        .outerjoin(SampleDrop, SampleDrop.sample_id == Sample.id)
        .outerjoin(
            BulkAction,
            (BulkAction.id == SampleDrop.action_id)
            & (BulkAction.undone_at.is_not(None))
            & (Sample.status == Status.DROPPED),
        )
        .outerjoin(BulkItem, (BulkItem.sample_id == Sample.id) & (BulkItem.action_id == run))
        .where(
            Sample.dataset_id == dataset_id,
            Sample.kind == Kind.PREFERENCE,
            Sample.id.in_(select(SampleParent.child_id).where(SampleParent.parent_id.in_(ids))),
        )
    )
    found: dict[frozenset[Key], _Known] = {}
    for sample, metadata, undone, own in session.execute(query):
        chosen, rejected = (_key(metadata, side) for side in (CHOSEN, REJECTED))
        sides = frozenset((chosen, rejected))
        if sides not in found or found[sides].undone:  # one that stands counts before one undone
            found[sides] = _Known(sample, chosen, undone is not None, own is not None)
    return found


def _key(metadata: Mapping[str, Any], side: str) -> Key:
    values = [metadata.get(f"{side}_{name}") for name in ("sample", "revision")]
    one, revision = (value if isinstance(value, int) else 0 for value in values)
    return one, revision


def _written(session: Session, dataset_id: int, drafts: Sequence[Draft]) -> set[bytes]:
    """The contents of these that samples of the dataset have."""
    hashes = [content_hash(Kind.PREFERENCE, one.record.body) for one in drafts]
    query = select(Sample.content_hash).where(
        Sample.dataset_id == dataset_id, Sample.content_hash.in_(hashes)
    )
    return set(session.scalars(query))


def _add(session: Session, action: BulkAction, source: Source, drafts: Sequence[Draft]) -> int:
    """Add what no sample says yet; how many."""
    there = _written(session, action.dataset_id, drafts)
    new: dict[bytes, Draft] = {}
    for one in drafts:
        digest = content_hash(Kind.PREFERENCE, one.record.body)
        if digest not in there:
            new.setdefault(digest, one)
    if not new:
        return 0
    target = Target(action.dataset_id, source, None, {})
    add_batch(session, target, [one.record for one in new.values()])
    query = select(Sample.content_hash, Sample.id).where(
        Sample.dataset_id == action.dataset_id, Sample.content_hash.in_(list(new))
    )
    ids = dict(session.execute(query).all())
    parents = [row for digest, one in new.items() for row in _parents(ids[digest], one)]
    session.execute(insert(SampleParent), parents)
    _note(session, action, [ids[digest] for digest in new])
    return len(new)


def _parents(child: int, one: Draft) -> list[dict[str, Any]]:
    if one.chosen[0] == one.rejected[0]:
        return [{"child_id": child, "parent_id": one.chosen[0], "relation": BOTH}]
    return [
        {"child_id": child, "parent_id": key[0], "relation": relation}
        for key, relation in ((one.chosen, CHOSEN), (one.rejected, REJECTED))
    ]


def _note(session: Session, action: BulkAction, ids: Sequence[int]) -> None:
    """Remember that this run made them."""
    rows = [
        {"action_id": action.id, "sample_id": one, "previous_status": Status.PENDING} for one in ids
    ]
    session.execute(upsert(BulkItem).values(rows).on_conflict_do_nothing())


def _bring_back(
    session: Session, action: BulkAction, sample_id: int, one: Draft, by: Principal
) -> None:
    """A pair that was taken back with its run is built again: it is there, as this run says."""
    sample = samples.locked(session, sample_id)
    samples.body(session, sample).sample_metadata = dict(one.record.metadata)
    detail = {"action": str(action.id)}
    samples.set_status(session, sample, Status.PENDING, by=by, action="pairs.again", detail=detail)
    _note(session, action, [sample_id])


def made(session: Session, action: BulkAction) -> int:
    """How many samples a run wrote: counted, as chunks may have run twice."""
    query = select(func.count()).where(BulkItem.action_id == action.id)
    return session.scalar(query) or 0


# What people decided on or edited stays.
_GOING = """
CREATE TEMPORARY TABLE going ON COMMIT DROP AS
SELECT s.id, s.status AS previous FROM bulk_items b JOIN samples s ON s.id = b.sample_id
WHERE b.action_id = CAST(:action AS uuid) AND s.status IN ('pending', 'in_review')
  AND NOT s.kept AND s.revision = 1
ORDER BY s.id FOR UPDATE OF s
"""
_STEPS = (
    """
INSERT INTO audit_events (actor_id, actor, action, object_type, object_id, dataset_id, sample_id,
                          before, after)
SELECT CAST(:actor_id AS uuid), :actor, 'pairs.undo', 'bulk_action', CAST(:action AS text),
       :dataset, id, jsonb_build_object('status', previous),
       jsonb_build_object('status', 'dropped')
FROM going ORDER BY id
""",
    """
INSERT INTO sample_drops (sample_id, condition, previous_status, action_id)
SELECT id, 'The run that built this pair was taken back', previous, CAST(:action AS uuid)
FROM going ON CONFLICT (sample_id) DO NOTHING
""",
    """
UPDATE samples SET status = 'dropped', changed_at = now() WHERE id IN (SELECT id FROM going)
""",
)


def take_back(session: Session, action: BulkAction, by: Principal) -> int:
    """Drop what a run made and nobody touched since; how many."""
    params = {
        "action": str(action.id),
        "dataset": action.dataset_id,
        "actor_id": by.id,
        "actor": by.email,
    }
    session.execute(text("DROP TABLE IF EXISTS going"))
    session.execute(text(_GOING), params)
    for step in _STEPS:
        session.execute(text(step), params)
    return int(session.execute(text("SELECT count(*) FROM going")).scalar_one())
