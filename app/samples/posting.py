"""Samples sent over REST: a JSON array or NDJSON of any length, taken in as it arrives."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.readers.base import Row, Warnings
from app.curation.readers.layouts import propose
from app.curation.readers.mapping import ColumnMapping, mapper
from app.curation.readers.sniff import UnreadableFileError, open_rows
from app.curation.records import Record, Rejected
from app.datasets import policies
from app.datasets import service as datasets
from app.datasets.looking import Options, mapping_for
from app.datasets.models import KINDS_OF, Dataset
from app.db import session_scope
from app.errors import InvalidError, TooLargeError
from app.samples import registry
from app.samples.loading import add_batch
from app.samples.own_form import own_form
from app.samples.packing import Target
from app.settings import settings
from app.sources import service as sources
from app.sources.models import Source

_BATCH = 2000
_MOST_REJECTED = 1000


@dataclass(slots=True)
class Posted:
    """What became of the rows of one request."""

    created: int = 0
    existing: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    rejected_count: int = 0
    warnings: list[str] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """List a row that did not land; beyond a thousand they are counted."""
        self.rejected_count += 1
        if len(self.rejected) < _MOST_REJECTED:
            self.rejected.append({"line": line, "reason": reason})

    def as_json(self) -> dict[str, Any]:
        """The answer."""
        return {
            "created": self.created,
            "existing": self.existing,
            "rejected": self.rejected,
            "rejected_count": self.rejected_count,
            "warnings": self.warnings,
        }


async def receive(name: str, request: Request, user: Principal) -> Posted:
    """Put the body aside as it comes in, then take its rows in by the batch."""
    policies.may_post_samples(user)
    source = request.query_params.get("source", "")
    limit = settings().max_upload_mb << 20
    with tempfile.NamedTemporaryFile(prefix="winnow-", suffix=".ndjson") as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > limit:
                raise TooLargeError(f"One request takes at most {settings().max_upload_mb:,} MiB.")
            file.write(piece)
        file.flush()
        return await run_in_threadpool(_take_in, name, Path(file.name), source, user)


def _take_in(name: str, path: Path, source_name: str, user: Principal) -> Posted:
    posted = Posted()
    with session_scope() as session:
        dataset = datasets.get(session, name)
        source = _source(session, source_name)
        try:
            with open_rows(path, "body.json") as rows:
                _read(session, dataset, source, rows, posted)
                posted.warnings += rows.warnings
        except UnreadableFileError as error:
            raise InvalidError("The body is neither a JSON array nor NDJSON.") from error
        after = {"created": posted.created, "existing": posted.existing, "source": source.name}
        audit.record(
            session,
            user,
            "samples.post",
            ("dataset", dataset.id),
            dataset_id=dataset.id,
            after=after,
        )
    return posted


def _source(session: Session, name: str) -> Source:
    """The named source, or the one for what programs send without naming one."""
    if name:
        return sources.find(session, name)
    return sources.default(session)


def _read(session: Session, dataset: Dataset, source: Source, rows: Any, posted: Posted) -> None:
    read = _Reading(session, dataset, source)
    batch: list[Record] = []
    for item in rows:
        record = read.record(item)
        if isinstance(record, Rejected):
            posted.reject(record.line, record.reason)
        else:
            batch.append(record)
        if len(batch) >= _BATCH:
            _add(session, read, batch, posted)
            batch = []
    _add(session, read, batch, posted)
    posted.warnings += read.warnings.sentences()


def _add(session: Session, read: "_Reading", batch: list[Record], posted: Posted) -> None:
    added = add_batch(session, read.target(batch), batch)
    posted.created += added.created
    posted.existing += added.existing
    for place, reason in added.conflicts:
        posted.reject(batch[place].line, reason)


class _Reading:
    """Rows as records: in our own form, or in a layout that is recognised in the first row."""

    def __init__(self, session: Session, dataset: Dataset, source: Source) -> None:
        self._session = session
        self._dataset = dataset
        self._source = source
        self._mapping: ColumnMapping | None = None
        self._read: Any = None
        self.warnings = Warnings()

    def record(self, item: Row | Rejected) -> Record | Rejected:
        """The record of a row, or why it is none."""
        if isinstance(item, Rejected):
            return item
        try:
            found = own_form(item) if "body" in item.values else self._by_layout(item)
        except InvalidError as error:
            return Rejected(item.line, str(error))
        if isinstance(found, Record) and found.kind not in KINDS_OF[self._dataset.purpose]:
            wanted = ", ".join(sorted(KINDS_OF[self._dataset.purpose]))
            return Rejected(
                item.line,
                f"It is a {found.kind} sample; a {self._dataset.purpose} dataset takes {wanted}.",
            )
        return found

    def _by_layout(self, item: Row) -> Record | Rejected:
        if self._read is None:
            self._mapping = mapping_for(propose([item]), Options())
            if self._mapping is None:
                return Rejected(
                    item.line,
                    "No known layout has these fields. Send `kind` and `body`, or one of Alpaca, "
                    "messages, ShareGPT, prompt/chosen/rejected, text.",
                )
            self._read = mapper(self._mapping, warnings=self.warnings)
        made: Record | Rejected = self._read(item)
        if isinstance(made, Rejected):
            # Rows of several layouts may come in one request: look at this one alone.
            own = mapping_for(propose([item]), Options())
            if own is not None and own != self._mapping:
                made = mapper(own, warnings=self.warnings)(item)
        return made

    def target(self, batch: list[Record]) -> Target:
        """Where a batch goes; its scores get slots as imported signals."""
        names = sorted({name for record in batch for name in record.scores})
        specs = [registry.imported_spec(name, name) for name in names]
        slots = registry.claim_slots(self._session, self._dataset.id, specs, None) if specs else []
        return Target(self._dataset.id, self._source, None, {one.name: one for one in slots})
