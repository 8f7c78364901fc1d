"""The ledger of a sample: every event that touched it, from its import to its releases."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import AuditEvent, User
from app.curation.pii.kinds import places
from app.curation.text.identity import content_hash
from app.datasets.models import Import
from app.filtering.models import RuleApplication, RuleSet, RuleVersion
from app.generation import account
from app.generation.models import GenerationDraft, GenerationRun
from app.releases.models import Release, ReleaseItem
from app.samples import registry
from app.samples import service as samples
from app.samples.models import DatasetSignal, Sample
from app.scoring.models import ScoreNote
from app.sources.models import Source


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: when, what in a few words, by whom, and what stands behind it."""

    at: datetime
    kind: str
    title: str
    by: str = ""
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """A score with its rationale."""

    signal: DatasetSignal
    value: float
    note: str
    spans: list[list[int]]
    stale: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """All events, newest first, and whether the chain of their hashes is whole."""

    entries: list[Entry]
    whole: bool


def ledger(session: Session, sample: Sample) -> Ledger:
    """Read the ledger of a sample."""
    entries = [
        *_imported(session, sample),
        *_measured(session, sample),
        *_events(session, sample),
        *_released(session, sample),
    ]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return Ledger(entries, whole=_is_whole(session, sample))


def _is_whole(session: Session, sample: Sample) -> bool:
    """The events are chained, and the content is what its hash says."""
    body = samples.body(session, sample)
    same = body.content_hash == sample.content_hash == content_hash(sample.kind, body.body)
    return same and audit.first_broken(session, sample.id) is None


def _imported(session: Session, sample: Sample) -> Iterator[Entry]:
    source = session.get_one(Source, sample.source_id)
    if (draft := account.draft_of(session, sample.id)) is not None:
        yield _generated(session, sample, draft)
        return
    batch = session.get(Import, sample.import_id) if sample.import_id is not None else None
    person = session.get(User, batch.created_by) if batch and batch.created_by else None
    place = ", ".join(one["name"] for one in batch.files) if batch else "REST"
    line = f", row {sample.line:,}" if sample.line else ""
    yield Entry(
        at=sample.created_at,
        kind="imported",
        title=f"Imported from {source.name}",
        by=person.email if person else "",
        detail=f"{place}{line}; licence {source.license or 'not stated'}, origin {sample.origin}",
        data={"source": source.name, "license": source.license, "line": sample.line},
    )


def _generated(session: Session, sample: Sample, draft: GenerationDraft) -> Entry:
    run = session.get_one(GenerationRun, draft.run_id)
    person = session.get(User, run.created_by) if run.created_by else None
    parents = f", from {', '.join(f'#{one}' for one in draft.parents[:8])}" if draft.parents else ""
    model = f" by {run.model}" if run.model else ""
    return Entry(
        at=sample.created_at,
        kind="generated",
        title=f"Generated in run {run.number}: {run.generator}{model}",
        by=person.email if person else "",
        detail=f"request {draft.number}{parents}; depth {draft.depth}",
        data={
            "run": run.number,
            "generator": run.generator,
            "version": run.version,
            "model": run.model,
            "prompts": {name: one["hash"] for name, one in run.prompts.items()},
            "parents": list(draft.parents),
        },
    )


def _measured(session: Session, sample: Sample) -> Iterator[Entry]:
    """One entry per run that measured this sample, with its values."""
    runs: dict[datetime, list[ScoreLine]] = {}
    for score in scores(session, sample):
        if score.signal.key != registry.IMPORTED and score.signal.measured_at is not None:
            runs.setdefault(score.signal.measured_at, []).append(score)
    for at, lines in runs.items():
        methods = sorted({line.signal.key for line in lines})
        yield Entry(
            at=at,
            kind="scored",
            title=f"Measured: {', '.join(methods)}",
            detail=f"{len(lines)} values",
            data={line.signal.name: line.value for line in lines},
        )


def _released(session: Session, sample: Sample) -> Iterator[Entry]:
    query = (
        select(Release, ReleaseItem.revision)
        .join(ReleaseItem, ReleaseItem.release_id == Release.id)
        .where(ReleaseItem.sample_id == sample.id)
    )
    for release, revision in session.execute(query):
        yield Entry(
            at=release.frozen_at,
            kind="released",
            title=f"Released in {release.name}",
            detail=f"revision {revision}, one of {release.rows:,} rows",
            data={"release": str(release.id), "revision": revision},
        )


_TITLES = {
    "rules.drop": "Dropped",
    "rules.restore": "Brought back",
    "rules.undo": "Rule undone",
    "sample.restore": "Restored",
    "sample.edit": "Edited",
    "sample.reopen": "Open again after the edit",
    "review.approve": "Approved",
    "review.reject": "Rejected",
    "review.flag": "Flagged",
    "review.skip": "Skipped",
    "review.undo": "Decision taken back",
    "bulk.mask": "Personal data masked",
    "bulk.unmask": "Masking undone",
    "bulk.undo": "Bulk action undone",
    "match.drop": "Dropped as a duplicate",
    "match.undo": "Duplicates brought back",
    "match.keep": "Chosen to stay",
    "contamination.remove": "Dropped as contaminated",
    "contamination.quarantine": "Quarantined as contaminated",
    "contamination.allow": "Allowed beside a benchmark",
    "contamination.undo": "Verdict on contamination taken back",
    "campaign.draw": "Drawn to be labelled",
    "campaign.delete": "Label campaign deleted",
}
_KINDS = {
    "rules.drop": "dropped",
    "rules.restore": "restored",
    "rules.undo": "restored",
    "sample.restore": "restored",
    "sample.edit": "edited",
    "review.undo": "restored",
    "match.drop": "dropped",
    "match.undo": "restored",
    "contamination.remove": "dropped",
    "contamination.undo": "restored",
    "bulk.mask": "edited",
    "bulk.unmask": "restored",
    "bulk.undo": "restored",
}


def _events(session: Session, sample: Sample) -> Iterator[Entry]:
    rules = _rule_names(session, sample)
    for event in audit.of_sample(session, sample.id):
        after = event.after or {}
        kind = _KINDS.get(event.action, "matched" if "match" in event.action else "decided")
        yield Entry(
            at=event.at,
            kind=kind,
            title=_title(event, rules),
            by=event.actor,
            detail=_detail(event.action, after),
            data={"before": event.before, "after": event.after, "hash": _hex(event.hash)},
        )


def _title(event: AuditEvent, rules: Mapping[str, str]) -> str:
    title = _TITLES.get(event.action)
    if title is None:
        verb = event.action.removeprefix("bulk.").replace("_", " ")
        return f"{verb.capitalize()}, with all matches of a search"
    rule = rules.get(event.object_id)
    return f"{title} by {rule}" if rule and event.object_type == "rule_application" else title


def _detail(action: str, after: Mapping[str, Any]) -> str:
    said = _DETAILS.get(action) or _DETAILS.get(action.partition(".")[0])
    found = said(after) if said is not None else ""
    if found:
        return found
    if after.get("note"):
        return f"“{after['note']}”"
    status = after.get("status")
    return f"now {str(status).replace('_', ' ')}" if status else str(after.get("tag", ""))


def _failed_rule(after: Mapping[str, Any]) -> str:
    value = after.get("value")
    said = f", it has {value:.4g}" if isinstance(value, float | int) else ""
    return f"it fails {after.get('condition')}{said}"


def _same_as(after: Mapping[str, Any]) -> str:
    name = f" ({after['external_id']})" if after.get("external_id") else ""
    near = f"{after['method']} {after['similarity']:.2f}"
    return f"it says the same as #{after['matched']}{name}, {near}"


def _contaminated(after: Mapping[str, Any]) -> str:
    if "condition" not in after:
        return ""
    note = after.get("note")
    return f"{after['condition']}{f': “{note}”' if note else ''}"


def _new_revision(after: Mapping[str, Any]) -> str:
    reason = f": {after['reason']}" if after.get("reason") else ""
    return f"revision {after.get('revision')}{reason}"


# What an event says beside its title, by its action or by the first word of it.
_DETAILS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "rules.drop": _failed_rule,
    "match.drop": _same_as,
    "match.keep": lambda after: f"of {after['of']} samples that {after['matcher']} found alike",
    "sample.edit": _new_revision,
    "campaign": lambda after: f"campaign {after.get('campaign')}",
    "bulk.mask": lambda after: f"revision {after['revision']}: {places(after['masked'])}",
    "contamination": _contaminated,
}


def _rule_names(session: Session, sample: Sample) -> dict[str, str]:
    query = (
        select(RuleApplication.id, RuleSet.name, RuleVersion.number)
        .join(RuleVersion, RuleVersion.id == RuleApplication.version_id)
        .join(RuleSet, RuleSet.id == RuleVersion.rule_set_id)
        .where(RuleSet.dataset_id == sample.dataset_id)
    )
    return {str(one): f"{name} version {number}" for one, name, number in session.execute(query)}


def _hex(digest: bytes | None) -> str | None:
    return digest.hex() if digest is not None else None


def scores(session: Session, sample: Sample) -> list[ScoreLine]:
    """All scores with their rationale; `stale` when the sample was edited since."""
    notes = {
        note.signal_id: note
        for note in session.scalars(select(ScoreNote).where(ScoreNote.sample_id == sample.id))
    }
    values = sample.scores or []
    lines = []
    for signal in registry.signals(session, sample.dataset_id):
        value = values[signal.slot] if signal.slot < len(values) else None
        if value is None:
            continue
        note = notes.get(signal.id)
        stale = sample.revision > 1 and (
            signal.measured_at is None or signal.measured_at < sample.changed_at
        )
        lines.append(
            ScoreLine(signal, value, note.note if note else "", note.spans if note else [], stale)
        )
    return lines
