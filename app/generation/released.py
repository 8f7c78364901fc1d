"""What a release holds of what was generated: by generator, model, prompt and depth."""

import uuid
from collections import Counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_MADE = """
SELECT r.generator || ' v' || r.version, r.model, r.prompts, d.depth, count(*)
FROM release_items i JOIN generation_drafts d ON d.sample_id = i.sample_id
JOIN generation_runs r ON r.id = d.run_id
WHERE i.release_id = :release GROUP BY 1, 2, 3, 4
"""


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
    return {"rows": rows, **{name: dict(sorted(one.items())) for name, one in counts.items()}}


def sentence(found: dict[str, Any]) -> str:
    """The same for people, in a sentence."""
    if not found["rows"]:
        return "None of it was generated here."
    by = ", ".join(f"{name} {count:,}" for name, count in found["generator"].items())
    models = f", by the models {', '.join(found['model'])}" if found["model"] else ""
    deepest = max(map(int, found["depth"]))
    return f"{found['rows']:,} rows were generated here ({by}{models}), at most {deepest} deep."
