"""What runs found, for people: clusters, their members, pairs, how similarities spread."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.curation.matchers.evidence import same_places
from app.curation.records import Match
from app.matching import service
from app.matching.deciding import Chosen
from app.matching.models import MatchCluster, MatchRun
from app.samples.models import Status

BINS = 40
_SHOWN = 5000  # members of a cluster that a page or an answer lists

_UNSAID = """
NOT EXISTS (
  SELECT 1 FROM match_exceptions e JOIN bulk_actions b ON b.id = e.action_id
  WHERE e.low_id = least({a}, {b}) AND e.high_id = greatest({a}, {b}) AND b.undone_at IS NULL)
"""
_MEMBERS = f"""
FROM match_clusters c JOIN match_members m ON m.cluster_id = c.id
JOIN samples s ON s.id = m.sample_id JOIN samples k ON k.id = c.keeper_id
WHERE c.run_id = CAST(:run AS uuid) AND m.similarity >= CAST(:least AS real)
  AND (CAST(:source AS int) IS NULL OR c.source_ids @> ARRAY[CAST(:source AS int)])
  AND (CAST(:clusters AS bigint[]) IS NULL OR c.id = ANY(CAST(:clusters AS bigint[])))
  AND {_UNSAID.format(a="c.keeper_id", b="m.sample_id")}
"""
# A member is open while nobody decided on it and the text that it matched still stands.
_OPEN = """
s.status IN ('pending', 'in_review') AND NOT s.kept AND s.revision = m.revision
AND k.revision = c.keeper_revision AND k.status NOT IN ('dropped', 'rejected')
"""


class State(StrEnum):
    """Which clusters to list."""

    OPEN = "open"
    SETTLED = "settled"
    ALL = "all"


class Order(StrEnum):
    """What stands first."""

    SIZE = "size"
    SIMILARITY = "similarity"
    LEAST = "least"


_STATES = {State.OPEN: "HAVING count(*) FILTER (WHERE {o}) > 0",
           State.SETTLED: "HAVING count(*) FILTER (WHERE {o}) = 0", State.ALL: ""}  # fmt: skip
_ORDERS = {
    Order.SIZE: "count(*) DESC, c.id",
    Order.SIMILARITY: "max(m.similarity) DESC, count(*) DESC, c.id",
    Order.LEAST: "min(m.similarity), count(*) DESC, c.id",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """A cluster in a list: how many samples, how alike, how many of them may still go."""

    id: int
    keeper_id: int
    size: int
    least: float
    most: float
    open: int
    text: str
    sources: Sequence[str]


@dataclass(frozen=True, slots=True)
class Totals:
    """All clusters of a choice: how many, the samples in them, those that would go now."""

    clusters: int
    members: int
    open: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Members by how alike they are to the one that stays, from `low` to 1."""

    low: float
    high: float
    counts: Sequence[int]
    signal: str = "similarity"


@dataclass(frozen=True, slots=True)
class Member:
    """A sample of a cluster as people compare it."""

    id: int
    external_id: str | None
    dataset: str
    source: str
    status: Status
    words: int
    text: str
    similarity: float
    revision: int
    edited: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """A cluster with the one that stays and its members, the most alike first."""

    cluster: MatchCluster
    keeper: Member
    members: Sequence[Member]
    more: int


def clusters(
    session: Session,
    what: Chosen,
    *,
    state: State = State.OPEN,
    order: Order = Order.SIZE,
    offset: int = 0,
    limit: int = 50,
) -> list[Summary]:
    """Clusters of a choice, the largest first; similarity counts from the choice's least on."""
    rows = session.execute(
        text(
            f"""
WITH listed AS (
  SELECT c.id, c.keeper_id, c.source_ids, 1 + count(*) AS size, min(m.similarity) AS least,
         max(m.similarity) AS most, count(*) FILTER (WHERE {_OPEN}) AS open,
         row_number() OVER (ORDER BY {_ORDERS[order]}) AS place
  {_MEMBERS} GROUP BY c.id {_STATES[state].format(o=_OPEN)}
  ORDER BY {_ORDERS[order]} OFFSET :offset LIMIT :limit
)
SELECT l.id, l.keeper_id, l.size, l.least, l.most, l.open, left(b.text, 200) AS text,
       ARRAY(SELECT name FROM sources WHERE id = ANY(l.source_ids) ORDER BY name) AS sources
FROM listed l JOIN samples k ON k.id = l.keeper_id
JOIN sample_bodies b ON b.sample_id = k.id AND b.revision = k.revision ORDER BY l.place
"""  # noqa: S608 - our own words
        ),
        {**params(what), "offset": offset, "limit": limit},
    )
    return [Summary(**row._asdict()) for row in rows]


def totals(session: Session, what: Chosen) -> Totals:
    """Counts over a choice."""
    query = f"""
SELECT count(DISTINCT c.id), count(*), count(DISTINCT s.id) FILTER (WHERE {_OPEN}
  AND NOT EXISTS (SELECT 1 FROM sample_drops d WHERE d.matched_id = s.id)) {_MEMBERS}
"""  # noqa: S608
    return Totals(*session.execute(text(query), params(what)).one())


def spread(session: Session, run: MatchRun) -> Spread:
    """How similarities of members spread over the range that the run looked at."""
    low = min(service.matcher_of(run.matcher, run.params).least(), 0.95)
    query = f"""
SELECT least(width_bucket(m.similarity, :low, 1.000001, {BINS}), {BINS}) AS bin, count(*)
{_MEMBERS} GROUP BY bin
"""
    found = session.execute(text(query), {**params(Chosen(str(run.id))), "low": low}).all()
    counts = [0] * BINS
    for number, count in found:
        counts[max(number - 1, 0)] += count
    return Spread(low, 1.0, counts)


def sources(session: Session, run: MatchRun) -> list[str]:
    """The sources that clusters of a run hold samples of, by name."""
    query = """
SELECT name FROM sources WHERE id IN (
  SELECT unnest(c.source_ids) FROM match_clusters c WHERE c.run_id = CAST(:run AS uuid))
ORDER BY name
"""
    return list(session.scalars(text(query), {"run": str(run.id)}))


def params(what: Chosen) -> dict[str, Any]:
    """What a choice is in a query."""
    return {
        "run": what.run,
        "least": what.least,
        "source": what.source,
        "clusters": what.clusters,
    }


_SAMPLES = """
SELECT s.id, s.external_id, d.name AS dataset, o.name AS source, s.status, s.words, b.text,
       n.similarity, n.revision, s.revision <> n.revision AS edited
FROM unnest(CAST(:ids AS bigint[]), CAST(:revisions AS int[]), CAST(:near AS real[]))
     AS n(id, revision, similarity)
JOIN samples s ON s.id = n.id JOIN datasets d ON d.id = s.dataset_id
JOIN sources o ON o.id = s.source_id
JOIN sample_bodies b ON b.sample_id = n.id AND b.revision = n.revision
ORDER BY n.similarity DESC, s.id
"""


def detail(session: Session, cluster: MatchCluster, *, least: float = 0.0) -> Detail:
    """A cluster with the texts that were compared."""
    query = f"SELECT m.sample_id, m.revision, m.similarity {_MEMBERS} ORDER BY 3 DESC, 1"
    what = Chosen(str(cluster.run_id), least, clusters=[cluster.id])
    found = session.execute(text(query), params(what)).all()
    keeper = _members(session, [(cluster.keeper_id, cluster.keeper_revision, 1.0)])[0]
    return Detail(cluster, keeper, _members(session, found[:_SHOWN]), max(len(found) - _SHOWN, 0))


def _members(session: Session, rows: Sequence[Any]) -> list[Member]:
    ids, revisions, near = zip(*rows, strict=True) if rows else ((), (), ())
    given = {"ids": list(ids), "revisions": list(revisions), "near": list(near)}
    found = session.execute(text(_SAMPLES), given)
    return [Member(**{**row._asdict(), "status": Status(row.status)}) for row in found]


def compared(first: Member, second: Member) -> Match:
    """How alike two samples are, and the places in their texts that are the same."""
    return Match(second.similarity, *same_places(first.text, second.text))


_PAIRS = f"""
SELECT p.run_id, r.matcher, p.similarity, p.first_id, a.external_id AS first_external,
       p.second_id, b.external_id AS second_external, x.text AS first_text, y.text AS second_text
FROM match_pairs p JOIN match_runs r ON r.id = p.run_id
JOIN samples a ON a.id = p.first_id JOIN samples b ON b.id = p.second_id
LEFT JOIN sample_bodies x ON x.sample_id = a.id AND x.revision = p.first_revision
LEFT JOIN sample_bodies y ON y.sample_id = b.id AND y.revision = p.second_revision
WHERE p.run_id = ANY(CAST(:runs AS uuid[])) AND p.similarity >= CAST(:least AS real)
  AND {_UNSAID.format(a="p.first_id", b="p.second_id")}
"""  # noqa: S608 - our own words
_AFTER = """
  AND (p.similarity < CAST(:near AS real) OR (p.similarity = CAST(:near AS real)
       AND (p.first_id, p.second_id, p.run_id) > (:first, :second, CAST(:last_run AS uuid))))
"""


def pairs(
    session: Session,
    runs: Sequence[MatchRun],
    *,
    least: float,
    after: tuple[float, int, int, uuid.UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Pairs that runs found, the most alike first, with the texts that were compared."""
    given: dict[str, Any] = {"runs": [one.id for one in runs], "least": least, "limit": limit}
    if after is not None:
        given |= dict(zip(("near", "first", "second", "last_run"), after, strict=True))
    order = "ORDER BY p.similarity DESC, p.first_id, p.second_id, p.run_id LIMIT :limit"
    query = f"{_PAIRS} {_AFTER if after is not None else ''} {order}"
    return session.execute(text(query), given).all()


def count_pairs(session: Session, runs: Sequence[MatchRun], least: float) -> int:
    """How many pairs there are in all."""
    query = f"SELECT count(*) FROM ({_PAIRS}) AS listed"  # noqa: S608
    given = {"runs": [one.id for one in runs], "least": least}
    return int(session.execute(text(query), given).scalar_one())


def evidence(row: Row[Any]) -> Mapping[str, Any]:
    """Why two samples are a pair: the method, the similarity, the places that are the same."""
    first, second = same_places(row.first_text or "", row.second_text or "")
    return {
        "method": row.matcher,
        "similarity": round(row.similarity, 6),
        "spans": {"a": [list(one) for one in first], "b": [list(one) for one in second]},
    }
