"""Reading files into a dataset: one chunk per file, a checkpoint per batch."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.curation.readers.base import Row, Warnings
from app.curation.readers.mapping import ColumnMapping, mapper
from app.curation.readers.sniff import Rows, UnreadableFileError, open_rows
from app.curation.records import Record, Rejected
from app.datasets import imports, looking
from app.datasets.models import KINDS_OF, Dataset, Import
from app.errors import InvalidError
from app.jobs.models import DeadLetter, Job, JobChunk
from app.samples import registry
from app.samples.loading import add_packed, expect_many
from app.samples.models import Sample
from app.samples.packing import Packed, Packer, Target
from app.sources.models import Source
from workers.ahead import ahead
from workers.chunks import Chunk, Handler
from workers.files import ChangedFileError, unchanged

_ROWS = 10_000
_FIRST_ROWS = 1250
_BYTES = 16_000_000


def _import(session: Session, job: Job) -> Import:
    return imports.get(session, uuid.UUID(job.params["import"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per file: files are read from front to back, several of them side by side."""
    return [{"file": number} for number in range(len(_import(session, job).files))]


def work(chunk: Chunk) -> None:
    """Read one file from where it was left."""
    batch = _import(chunk.session, chunk.job)
    file = batch.files[chunk.params["file"]]
    path, noted = Path(file["path"]), Warnings(**chunk.state.get("noted", {}))
    try:
        unchanged(chunk.state, path)
        mapping = _mapping(chunk, batch, file)
        skip = chunk.state.get("rows", 0)
        with open_rows(path, file["name"], skip=skip, warnings=noted) as rows:
            _read(chunk, batch, file, rows, mapping, noted)
    except (UnreadableFileError, ChangedFileError, InvalidError) as error:
        chunk.reject(file["name"], str(error))


def _mapping(chunk: Chunk, batch: Import, file: dict[str, Any]) -> ColumnMapping | None:
    """The mapping this file was begun with; a restart does not look at it anew."""
    if "mapping" in chunk.state:
        return ColumnMapping.model_validate(chunk.state["mapping"])
    look = looking.look(file, looking.Options.from_json(batch.mapping))
    if look.mapping is None:
        if look.rows:
            raise InvalidError(look.proposal.sentence)
        return None
    chunk.state["mapping"] = look.mapping.model_dump(mode="json")
    return look.mapping


def _read(
    chunk: Chunk,
    batch: Import,
    file: dict[str, Any],
    rows: Rows,
    mapping: ColumnMapping | None,
    noted: Warnings,
) -> None:
    target = _target(chunk, batch, mapping)
    record_of = _recorder(chunk.session.get_one(Dataset, batch.dataset_id), mapping, noted)
    ready = _packed(_batches(rows, record_of, noted), Packer(target))
    batches = ahead(ready, alone=lambda pair: pair[0].weight > 2 * _BYTES)
    with closing(batches):
        for read, packed in batches:
            unchanged(chunk.state, Path(file["path"]))
            expect_many(chunk.session)
            added = add_packed(chunk.session, target, packed)
            for place, reason in added.conflicts:
                row = read.taken[place][0]
                read.refused.append(Rejected(row.line, reason, row.excerpt(), row.at))
            for refused in read.refused:
                line, column = refused.at or (refused.line, None)
                chunk.reject(
                    file["name"], refused.reason, line=line, column=column, raw=refused.raw
                )
            chunk.checkpoint(read.rows, rows=chunk.done + read.rows, **read.reached)
            _estimate(chunk, batch)


def _recorder(
    dataset: Dataset, mapping: ColumnMapping | None, noted: Warnings
) -> Callable[[Row], Row | Record | Rejected]:
    """What makes records of rows, and refuses those of a kind that the dataset does not take."""
    if mapping is None:
        return lambda row: row
    read, kinds = mapper(mapping, warnings=noted), KINDS_OF[dataset.purpose]
    if mapping.kind in kinds:
        return read
    wanted = ", ".join(sorted(kinds))
    reason = f"It is a {mapping.kind} sample; a {dataset.purpose} dataset takes {wanted}."
    return lambda row: Rejected(row.line, reason, row.excerpt(), row.at)


@dataclass(slots=True)
class _Batch:
    """Rows that were read together, and how far reading was when it was whole."""

    taken: list[tuple[Row, Record]] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)
    rows: int = 0
    weight: int = 0
    reached: dict[str, Any] = field(default_factory=dict)


def _packed(batches: Iterator[_Batch], packer: Packer) -> Iterator[tuple[_Batch, Packed]]:
    """Batches, each with its records laid out for the database."""
    for batch in batches:
        yield batch, packer.pack([record for _, record in batch.taken])


def _batches(
    rows: Rows, record_of: Callable[[Row], Row | Record | Rejected], noted: Warnings
) -> Iterator[_Batch]:
    """Rows by the thousand, fewer where they are long and at first, when the database waits."""
    batch, most = _Batch(), min(_FIRST_ROWS, _ROWS)
    for item in rows:
        record = record_of(item) if isinstance(item, Row) else item
        if isinstance(record, Rejected):
            batch.refused.append(record)
        elif isinstance(item, Row) and isinstance(record, Record):
            batch.taken.append((item, record))
        batch.rows += 1
        batch.weight += _weight(item.values) if isinstance(item, Row) else len(item.raw)
        if batch.rows >= most or batch.weight >= _BYTES:
            batch.reached = _reached(item, rows, noted)
            yield batch
            batch, most = _Batch(), min(2 * most, _ROWS)
    if batch.rows:
        batch.reached = _reached(item, rows, noted)
        yield batch


def _reached(item: Row | Rejected, rows: Rows, noted: Warnings) -> dict[str, Any]:
    return {"line": item.line, "share": rows.progress, "noted": asdict(noted)}


def _weight(value: Any) -> int:
    """About the memory it takes, in bytes."""
    match value:
        case str():
            return value.__sizeof__()
        case dict():
            return 64 + sum(100 + _weight(item) for item in value.values())
        case list():
            return 64 + sum(8 + _weight(item) for item in value)
        case _:
            return 32


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
    batch.warnings = _warnings(session, job, batch)
    job.total = read
    job.result = {
        "import": str(batch.id),
        "created": batch.created,
        "existing": batch.existing,
        "rejected": batch.rejected,
        "warnings": batch.warnings,
    }


def _warnings(session: Session, job: Job, batch: Import) -> list[str]:
    """What was put right in each file; several files are named."""
    chunks = session.scalars(
        select(JobChunk).where(JobChunk.job_id == job.id).order_by(JobChunk.position)
    )
    return [
        f"{batch.files[chunk.params['file']]['name']}: {sentence}"
        if len(batch.files) > 1
        else sentence
        for chunk in chunks
        for sentence in Warnings(**chunk.state.get("noted", {})).sentences()
    ]


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=finish)
