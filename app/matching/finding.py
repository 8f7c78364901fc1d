"""Looking for pairs among stored signatures, and keeping pairs and clusters of a run."""

import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as PgConnection
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.service import now
from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Pairs, Signed
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.matching import ranking, signing
from app.matching.models import MatchRun
from app.providers.embedders import Tier

_VECTORS = 20_000
_PAIR = struct.Struct(">hi16siqiqiiiiif")
_CLUSTERS = """
INSERT INTO match_clusters (run_id, keeper_id, keeper_revision, size, most, source_ids)
SELECT :run, n.keeper, n.revision, n.size, n.most, n.sources::int[] FROM
unnest(CAST(:keepers AS bigint[]), CAST(:revisions AS int[]), CAST(:sizes AS int[]),
       CAST(:most AS real[]), CAST(:sources AS text[])) AS n(keeper, revision, size, most, sources)
"""
_MEMBERS = """
INSERT INTO match_members (cluster_id, sample_id, revision, similarity)
SELECT c.id, n.sample, n.revision, n.similarity FROM
unnest(CAST(:keepers AS bigint[]), CAST(:samples AS bigint[]), CAST(:revisions AS int[]),
       CAST(:similarities AS real[])) AS n(keeper, sample, revision, similarity)
JOIN match_clusters c ON c.run_id = :run AND c.keeper_id = n.keeper
"""
_OLDER = """
DELETE FROM match_runs WHERE dataset_id = :dataset AND matcher = :matcher AND id <> :run
  AND against_id IS NOT DISTINCT FROM :against
  AND release_id IS NOT DISTINCT FROM CAST(:release AS uuid) AND created_at <= :created
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """All rows that a run looks at, the one to keep first: references, then its own."""

    ids: Ints
    revisions: NDArray[np.int32]
    sources: NDArray[np.int32]
    reference: NDArray[np.bool_]


def look(session: Session, run: MatchRun) -> Looked:
    """The rows by rank; what it is held against stays in any case, so that comes first."""
    own = ranking.ranked(session, run)
    other = ranking.reference(session, run) if run.against_id is not None else own[:0]
    rows = np.concatenate([other, own])
    return Looked(
        ids=rows["id"].astype(np.int64),
        revisions=rows["revision"].astype(np.int32),
        sources=rows["source"].astype(np.int32),
        reference=np.arange(len(rows)) < len(other),
    )


def find(session: Session, run: MatchRun, matcher: Matcher, recipe: int) -> dict[str, Any]:
    """Find pairs, make clusters, and keep both in the place of what an older run found."""
    looked = look(session, run)
    stored = signed(session, matcher, recipe, looked)

    def reread(rows: Ints) -> Batch:
        ids, revisions = looked.ids[rows].tolist(), looked.revisions[rows].tolist()
        return signing.records(session, ids, revisions)

    pairs = _without_exceptions(session, looked, matcher.find(stored, reread))
    _forget(session, run)
    _write_pairs(session, run.id, looked, pairs)
    clusters, members = _write_clusters(session, run.id, looked, pairs)
    compared = int(np.count_nonzero(np.diff(stored.offsets)))
    run.found = {
        "rows": len(looked.ids),
        "compared": compared,
        "pairs": len(pairs),
        "clusters": clusters,
        "members": members,
    }
    run.finished_at = now()
    return run.found


def signed(session: Session, matcher: Matcher, recipe: int, looked: Looked) -> Signed:
    """The signatures, or vectors, of these rows."""
    if matcher.embeds:
        found = _vectors(session, matcher, looked)
    else:
        found = signing.read(session, matcher, recipe, looked.ids, looked.revisions)
    return Signed(found.data, found.offsets, looked.reference)


def _vectors(session: Session, matcher: Matcher, looked: Looked) -> Signed:
    """Vectors in the place of signatures: half precision, none for a text without words."""
    model = embeddings.model_of(session, Tier(matcher.params()["tier"]))
    parts, there = [np.zeros((0, model.width), np.float16)], [np.zeros(0, bool)]
    for start in range(0, len(looked.ids), _VECTORS):
        some = slice(start, start + _VECTORS)
        ids, revisions = looked.ids[some].tolist(), looked.revisions[some].tolist()
        found = embeddings.vectors(session, model, Part.FULL, ids, revisions)
        filled = (found != 0).any(axis=1)
        parts.append(found[filled].astype(np.float16))
        there.append(filled)
    offsets = np.zeros(len(looked.ids) + 1, np.int64)
    np.cumsum(np.concatenate(there) * (2 * model.width), out=offsets[1:])
    data = np.concatenate(parts).view(np.uint8).reshape(-1)
    return Signed(data, offsets, looked.reference)


def _without_exceptions(session: Session, looked: Looked, pairs: Pairs) -> Pairs:
    """Without the pairs of which somebody said that they are no duplicates."""
    said = session.execute(
        text(
            "SELECT e.low_id, e.high_id FROM match_exceptions e "
            "JOIN bulk_actions b ON b.id = e.action_id WHERE b.undone_at IS NULL"
        )
    ).all()
    known = {(low, high) for low, high in said}
    if not known:
        return pairs
    ends = np.sort(np.stack([looked.ids[pairs.first], looked.ids[pairs.second]]), axis=0)
    keys = zip(ends[0].tolist(), ends[1].tolist(), strict=True)
    return pairs.where(np.array([key not in known for key in keys], bool))


def _forget(session: Session, run: MatchRun) -> None:
    """What this run found before it was killed, and what earlier runs like it found."""
    for table in ("match_pairs", "match_clusters"):
        session.execute(text(f"DELETE FROM {table} WHERE run_id = :run"), {"run": run.id})  # noqa: S608
    session.execute(
        text(_OLDER),
        {
            "dataset": run.dataset_id,
            "matcher": run.matcher,
            "against": run.against_id,
            "release": run.release_id,
            "run": run.id,
            "created": run.created_at,
        },
    )


def _write_pairs(session: Session, run_id: uuid.UUID, looked: Looked, pairs: Pairs) -> None:
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, PgConnection):
        raise TypeError("Pairs are written by COPY, which takes psycopg.")
    columns = "run_id, first_id, second_id, first_revision, second_revision, similarity"
    statement = f"COPY match_pairs ({columns}) FROM STDIN (FORMAT binary)"
    rows = zip(
        looked.ids[pairs.first].tolist(),
        looked.ids[pairs.second].tolist(),
        looked.revisions[pairs.first].tolist(),
        looked.revisions[pairs.second].tolist(),
        pairs.similarity.tolist(),
        strict=True,
    )
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for first, second, old, new, near in rows:
            copy.write(
                _PAIR.pack(6, 16, run_id.bytes, 8, first, 8, second, 4, old, 4, new, 4, near)
            )
        copy.write(b"\xff\xff")


def _write_clusters(
    session: Session, run_id: uuid.UUID, looked: Looked, pairs: Pairs
) -> tuple[int, int]:
    """Stars around the best of each; how many, and with how many members."""
    leader, near = buckets.stars(len(looked.ids), pairs.first, pairs.second, pairs.similarity)
    members = np.flatnonzero(leader != np.arange(len(leader)))
    if not len(members):
        return 0, 0
    members = members[np.argsort(leader[members], kind="stable")]
    keepers, starts = np.unique(leader[members], return_index=True)
    groups = np.split(members, starts[1:])
    sources = (
        np.unique(np.append(looked.sources[group], looked.sources[keeper]))
        for keeper, group in zip(keepers.tolist(), groups, strict=True)
    )
    session.execute(
        text(_CLUSTERS),
        {
            "run": run_id,
            "keepers": looked.ids[keepers].tolist(),
            "revisions": looked.revisions[keepers].tolist(),
            "sizes": [len(group) + 1 for group in groups],
            "most": np.maximum.reduceat(near[members], starts).tolist(),
            "sources": [_array(one.tolist()) for one in sources],
        },
    )
    session.execute(
        text(_MEMBERS),
        {
            "run": run_id,
            "keepers": looked.ids[leader[members]].tolist(),
            "samples": looked.ids[members].tolist(),
            "revisions": looked.revisions[members].tolist(),
            "similarities": near[members].tolist(),
        },
    )
    return len(keepers), len(members)


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(str(one) for one in numbers) + "}"
