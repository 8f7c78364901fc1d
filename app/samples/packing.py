"""Samples as rows of binary COPY, all but their ids: work that needs no database."""

import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from app.curation.records import Kind, Origin, Record
from app.curation.text.counting import count_words
from app.curation.text.identity import content_hash
from app.curation.text.parts import full_text
from app.samples.models import DatasetSignal, Status
from app.sources.models import Source

SAMPLE_COLUMNS = (
    "id, dataset_id, source_id, import_id, revision, status, kept, chars, words, line, kind, "
    "origin, content_hash, external_id, domain, language, tags, scores"
)
BODY_COLUMNS = "sample_id, revision, reason, content_hash, body, metadata, text"

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_AT_ONCE = 500  # rows
_NULL = b"\xff\xff\xff\xff"
_TEXT, _REAL = 25, 700  # the types' numbers in Postgres
_size = struct.Struct(">i").pack
_begin = struct.Struct(">hiq").pack
_small = struct.Struct(">ii").pack
_large = struct.Struct(">iq").pack
_counts = struct.Struct(">iiii").pack
_array_head = struct.Struct(">iiiii").pack
_real = struct.Struct(">if").pack


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes: dataset, source and import, and its signals by name."""

    dataset_id: int
    source: Source
    import_id: uuid.UUID | None
    signals: Mapping[str, DatasetSignal]


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch that is ready to be sent: the first of equal records, the others are existing."""

    records: Sequence[Record]
    places: Sequence[int]
    hashes: Sequence[bytes]
    samples: Sequence[bytes]
    bodies: Sequence[bytes]


class Packer:
    """Lays out batches for one target; it asks nothing of the target's session later on."""

    def __init__(self, target: Target) -> None:
        source, batch = target.source, target.import_id
        self._same = b"".join(
            (
                _small(4, target.dataset_id),
                _small(4, source.id),
                _NULL if batch is None else _field(batch.bytes),
                _small(4, 1),
                _text(Status.PENDING.value),
                _field(b"\0"),
            )
        )
        self._slots = {name: signal.slot for name, signal in target.signals.items()}
        self._width = max(self._slots.values(), default=-1) + 1
        self._labels = {label: _text(label.value) for label in (*Kind, *Origin)}
        self._labels[None] = _text(source.origin.value)

    def pack(self, records: Sequence[Record]) -> Packed:
        """Lay out these records."""
        places: dict[bytes, int] = {}
        samples, bodies = [], []
        for place, record in enumerate(records):
            digest = content_hash(record.kind, record.body)
            if digest not in places:
                places[digest] = place
                words = full_text(record.kind, record.body)
                samples.append(self._sample(record, digest, words))
                bodies.append(_body(record, digest, words))
        return Packed(records, list(places.values()), list(places), samples, bodies)

    def _sample(self, record: Record, digest: bytes, words: str) -> bytes:
        return b"".join(
            (
                self._same,
                _counts(4, len(words), 4, count_words(words)),
                _large(8, record.line) if record.line else _NULL,
                self._labels[record.kind],
                self._labels[record.origin],
                _field(digest),
                _text(record.external_id),
                _text(record.domain),
                _text(record.language),
                _array(_TEXT, [_text(tag) for tag in record.tags]),
                _array(_REAL, self._scores(record.scores)),
            )
        )

    def _scores(self, values: Mapping[str, float]) -> list[bytes]:
        if not values:
            return []
        row = [_NULL] * self._width
        for name, value in values.items():
            row[self._slots[name]] = _real(4, value)
        return row


_FIRST = _small(4, 1) + _size(0)  # the first revision, for no reason


def _body(record: Record, digest: bytes, words: str) -> bytes:
    return b"".join(
        (_FIRST, _field(digest), _jsonb(record.body), _jsonb(record.metadata), _text(words))
    )


def _field(raw: bytes) -> bytes:
    return _size(len(raw)) + raw


def _text(value: str | None) -> bytes:
    return _NULL if value is None else _field(value.encode())


def _jsonb(value: Mapping[str, Any]) -> bytes:
    return _field(b"\1" + orjson.dumps(value))


def _array(of: int, items: Sequence[bytes]) -> bytes:
    """One dimension, counted from 1; NULL where there are none."""
    if not items:
        return _NULL
    return _field(_array_head(1, _NULL in items, of, len(items), 1) + b"".join(items))


def stream(ids: Iterable[int], rows: Sequence[bytes], columns: str) -> Iterator[bytes]:
    """What COPY takes: each row begins with its id."""
    count = columns.count(",") + 1
    begun = [_begin(count, 8, one) for one in ids]
    yield _HEAD
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield b"".join(chain.from_iterable(zip(begun[part], rows[part], strict=True)))
    yield _TAIL
