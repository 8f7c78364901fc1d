"""What a release says of itself: its manifest and its card, from what its parts counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.contamination import certificate as contamination
from app.curation.writers.base import WrittenFile
from app.curation.writers.card import CardFacts, card
from app.datasets.models import Dataset
from app.generation import released
from app.releases.formats import FORMATS
from app.releases.models import Release
from app.releases.rows import Row
from app.sources.models import Source

Counts = Mapping[str, Counter[str]]
BETWEEN, TAIL = b",", b"\n  ]\n}"
# In the order of the card.
_COUNTED = ("source", "kind", "origin", "domain", "language")
_UNKNOWN = {"domain": "none", "language": "not measured"}
_ONE_BY_ONE = """
SELECT count(*) FROM release_items i
WHERE i.release_id = :release AND i.sample_id > :after AND i.sample_id <= :until AND EXISTS (
  SELECT 1 FROM decisions d WHERE d.sample_id = i.sample_id AND d.revision = i.revision
    AND d.verdict = 'approve' AND d.created_at <= :frozen_at
    AND (d.undone_at IS NULL OR d.undone_at > :frozen_at))
"""
_PERSONAL = """
SELECT count(*) FILTER (WHERE i.scores[CAST(:place AS int)] > 0),
       count(*) FILTER (WHERE i.scores[CAST(:place AS int)] IS NULL)
FROM release_items i WHERE i.release_id = :release
"""


def no_counts() -> Counts:
    """Counters for a part."""
    return {name: Counter() for name in _COUNTED}


def count(rows: Sequence[Row], counts: Counts) -> None:
    """Add rows to the counters; sources by their ids."""
    found = Counter((row.source_id, row.kind, row.origin, row.domain, row.language) for row in rows)
    for values, number in found.items():
        for name, value in zip(_COUNTED, values, strict=True):
            counts[name][_UNKNOWN[name] if value is None else str(value)] += number


def read_one_by_one(session: Session, release: Release, after: int, until: int) -> int:
    """How many rows of this range a reviewer read; a lead approved the others with a search."""
    params = {
        "release": release.id,
        "frozen_at": release.frozen_at,
        "after": after,
        "until": until,
    }
    return int(session.execute(text(_ONE_BY_ONE), params).scalar_one())


def manifest(
    session: Session,
    release: Release,
    files: Sequence[WrittenFile],
    left_out: Mapping[str, Mapping[str, int]],
    counts: Counts,
) -> dict[str, Any]:
    """All that is needed to build the release again, and to check what was downloaded.

    The list of its rows comes behind, in the file alone.
    """
    dataset = session.get_one(Dataset, release.dataset_id)
    return {
        "release": release.name,
        "dataset": dataset.name,
        "recipe": _recipe(release),
        "counts": _named(session, counts),
        "personal_data": _personal_data(session, release),
        "contamination": contamination.told(session, dataset),
        "generated": released.told(session, release.id, dataset.id),
        "left_out": {name: dict(sorted(reasons.items())) for name, reasons in left_out.items()},
        "files": [entry(one) for one in files],
    }


def _personal_data(session: Session, release: Release) -> dict[str, int]:
    """Rows in which personal data was found when last measured, and rows not measured."""
    slot = release.slots.get("pii")
    if slot is None:
        return {"rows": 0, "not_measured": release.rows}
    found, unknown = session.execute(
        text(_PERSONAL), {"place": slot + 1, "release": release.id}
    ).one()
    return {"rows": found, "not_measured": unknown}


def entry(file: WrittenFile) -> dict[str, Any]:
    """A file as the manifest names it."""
    return {"name": file.name, "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}


def _named(session: Session, counts: Counts) -> dict[str, dict[str, int]]:
    """Rows of the release by source, licence, kind, origin, domain and language."""
    found: dict[str, Counter[str]] = {"source": Counter(), "licence": Counter()}
    ids = [int(one) for one in counts["source"]]
    for source in session.scalars(select(Source).where(Source.id.in_(ids))):
        number = counts["source"][str(source.id)]
        found["source"][source.name] += number
        found["licence"]["not stated" if source.license is None else source.license] += number
    found |= {name: counts[name] for name in _COUNTED[1:]}
    return {name: dict(sorted(counter.items())) for name, counter in found.items()}


def head(about: Mapping[str, Any]) -> bytes:
    """The manifest as JSON up to the list of rows, which is the last of its keys in order."""
    body = orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    return body.removesuffix(b"\n}") + b',\n  "rows": ['


def listed(rows: Sequence[Row]) -> bytes:
    """The rows as that list has them, each behind a comma."""
    return "".join(
        f',\n    [\n      {row.id},\n      {row.revision},\n      "{row.digest}"\n    ]'
        for row in rows
    ).encode()


def _recipe(release: Release) -> dict[str, Any]:
    return {
        "where": release.where,
        "status": "approved",
        "formats": release.formats,
        "frozen_at": release.frozen_at.isoformat(),
        "writers": {name: FORMATS[name].fingerprint() for name in release.formats},
    }


def card_of(
    release: Release, about: Mapping[str, Any], files: Sequence[WrittenFile], read: int
) -> bytes:
    """The card: what is in the release, for people."""
    approvals = f"{read:,} read one by one by a reviewer, {release.rows - read:,} approved in bulk"
    told = CardFacts(
        name=f"{about['dataset']} {release.name}",
        summary=(
            f"{release.rows:,} samples of {about['dataset']}, all approved before "
            f"{release.frozen_at:%d %B %Y}: {approvals}. `manifest.json` lists "
            "every row with its revision and the SHA-256 of its content. "
            f"{_told(about['personal_data'])} {_looked_for(about['contamination'])} "
            f"{released.sentence(about['generated'])}"
        ),
        files=list(files),
        counts=about["counts"],
        recipe=about["recipe"],
        left_out={
            f"{name}: {reason}": number
            for name, reasons in about["left_out"].items()
            for reason, number in reasons.items()
        },
        prompts=about["generated"]["prompts"],
    )
    return card(told).encode()


def _told(personal: Mapping[str, int]) -> str:
    """What is known of personal data, in a sentence."""
    return (
        f"Personal data of a checkable shape: {personal['rows']:,} rows have some, "
        f"{personal['not_measured']:,} were not measured."
    )


def _looked_for(found: Mapping[str, Any] | None) -> str:
    """Which benchmarks were looked for, in a few sentences."""
    if found is None:
        return "No benchmark was looked for in it."
    benchmarks = "; ".join(
        f"{one['dataset']} ({one['items']:,} items, SHA-256 {one['sha256'][:16]}): "
        f"{one['matches']:,} matches and {one['candidates']:,} candidates, {one['removed']:,} "
        f"removed, {one['quarantined']:,} quarantined, {one['allowed']:,} allowed"
        for one in found["benchmarks"]
    )
    layers = sorted({one["key"] for run in found["runs"] for one in run["layers"]})
    stale = " ".join(found["stale"])
    said = f"Benchmarks were looked for by the layers {', '.join(layers)}: {benchmarks}. {stale}"
    return f"{said.strip()} {found['note']}"
