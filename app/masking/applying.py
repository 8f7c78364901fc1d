"""Masking one page of samples, and taking it back; the signal is measured again each time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.pii.kinds import KINDS
from app.curation.pii.masking import masked_body
from app.curation.records import Record
from app.curation.text.identity import content_hash
from app.curation.text.parts import full_text
from app.masking.measuring import measure
from app.masking.storing import Change, store, without_twins
from app.samples.models import BulkAction, BulkItem, Sample, SampleBody, Status
from app.scoring.reading import Page

_DECIDED = (Status.APPROVED, Status.REJECTED)
_REASON = "personal data masked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a page: samples changed, places by kind, and twins.

    Of a masking, samples that say the same as another one but for the number in their masks; of
    its undo, those that stay masked, because another one says what they said.
    """

    samples: int
    counts: Counter[str]
    twins: Mapping[int, int]


def mask_page(
    session: Session, action: BulkAction, kinds: Sequence[str], by: Principal, page: Page
) -> Outcome:
    """Measure a page, then write a masked revision of each sample that has some of these kinds.

    Done twice it changes nothing more: what is masked is not found again.
    """
    values = measure(session, action.dataset_id, page)
    columns = [place for place, kind in enumerate(KINDS, start=1) if kind in kinds]
    rows = np.flatnonzero(values[:, columns].any(axis=1)).tolist()
    held = _held(session, [page.ids[row] for row in rows])
    last = _last_revisions(session, list(held))
    changes = [
        _masked(held[page.ids[row]], page.records[row], kinds, last[page.ids[row]] + 1)
        for row in rows
        # Edited since it was read: the next run finds it.
        if page.ids[row] in held and held[page.ids[row]].revision == page.revisions[row]
    ]
    changes, twins = without_twins(session, action.dataset_id, changes)
    records = dict(zip(page.ids, page.records, strict=True))
    changes += [_masked(held[one], records[one], kinds, last[one] + 1, number=one) for one in twins]
    counts: Counter[str] = Counter()
    for one in changes:
        counts.update(one.detail["masked"])
    if changes:
        _write(session, action, by, changes)
        _measure_again(session, action, changes)
    return Outcome(len(changes), counts, twins)


def _held(session: Session, ids: Sequence[int]) -> dict[int, Sample]:
    query = select(Sample).where(Sample.id.in_(ids)).order_by(Sample.id).with_for_update()
    found = session.scalars(query, execution_options={"populate_existing": True})
    return {sample.id: sample for sample in found}


def _last_revisions(session: Session, ids: Sequence[int]) -> dict[int, int]:
    query = select(SampleBody.sample_id, func.max(SampleBody.revision))
    query = query.where(SampleBody.sample_id.in_(ids)).group_by(SampleBody.sample_id)
    return dict(session.execute(query).all())


def _masked(
    sample: Sample, record: Record, kinds: Sequence[str], revision: int, number: int = 0
) -> Change:
    body, counts = masked_body(sample.kind, record.body, kinds, number)
    return Change(
        sample=sample,
        revision=revision,
        body=body,
        text=full_text(sample.kind, body),
        digest=content_hash(sample.kind, body),
        # The verdict was on the text before: nobody has approved this one.
        status=Status.PENDING if sample.status in _DECIDED else sample.status,
        detail={"masked": dict(counts)},
    )


def _write(session: Session, action: BulkAction, by: Principal, changes: Sequence[Change]) -> None:
    keys = [(one.sample.id, one.sample.revision) for one in changes]
    query = select(SampleBody.sample_id, SampleBody.sample_metadata)
    query = query.join(Sample, Sample.id == SampleBody.sample_id).where(
        SampleBody.revision == Sample.revision, Sample.id.in_([one for one, _ in keys])
    )
    metadata: dict[int, dict[str, Any]] = dict(session.execute(query).all())
    bodies = [
        {
            "sample_id": one.sample.id,
            "revision": one.revision,
            "body": one.body,
            "sample_metadata": metadata[one.sample.id],
            "text": one.text,
            "content_hash": one.digest,
            "author_id": by.id,
            "reason": _REASON,
        }
        for one in changes
    ]
    items = [
        {
            "action_id": action.id,
            "sample_id": one.sample.id,
            "previous_status": one.sample.status,
            "previous_revision": one.sample.revision,
            "revision": one.revision,
        }
        for one in changes
    ]
    session.execute(insert(SampleBody), bodies)
    # A job that runs again masks what was brought back or edited since: the newest counts.
    kept = upsert(BulkItem)
    kept = kept.on_conflict_do_update(
        index_elements=["action_id", "sample_id"],
        set_={
            name: kept.excluded[name] for name in items[0] if name not in {"action_id", "sample_id"}
        },
    )
    session.execute(kept, items)
    store(session, action, by, "bulk.mask", changes)


def _measure_again(session: Session, action: BulkAction, changes: Sequence[Change]) -> None:
    page = Page(
        ids=[one.sample.id for one in changes],
        revisions=[one.revision for one in changes],
        records=[Record(one.sample.kind, one.body) for one in changes],
    )
    measure(session, action.dataset_id, page)


def unmask_range(
    session: Session, action: BulkAction, by: Principal, low: int, high: int
) -> Outcome:
    """Bring back the texts of a range where nobody edited them since, with their approvals."""
    query = (
        select(Sample, BulkItem, SampleBody)
        .join(BulkItem, BulkItem.sample_id == Sample.id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id)
            & (SampleBody.revision == BulkItem.previous_revision),
        )
        .where(
            BulkItem.action_id == action.id,
            BulkItem.revision == Sample.revision,
            Sample.id.between(low, high),
        )
        .order_by(Sample.id)
        .with_for_update(of=Sample)
    )
    rows = session.execute(query, execution_options={"populate_existing": True}).all()
    changes = [_unmasked(sample, item, body) for sample, item, body in rows]
    changes, twins = without_twins(session, action.dataset_id, changes)
    if changes:
        store(session, action, by, "bulk.unmask", changes)
        _measure_again(session, action, changes)
    return Outcome(len(changes), Counter(), twins)


def _unmasked(sample: Sample, item: BulkItem, body: SampleBody) -> Change:
    untouched = sample.status is Status.PENDING and item.previous_status in _DECIDED
    return Change(
        sample=sample,
        revision=body.revision,
        body=body.body,
        text=body.text,
        digest=body.content_hash,
        status=item.previous_status if untouched else sample.status,
        detail={},
    )
