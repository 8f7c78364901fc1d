"""What a release holds of what was generated: by generator, model, prompt and depth, run by run."""

import uuid
from collections import Counter
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_MADE = """
SELECT r.generator || ' v' || r.version, r.model, r.prompts, d.depth, count(*)
FROM release_items i JOIN generation_drafts d ON d.sample_id = i.sample_id
JOIN generation_runs r ON r.id = d.run_id
WHERE i.release_id = :release GROUP BY 1, 2, 3, 4
"""


# What a run took was taken for all of its drafts: for one that is released, others failed.
_RUNS = """
WITH held AS (
  SELECT d.run_id, count(DISTINCT i.sample_id) AS rows, count(DISTINCT p.parent_id) AS parents
  FROM release_items i JOIN generation_drafts d ON d.sample_id = i.sample_id
  LEFT JOIN sample_parents p ON p.child_id = i.sample_id
  WHERE i.release_id = :release GROUP BY d.run_id
)
SELECT r.number, r.generator, r.version, r.params, r."where", r.model, r.judge_model, r.created_at,
       held.rows, held.parents, sum(d.tokens_in), sum(d.tokens_out), sum(d.money),
       count(DISTINCT d.number)
FROM held JOIN generation_runs r ON r.id = held.run_id
JOIN generation_drafts d ON d.run_id = r.id
GROUP BY r.id, held.rows, held.parents ORDER BY r.number
"""


def _runs(session: Session, release_id: uuid.UUID) -> list[dict[str, Any]]:
    """The runs that rows of a release came of: what decided them, and what they took."""
    names = (
        *("run", "generator", "version", "params", "seeds", "model", "judge", "at", "rows"),
        *("parents", "tokens_in", "tokens_out", "money", "requests"),
    )
    found = []
    for row in session.execute(text(_RUNS), {"release": release_id}):
        one = dict(zip(names, row, strict=True))
        found.append({**one, "at": one["at"].isoformat(), "money": f"{one['money'].normalize():f}"})
    return found


def told(session: Session, release_id: uuid.UUID) -> dict[str, Any]:
    """Rows that were generated here, counted; all of them empty where none were."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("generator", "model", "prompt", "depth")
    }
    rows = 0
    for generator, model, prompts, depth, count in session.execute(
        text(_MADE), {"release": release_id}
    ):
        rows += count
        counts["generator"][generator] += count
        counts["depth"][str(depth)] += count
        if model:
            counts["model"][model] += count
        for name, one in prompts.items():
            counts["prompt"][f"{name} {one['hash']}"] += count
    return {
        "rows": rows,
        **{name: dict(sorted(one.items())) for name, one in counts.items()},
        "runs": _runs(session, release_id),
    }


def sentence(found: dict[str, Any]) -> str:
    """The same for people, in a sentence."""
    if not found["rows"]:
        return "None of it was generated here."
    by = ", ".join(f"{name} {count:,}" for name, count in found["generator"].items())
    models = f", by the models {', '.join(found['model'])}" if found["model"] else ""
    deepest = max(map(int, found["depth"]))
    made = f"{found['rows']:,} rows were generated here ({by}{models}), at most {deepest} deep."
    tokens = sum(one["tokens_in"] + one["tokens_out"] for one in found["runs"])
    if not tokens:
        return made
    money = sum(Decimal(one["money"]) for one in found["runs"])
    return f"{made} Their runs took {tokens:,} tokens and {money.normalize():f} in money."
