"""Writing what came of requests: samples with their parents, and a line for every draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from app.curation.generators.base import Draft, Made, Outcome
from app.curation.generators.prompts import SHOWN_HASH
from app.curation.records import Origin, Record
from app.curation.text.identity import content_hash
from app.generation.models import GenerationDraft, GenerationRun
from app.samples.loading import add_batch
from app.samples.models import Sample, SampleParent
from app.samples.packing import Target
from app.sources.models import Source
from app.taxonomy.models import TaxonomyNode

_MOST_RAW = 20_000
_REASON = 500  # characters of a reason of a gate
# A synthetic sample of which nobody knows how it was made counts as made once.
_DEPTHS = """
SELECT s.id, coalesce(max(d.depth), CASE WHEN s.origin = 'synthetic' THEN 1 ELSE 0 END)
FROM samples s LEFT JOIN generation_drafts d ON d.sample_id = s.id
WHERE s.id = ANY(CAST(:ids AS bigint[])) GROUP BY s.id
"""
_HOLD = """
SELECT id FROM samples WHERE id = ANY(CAST(:ids AS bigint[]))
AND status NOT IN ('rejected', 'dropped', 'quarantined') ORDER BY id FOR KEY SHARE
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the account with its place in the run, the replies it took and their cost."""

    number: int
    item: int
    made: Made
    raw: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    money: Decimal = Decimal(0)
    leaf: int | None = None
    prompts: frozenset[str] = frozenset()  # names of those that were asked by


def store(session: Session, run: GenerationRun, lines: Sequence[Line]) -> None:
    """Write these lines, and of a run that is no pilot the samples that were accepted.

    A seed that was deleted or thrown out meanwhile takes its drafts with it; content that the
    dataset has is a duplicate.
    """
    there = _held(session, lines)
    depths = _depths(session, there)
    lines = [_without_gone(one, there) for one in lines]
    lines = _new(session, run, lines)
    depth = [_depth(one.made.draft, depths) for one in lines]
    ids = {} if run.pilot else _samples(session, run, lines, depth)
    leaves = _leaves(session, lines)
    rows = [
        {**_row(run, one, depth[place], ids.get(place)), "leaf_id": leaves.get(one.leaf)}
        for place, one in enumerate(lines)
    ]
    if rows:
        session.execute(insert(GenerationDraft), rows)


def _leaves(session: Session, lines: Sequence[Line]) -> dict[int | None, int]:
    """The leaves that there still are."""
    wanted = sorted({one.leaf for one in lines if one.leaf is not None})
    if not wanted:
        return {}
    query = select(TaxonomyNode.id).where(TaxonomyNode.id.in_(wanted)).order_by(TaxonomyNode.id)
    return {one: one for one in session.scalars(query.with_for_update(key_share=True, read=True))}


def _held(session: Session, lines: Sequence[Line]) -> set[int]:
    """The parents that nobody threw out, held until the end of the transaction."""
    wanted = {
        parent for one in lines if one.made.draft is not None for parent in one.made.draft.parents
    }
    if not wanted:
        return set()
    return set(session.scalars(text(_HOLD), {"ids": sorted(wanted)}))


def _depths(session: Session, ids: set[int]) -> dict[int, int]:
    if not ids:
        return {}
    return dict(session.execute(text(_DEPTHS), {"ids": sorted(ids)}).all())


def _depth(draft: Draft | None, depths: Mapping[int, int]) -> int:
    parents = draft.parents if draft is not None else ()
    return 1 + max((depths.get(one, 0) for one in parents), default=0)


def _without_gone(line: Line, there: set[int]) -> Line:
    draft = line.made.draft
    if line.made.outcome is not Outcome.ACCEPTED or draft is None:
        return line
    if there.issuperset(draft.parents):
        return line
    reason = "The sample that it was made from was deleted or thrown out while the run went on."
    return replace(line, made=replace(line.made, outcome=Outcome.GONE, reason=reason))


def _new(session: Session, run: GenerationRun, lines: Sequence[Line]) -> list[Line]:
    """The same, where equal content is a duplicate."""
    hashes = [
        content_hash(one.made.draft.kind, one.made.draft.body)
        if one.made.draft is not None and one.made.outcome is Outcome.ACCEPTED
        else b""
        for one in lines
    ]
    query = select(Sample.content_hash).where(
        Sample.dataset_id == run.dataset_id, Sample.content_hash.in_([one for one in hashes if one])
    )
    known = set(session.scalars(query))
    found = []
    for one, digest in zip(lines, hashes, strict=True):
        line = one
        if digest and digest in known:
            reason = "The dataset has a sample of the same content."
            line = replace(one, made=replace(one.made, outcome=Outcome.DUPLICATE, reason=reason))
        known.add(digest)
        found.append(line)
    return found


def _samples(
    session: Session, run: GenerationRun, lines: Sequence[Line], depth: Sequence[int]
) -> dict[int, int]:
    """Add what was accepted; the ids of the samples by the places of their lines."""
    places, records = [], []
    for place, one in enumerate(lines):
        if one.made.outcome is Outcome.ACCEPTED and one.made.draft is not None:
            places.append(place)
            records.append(_record(run, one, one.made.draft, depth[place]))
    if not records:
        return {}
    source = session.get_one(Source, run.source_id)
    add_batch(session, Target(run.dataset_id, source, None, {}), records)
    hashes = [content_hash(one.kind, one.body) for one in records]
    query = select(Sample.content_hash, Sample.id).where(
        Sample.dataset_id == run.dataset_id, Sample.content_hash.in_(hashes)
    )
    by_hash = dict(session.execute(query).all())
    ids = {place: by_hash[digest] for place, digest in zip(places, hashes, strict=True)}
    parents = [
        {"child_id": ids[place], "parent_id": parent, "relation": draft.relation}
        for place in places
        if (draft := lines[place].made.draft) is not None
        for parent in dict.fromkeys(draft.parents)
    ]
    if parents:
        session.execute(insert(SampleParent), parents)
    return ids


def _record(run: GenerationRun, line: Line, draft: Draft, depth: int) -> Record:
    """The draft as a sample; what it was made by stands in its metadata."""
    told: dict[str, Any] = {
        "generator": run.generator,
        "generator_version": run.version,
        "run": run.number,
        "depth": depth,
    }
    if line.made.gates:  # for those who review it
        told["gates"] = [
            {"name": one.name, "reason": _clean(one.reason[:_REASON])} for one in line.made.gates
        ]
    if run.model:
        used = [one for name, one in run.prompts.items() if name in line.prompts]
        told |= {"model": run.model, "prompts": " ".join(one["hash"][:SHOWN_HASH] for one in used)}
    if run.judge_model:
        told["judge"] = run.judge_model
    return Record(
        draft.kind,
        draft.body,
        language=draft.language,
        domain=draft.domain,
        origin=Origin.SYNTHETIC,
        metadata={**draft.metadata, **told},
    )


def _row(run: GenerationRun, line: Line, depth: int, sample_id: int | None) -> dict[str, Any]:
    made, draft = line.made, line.made.draft
    return {
        "run_id": run.id,
        "number": line.number,
        "item": line.item,
        "outcome": made.outcome.value,
        "gate": made.failed_gate,
        "reason": made.reason[:2000].replace("\0", "\ufffd"),
        "gates": [
            {"name": one.name, "passed": one.passed, "reason": _clean(one.reason[:_REASON])}
            for one in made.gates
        ],
        "sample_id": sample_id,
        "parents": list(draft.parents) if draft is not None else [],
        "depth": depth,
        "drawn": False,
        "raw": _clean(line.raw[:_MOST_RAW]),
        "body": _kept(draft) if draft is not None and sample_id is None else None,
        "tokens_in": line.tokens_in,
        "tokens_out": line.tokens_out,
        "money": line.money,
    }


def _kept(draft: Draft) -> dict[str, Any]:
    """A draft that is no sample, in a form that the database takes."""
    values = {name: _clean(value) for name, value in draft.body.items() if isinstance(value, str)}
    return {"kind": draft.kind.value, "body": {**draft.body, **values}}


def _clean(text_: str) -> str:
    """Without what Postgres refuses: NUL, and halves of characters."""
    return text_.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
