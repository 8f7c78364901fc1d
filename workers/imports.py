"""Reading files into a dataset: one chunk per file, a checkpoint per batch."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.curation.readers.base import Row, Warnings
from app.curation.readers.mapping import ColumnMapping, mapper
from app.curation.readers.sniff import Rows, UnreadableFileError, open_rows
from app.curation.records import Record, Rejected
from app.datasets import imports
from app.datasets.models import KINDS_OF, Dataset, Import
from app.errors import InvalidError
from app.jobs.models import DeadLetter, Job, JobChunk
from app.samples import registry
from app.samples.loading import Target, add_batch
from app.samples.models import Sample
from app.sources.models import Source
from workers.jobs import Chunk, Handler

_ROWS = 5000
_CHARS = 16_000_000
_EXCERPT = 2000


def _import(session: Session, job: Job) -> Import:
    return imports.get(session, uuid.UUID(job.params["import"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per file: files are read from front to back, several of them side by side."""
    return [{"file": number} for number in range(len(_import(session, job).files))]


def work(chunk: Chunk) -> None:
    """Read one file from where it was left."""
    batch = _import(chunk.session, chunk.job)
    file = batch.files[chunk.params["file"]]
    try:
        mapping = _mapping(chunk, batch, file)
        with open_rows(Path(file["path"]), file["name"], skip=chunk.state.get("rows", 0)) as rows:
            _read(chunk, batch, file["name"], rows, mapping)
    except (UnreadableFileError, InvalidError, OSError) as error:
        chunk.reject(file["name"], str(error))


def _mapping(chunk: Chunk, batch: Import, file: dict[str, Any]) -> ColumnMapping | None:
    """The mapping this file was begun with; a restart does not look at it anew."""
    if "mapping" in chunk.state:
        return ColumnMapping.model_validate(chunk.state["mapping"])
    look = imports.look(file, imports.Options.from_json(batch.mapping))
    if look.mapping is None:
        if look.rows:
            raise InvalidError(look.proposal.sentence)
        return None
    chunk.state["mapping"] = look.mapping.model_dump(mode="json")
    return look.mapping


def _read(
    chunk: Chunk, batch: Import, name: str, rows: Rows, mapping: ColumnMapping | None
) -> None:
    target = _target(chunk, batch, mapping)
    dataset = chunk.session.get_one(Dataset, batch.dataset_id)
    kinds, noted = KINDS_OF[dataset.purpose], Warnings()
    read = mapper(mapping, warnings=noted) if mapping is not None else None
    for items in _batches(rows):
        records: list[Record] = []
        for item in items:
            record = read(item) if isinstance(item, Row) and read is not None else item
            if isinstance(record, Record) and record.kind not in kinds:
                wanted = ", ".join(sorted(kinds))
                reason = (
                    f"It is a {record.kind} sample; a {dataset.purpose} dataset takes {wanted}."
                )
                record = Rejected(record.line, reason)
            if isinstance(record, Record):
                records.append(record)
            else:
                _reject(chunk, name, record)
        added = add_batch(chunk.session, target, records)
        for place, reason in added.conflicts:
            _reject(chunk, name, Rejected(records[place].line, reason))
        chunk.checkpoint(
            len(items),
            rows=chunk.done + len(items),
            line=items[-1].line,
            share=rows.progress,
            warnings=[*rows.warnings, *noted.sentences()],
        )
        _estimate(chunk, batch)


def _reject(chunk: Chunk, name: str, item: Row | Rejected) -> None:
    if isinstance(item, Rejected):
        chunk.reject(name, item.reason, line=item.line, raw=_storable(item.raw))


def _storable(raw: str) -> str:
    """An excerpt as Postgres takes it: without NUL and lone surrogates."""
    return raw[:_EXCERPT].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _batches(rows: Iterator[Row | Rejected]) -> Iterator[list[Row | Rejected]]:
    """Rows by the thousand, fewer of them where they are long."""
    batch: list[Row | Rejected] = []
    size = 0
    for item in rows:
        batch.append(item)
        size += (
            sum(len(value) for value in item.values.values() if isinstance(value, str))
            if (isinstance(item, Row))
            else 0
        )
        if len(batch) >= _ROWS or size >= _CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _target(chunk: Chunk, batch: Import, mapping: ColumnMapping | None) -> Target:
    source = chunk.session.get_one(Source, batch.source_id)
    scores = mapping.scores if mapping is not None else {}
    specs = [registry.imported_spec(name, column) for name, column in scores.items()]
    slots = registry.claim_slots(chunk.session, batch.dataset_id, specs, chunk.job.id)
    chunk.session.commit()
    return Target(
        dataset_id=batch.dataset_id,
        source=source,
        import_id=batch.id,
        signals={signal.name: signal for signal in slots},
    )


_ESTIMATE = """
UPDATE jobs SET total = greatest(e.done, e.done / e.share)::int
FROM (SELECT sum(c.done)::float AS done,
             sum((f.file->>'bytes')::float * coalesce((c.state->>'share')::float, 0))
             / nullif(sum((f.file->>'bytes')::float), 0) AS share
      FROM job_chunks c
      JOIN imports i ON i.id = :import_id
      JOIN jsonb_array_elements(i.files) WITH ORDINALITY AS f(file, n) ON f.n = c.position + 1
      WHERE c.job_id = :job_id) AS e
WHERE jobs.id = :job_id AND e.share > 0
"""


def _estimate(chunk: Chunk, batch: Import) -> None:
    """How many rows there will be, from the part of the bytes that is read."""
    chunk.session.execute(text(_ESTIMATE), {"job_id": chunk.job.id, "import_id": batch.id})


def finish(session: Session, job: Job) -> None:
    """Count what became of all rows."""
    batch = _import(session, job)
    read = session.scalar(select(func.sum(JobChunk.done)).where(JobChunk.job_id == job.id)) or 0
    rejected = session.scalar(select(func.count()).where(DeadLetter.job_id == job.id)) or 0
    created = session.scalar(select(func.count()).where(Sample.import_id == batch.id)) or 0
    unread = session.scalar(
        select(func.count()).where(DeadLetter.job_id == job.id, DeadLetter.line.is_(None))
    )
    batch.created, batch.rejected = created, rejected
    batch.existing = max(read - created - (rejected - (unread or 0)), 0)
    states = session.scalars(select(JobChunk.state).where(JobChunk.job_id == job.id))
    batch.warnings = [sentence for state in states for sentence in state.get("warnings", [])]
    job.total = read
    job.result = {
        "import": str(batch.id),
        "created": batch.created,
        "existing": batch.existing,
        "rejected": batch.rejected,
        "warnings": batch.warnings,
    }


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=finish)
