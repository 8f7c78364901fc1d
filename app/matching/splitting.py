"""Train, dev and test without leaks: what is alike, or made of each other, stays together."""

from typing import Any

import numpy as np
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.selectors.splits import groups, split
from app.curation.signals.base import Scores
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.matching import service
from app.samples import columns as held
from app.samples import naming, registry
from app.samples.registry import SignalSpec
from app.samples.search import schema_of
from app.scoring.writing import write_values

KEY = "split"
NAMES = ("train", "dev", "test")
_BATCH = 10_000
_PAIRS = """
SELECT p.first_id, p.second_id FROM match_pairs p
JOIN match_runs r ON r.id = p.run_id AND r.dataset_id = :dataset
WHERE NOT EXISTS (
  SELECT 1 FROM match_exceptions e JOIN bulk_actions b ON b.id = e.action_id
  WHERE e.low_id = least(p.first_id, p.second_id) AND e.high_id = greatest(p.first_id, p.second_id)
    AND b.undone_at IS NULL)
"""
_MEMBERS = """
SELECT c.keeper_id, m.sample_id FROM match_clusters c
JOIN match_runs r ON r.id = c.run_id AND r.dataset_id = :dataset
JOIN match_members m ON m.cluster_id = c.id
WHERE NOT EXISTS (
  SELECT 1 FROM match_exceptions e JOIN bulk_actions b ON b.id = e.action_id
  WHERE e.low_id = least(c.keeper_id, m.sample_id)
    AND e.high_id = greatest(c.keeper_id, m.sample_id) AND b.undone_at IS NULL)
"""
_LINEAGE = """
SELECT p.parent_id, p.child_id FROM sample_parents p
WHERE p.child_id IN (SELECT id FROM samples WHERE dataset_id = :dataset)
   OR p.parent_id IN (SELECT id FROM samples WHERE dataset_id = :dataset)
"""


class SplitOrder(BaseModel):
    """How to split: the shares of dev and test, the rest is train; by whole sources if wished."""

    signal: str = Field("split", max_length=60, description="0 train, 1 dev, 2 test")
    dev: float = Field(0.1, ge=0, le=0.5)
    test: float = Field(0.0, ge=0, le=0.5)
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other rows")
    by_source: bool = Field(False, description="Rows of one source go together")

    @model_validator(mode="after")
    def _some_is_left(self) -> "SplitOrder":
        if not 0 < self.dev + self.test < 1:
            raise ValueError("dev and test together must be more than 0 and less than 1")
        return self


def start(session: Session, dataset: Dataset, order: SplitOrder, *, by: Principal) -> Job:
    """Split the dataset in a job; refuses where nobody has looked for duplicates."""
    require_role(by, Role.LEAD, "split datasets")
    naming.check(session, dataset.id, order.signal, KEY)
    service.needed(session, dataset)
    if jobs.open_jobs(session, dataset.id, JobKind.SPLIT):
        raise ConflictError("This dataset is being split right now.")
    return jobs.start(
        session,
        JobKind.SPLIT,
        f"Split as {order.signal}",
        by=by,
        dataset_id=dataset.id,
        params={"dataset_id": dataset.id, "order": order.model_dump()},
    )


def order_of(job: Job) -> SplitOrder:
    """What the job was ordered to do."""
    return SplitOrder.model_validate(job.params["order"])


def prepare(session: Session, job: Job) -> None:
    """Claim the slot of the signal."""
    order = order_of(job)
    spec = SignalSpec(
        name=order.signal,
        title="Split",
        key=KEY,
        fingerprint=f"{KEY}:{job.id}",
        help="0 train, 1 dev, 2 test. Near-duplicates and what is made of each other, as found "
        "when it was split, are never in two of them.",
        params=order.model_dump(),
    )
    registry.claim_slots(session, job.params["dataset_id"], [spec], job.id)


def carry_out(session: Session, job: Job) -> dict[str, Any]:
    """Write the split of every sample; answers sizes, and how many pairs cross (none)."""
    order, dataset_id = order_of(job), job.params["dataset_id"]
    columns = held.read(session, schema_of(session, dataset_id), {"revision", "source"})
    edges = np.concatenate([_edges(session, one, dataset_id) for one in (_PAIRS, _MEMBERS)])
    lineage = _edges(session, _LINEAGE, dataset_id)
    nodes = np.unique(np.concatenate([columns.ids, edges.ravel(), lineage.ravel()]))
    own = np.searchsorted(nodes, columns.ids)
    pairs = np.searchsorted(nodes, np.concatenate([edges, lineage]))
    if order.by_source:
        pairs = np.concatenate([pairs, _with_first(own, columns["source"])])
    group = groups(len(nodes), pairs[:, 0].copy(), pairs[:, 1].copy())[own]
    found = split(group, (1 - order.dev - order.test, order.dev, order.test), order.seed)
    _write(session, job, columns.ids, columns["revision"], found)
    counts = np.bincount(found, minlength=len(NAMES)).tolist()
    where = np.full(len(nodes), -1, np.int8)
    where[own] = found
    ends = where[np.searchsorted(nodes, np.concatenate([edges, lineage]))]
    inside = (ends >= 0).all(axis=1)
    crossing = int(np.count_nonzero(ends[inside, 0] != ends[inside, 1]))
    return {
        **dict(zip(NAMES, counts, strict=True)),
        "groups": len(np.unique(group)),
        "crossing": crossing,
        "signal": order.signal,
    }


def _edges(session: Session, query: str, dataset_id: int) -> Any:
    rows = session.execute(text(query), {"dataset": dataset_id}).all()
    return np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)


def _with_first(own: Any, sources: Any) -> Any:
    """Pairs of each row with the first of its source."""
    _, first, place = np.unique(sources, return_index=True, return_inverse=True)
    return np.stack([own[first[place]], own], axis=1)


def _write(session: Session, job: Job, ids: Any, revisions: Any, found: Any) -> None:
    name = order_of(job).signal
    signals = registry.signals(session, job.params["dataset_id"])
    slot = next(one for one in signals if one.name == name)
    for start_at in range(0, len(ids), _BATCH):
        some = slice(start_at, start_at + _BATCH)
        scores = Scores(found[some].astype(np.float32).reshape(-1, 1))
        write_values(session, ids[some].tolist(), revisions[some].tolist(), [([slot], scores)])
    slot.measured_at = now()
