"""Hits in and out of the table: written by ranges, pruned at the end, written again by a retry."""

from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.contamination.models import ContaminationHit, ContaminationRun
from app.contamination.searching import Items
from app.curation.contamination.base import Finding, Hit
from app.samples.models import Sample

MOST = 5  # candidates per item

_INSERT = """
INSERT INTO contamination_hits (dataset_id, benchmark_id, run_id, sample_id, item_id, revision,
                                item_revision, layer, finding, score, likely, sample_spans,
                                item_spans)
SELECT :dataset_id, h.benchmark_id, :run_id, h.sample_id, h.item_id, h.revision, h.item_revision,
       h.layer, h.finding, h.score, h.likely, h.sample_spans, h.item_spans
FROM jsonb_to_recordset(CAST(:hits AS jsonb)) AS h(
  benchmark_id int, sample_id bigint, item_id bigint, revision int, item_revision int, layer text,
  finding text, score real, likely real, sample_spans jsonb, item_spans jsonb)
JOIN samples s ON s.id = h.sample_id JOIN samples i ON i.id = h.item_id
ON CONFLICT (sample_id, item_id, layer) DO UPDATE SET
  run_id = excluded.run_id, revision = excluded.revision, item_revision = excluded.item_revision,
  finding = excluded.finding, score = excluded.score, likely = excluded.likely,
  sample_spans = excluded.sample_spans, item_spans = excluded.item_spans,
  created_at = clock_timestamp()
"""
# Of all pairs of an item without a match the likeliest stay, by whichever layer is surest.
_PRUNE = """
WITH pairs AS (
  SELECT item_id, sample_id, max(likely) AS likely, bool_or(finding = :match) AS sure
  FROM contamination_hits WHERE dataset_id = :dataset_id AND benchmark_id = ANY(:benchmarks)
  GROUP BY item_id, sample_id
), ordered AS (
  SELECT item_id, sample_id, row_number() OVER (
    PARTITION BY item_id ORDER BY likely DESC, sample_id) AS place
  FROM pairs WHERE NOT sure
)
DELETE FROM contamination_hits h USING ordered o
WHERE h.item_id = o.item_id AND h.sample_id = o.sample_id AND h.dataset_id = :dataset_id
  AND o.place > :most
  AND NOT EXISTS (SELECT 1 FROM contamination_verdicts v
                  WHERE v.item_id = h.item_id AND v.sample_id = h.sample_id)
"""


def write(
    session: Session,
    run: ContaminationRun,
    items: Items,
    hits: Sequence[Hit],
    ids: Sequence[int],
    revisions: Sequence[int],
) -> None:
    """Put the hits of these samples in the place of those that the same layers found before.

    What other layers found stays: a search with fewer of them takes nothing back.
    """
    benchmarks = {one["id"] for one in run.benchmarks}
    layers = {one["key"] for one in run.layers}
    session.execute(
        delete(ContaminationHit).where(
            ContaminationHit.sample_id.in_(ids),
            ContaminationHit.benchmark_id.in_(benchmarks),
            ContaminationHit.layer.in_(layers),
        )
    )
    if not hits:
        return
    rows = [
        {
            "benchmark_id": items.benchmarks[hit.item],
            "sample_id": ids[hit.sample],
            "item_id": items.ids[hit.item],
            "revision": revisions[hit.sample],
            "item_revision": items.revisions[hit.item],
            "layer": hit.layer,
            "finding": hit.finding.value,
            "score": hit.score,
            "likely": hit.likely,
            "sample_spans": hit.sample_spans,
            "item_spans": hit.item_spans,
        }
        for hit in hits
    ]
    params = {"dataset_id": run.dataset_id, "run_id": run.id, "hits": orjson.dumps(rows).decode()}
    session.execute(text(_INSERT), params)


def prune(session: Session, run: ContaminationRun) -> None:
    """Leave of every item its matches, its likeliest candidates and what somebody judged."""
    params = {
        "dataset_id": run.dataset_id,
        "benchmarks": [one["id"] for one in run.benchmarks],
        "most": MOST,
        "match": Finding.MATCH.value,
    }
    session.execute(text(_PRUNE), params)


def found(session: Session, run: ContaminationRun) -> Mapping[str, int]:
    """How many items, samples and hits there are of the benchmarks of a run."""
    hits, items, samples = session.execute(
        select(
            func.count(),
            func.count(ContaminationHit.item_id.distinct()),
            func.count(ContaminationHit.sample_id.distinct()),
        ).where(
            ContaminationHit.dataset_id == run.dataset_id,
            ContaminationHit.benchmark_id.in_([one["id"] for one in run.benchmarks]),
        )
    ).one()
    return {"hits": hits, "items": items, "samples": samples}


def mark_read(session: Session, run: ContaminationRun) -> None:
    """Note which rows are there: later ones are not covered."""
    mine = Sample.dataset_id == run.dataset_id
    last, count = session.execute(select(func.max(Sample.id), func.count()).where(mine)).one()
    run.last_id, run.rows = last or 0, count
    run.read_at = session.scalar(select(func.clock_timestamp()))
