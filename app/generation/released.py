"""What a release holds of what was generated: by generator, model, prompt and depth, run by run."""

import uuid
from collections import defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.curation.generators.prompts import SHOWN_HASH
from app.generation import guards
from app.generation.models import GenerationRun

# Rows of a release with all that they were made of: a pair of answers is no draft itself.
_OF = """
WITH RECURSIVE of_row AS (
  SELECT sample_id AS row, sample_id AS sample FROM release_items WHERE release_id = :release
  UNION
  SELECT of_row.row, p.parent_id FROM of_row JOIN sample_parents p ON p.child_id = of_row.sample
), held AS (
  SELECT of_row.row, of_row.sample, d.run_id, d.depth
  FROM of_row JOIN generation_drafts d ON d.sample_id = of_row.sample
)
"""
_MADE = """
SELECT held.run_id, held.depth, held.row, coalesce(b.metadata ->> 'prompts', '')
FROM held JOIN sample_bodies b ON b.sample_id = held.sample AND b.revision = 1
"""
# What a run took was taken for all of its drafts: for one that is released, others failed. It is
# what the ledger holds: replies that an earlier run paid for are that run's.
_RUNS = """
SELECT r.number, r.generator, r.version, r.params, r."where", r.model, r.judge_model,
       j.params -> 'temperature', j.params -> 'max_tokens', r.created_at, used.rows, used.parents,
       paid.tokens_in, paid.tokens_out, paid.money,
       (SELECT count(DISTINCT d.number) FROM generation_drafts d WHERE d.run_id = r.id)
FROM (
  SELECT held.run_id, count(DISTINCT held.row) AS rows, count(DISTINCT p.parent_id) AS parents
  FROM held LEFT JOIN sample_parents p ON p.child_id = held.sample GROUP BY held.run_id
) used
JOIN generation_runs r ON r.id = used.run_id
LEFT JOIN jobs j ON j.id = r.job_id
CROSS JOIN LATERAL (
  SELECT coalesce(sum(u.tokens_in), 0)::bigint AS tokens_in,
         coalesce(sum(u.tokens_out), 0)::bigint AS tokens_out, coalesce(sum(u.money), 0) AS money
  FROM llm_usage u WHERE u.job_id = r.job_id
) paid
ORDER BY r.number
"""

# A template of prompts, and the rows of the runs that asked by it.
_TEMPLATE = ("generator", "prompt", "version", "hash", "rows")


def _runs(session: Session, release_id: uuid.UUID) -> list[dict[str, Any]]:
    """The runs that rows of a release came of: what decided them, and what they took."""
    names = (
        *("run", "generator", "version", "params", "seeds", "model", "judge", "temperature"),
        *("max_tokens", "at", "rows", "parents", "tokens_in", "tokens_out", "money", "requests"),
    )
    found = []
    for row in session.execute(text(_OF + _RUNS), {"release": release_id}):
        one = dict(zip(names, row, strict=True))
        found.append({**one, "at": one["at"].isoformat(), "money": f"{one['money'].normalize():f}"})
    return found


def told(session: Session, release_id: uuid.UUID, dataset_id: int) -> dict[str, Any]:
    """Rows that were generated here, or made of what was, counted; empty where none were.

    `override` is the reason for which more may be synthetic than the cap of the dataset allows.
    """
    names = ("generator", "model", "depth")
    rows: dict[str, dict[str, set[int]]] = {name: defaultdict(set) for name in names}
    every: set[int] = set()
    by_run: dict[uuid.UUID, set[int]] = defaultdict(set)
    asked: dict[tuple[uuid.UUID, str], set[int]] = defaultdict(set)
    templates: dict[tuple[str, str, int, str], set[int]] = defaultdict(set)
    for run_id, depth, row, hashes in session.execute(text(_OF + _MADE), {"release": release_id}):
        every.add(row)
        rows["depth"][str(depth)].add(row)
        by_run[run_id].add(row)
        for prompt in hashes.split():
            asked[run_id, prompt].add(row)
    for run in session.scalars(select(GenerationRun).where(GenerationRun.id.in_(by_run))):
        mine = by_run[run.id]
        rows["generator"][f"{run.generator} v{run.version}"] |= mine
        if run.model:
            rows["model"][run.model] |= mine
        for name, one in run.prompts.items():
            if by := asked.get((run.id, one["hash"][:SHOWN_HASH])):
                templates[run.generator, name, one["version"], one["hash"]] |= by
    return {
        "rows": len(every),
        **{name: {key: len(one[key]) for key in sorted(one)} for name, one in rows.items()},
        "prompts": [
            dict(zip(_TEMPLATE, (*one, len(templates[one])), strict=True))
            for one in sorted(templates)
        ],
        "runs": _runs(session, release_id),
        "override": guards.cap_of(session, dataset_id).override_reason,
    }


def sentence(found: dict[str, Any]) -> str:
    """The same for people, in a sentence."""
    override = f" The cap on synthetic words was lifted: “{found['override']}”."
    return f"{_made(found)}{override if found['override'] else ''}"


def _made(found: dict[str, Any]) -> str:
    if not found["rows"]:
        return "None of it was generated here."
    by = ", ".join(f"{name} {count:,}" for name, count in found["generator"].items())
    models = f", by the models {', '.join(found['model'])}" if found["model"] else ""
    deepest = max(map(int, found["depth"]))
    made = (
        f"{found['rows']:,} rows were generated here, or made of what was ({by}{models}), "
        f"at most {deepest} deep."
    )
    tokens = sum(one["tokens_in"] + one["tokens_out"] for one in found["runs"])
    if not tokens:
        return made
    money = sum((Decimal(one["money"]) for one in found["runs"]), Decimal(0))
    return f"{made} Their runs took {tokens:,} tokens and {money.normalize():f} in money."
