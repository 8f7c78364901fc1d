"""What runs found, as signals of every sample: filters and rules read them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.service import now
from app.curation.signals.base import Scores
from app.samples import registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.scoring.writing import write_values

KEY = "duplicates"
_BATCH = 10_000
_SPECS = (
    SignalSpec(
        name="near_duplicate",
        title="Near-duplicate",
        key=KEY,
        fingerprint=f"{KEY}:near_duplicate",
        help="1 if another sample that says the same stays, 0 if none was found.",
    ),
    SignalSpec(
        name="duplicate_similarity",
        title="Similarity to its duplicate",
        key=KEY,
        fingerprint=f"{KEY}:duplicate_similarity",
        help="How alike it is to the nearest sample of its clusters; 0 if it is in none.",
    ),
    SignalSpec(
        name="duplicate_cluster_size",
        title="Size of its cluster",
        key=KEY,
        fingerprint=f"{KEY}:duplicate_cluster_size",
        help="Samples in the largest cluster of duplicates that it is in; 1 if it is in none.",
    ),
)
# What people said to be no duplicates counts as none; a twin that is gone is no reason to go.
_EDGES = """
SELECT m.sample_id, c.keeper_id, m.similarity, c.id,
       k.status NOT IN ('dropped', 'rejected') AS stands
FROM match_clusters c
JOIN match_runs r ON r.id = c.run_id AND r.dataset_id = :dataset
JOIN match_members m ON m.cluster_id = c.id
JOIN samples k ON k.id = c.keeper_id
WHERE NOT EXISTS (
  SELECT 1 FROM match_exceptions e JOIN bulk_actions b ON b.id = e.action_id
  WHERE e.low_id = least(c.keeper_id, m.sample_id)
    AND e.high_id = greatest(c.keeper_id, m.sample_id) AND b.undone_at IS NULL)
ORDER BY r.created_at, c.id, m.sample_id
"""
_CHANGED = """
SELECT s.id, s.revision, coalesce(f.near, 0), coalesce(f.similarity, 0), coalesce(f.size, 1)
FROM samples s LEFT JOIN
  unnest(CAST(:ids AS bigint[]), CAST(:near AS real[]), CAST(:similarities AS real[]),
         CAST(:sizes AS real[])) AS f(id, near, similarity, size) ON f.id = s.id
WHERE s.dataset_id = :dataset AND (s.scores[:a] IS DISTINCT FROM coalesce(f.near, 0)::real
  OR s.scores[:b] IS DISTINCT FROM coalesce(f.similarity, 0)::real
  OR s.scores[:c] IS DISTINCT FROM coalesce(f.size, 1)::real)
ORDER BY s.id
"""


def claim(session: Session, dataset_id: int) -> list[DatasetSignal]:
    """The slots of the three signals."""
    return registry.claim_slots(session, dataset_id, _SPECS, None)


def mark(session: Session, dataset_id: int) -> int:
    """Bring the signals of a dataset up to what its runs found; how many samples changed."""
    slots = claim(session, dataset_id)
    places = {name: one.slot + 1 for name, one in zip("abc", slots, strict=True)}
    marks = _marks(session.execute(text(_EDGES), {"dataset": dataset_id}).all())
    params = {
        "ids": list(marks),
        "near": [one.near for one in marks.values()],
        "similarities": [one.similarity for one in marks.values()],
        "sizes": [one.size for one in marks.values()],
    }
    changed = session.execute(text(_CHANGED), {"dataset": dataset_id, **places, **params}).all()
    for start in range(0, len(changed), _BATCH):
        _write(session, slots, changed[start : start + _BATCH])
    for slot in slots:
        slot.measured_at = now()
    return len(changed)


@dataclass(slots=True)
class Mark:
    """What the signals say of a sample."""

    near: float = 0.0
    similarity: float = 0.0
    size: float = 1.0


def _marks(edges: Sequence[Any]) -> dict[int, Mark]:
    """Marks of the samples in clusters.

    Two runs may disagree on who stays. Who stays for another one is not marked by a later run, and
    who is marked keeps nobody: so a filter that leaves out all marked samples leaves a twin of
    each.
    """
    marks: dict[int, Mark] = defaultdict(Mark)
    sizes = Counter(edge.id for edge in edges)
    needed: set[int] = set()
    for member, keeper, similarity, cluster, stands in edges:
        if stands and member not in needed and not marks[keeper].near:
            marks[member].near = 1.0
            needed.add(keeper)
        for one in (marks[member], marks[keeper]):
            one.similarity = max(one.similarity, similarity)
            one.size = max(one.size, sizes[cluster] + 1.0)
    return marks


def _write(session: Session, slots: Sequence[DatasetSignal], rows: Sequence[Any]) -> None:
    ids, revisions, *values = zip(*rows, strict=True)
    scores = Scores(np.array(values, np.float32).T.copy())
    write_values(session, ids, revisions, [(slots, scores)])
