"""Columns of a dataset in memory: what is counted over all samples, kept as the table is.

A scan of a million rows costs Postgres 150 to 250 ms, whatever is asked. Here the columns that
were asked for once stay, as arrays in the order of the ids. Before each use the log of changes
(`sample_changes`, written by triggers) tells which ids to read again. A line of the log is done
with when every transaction that began before its own has ended; the later ones are kept in
`seen`, so that neither a line that is committed late nor one that is rolled back is missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
import psutil
from sqlalchemy import Engine, delete, func, text
from sqlalchemy.orm import Session

from app.samples.arrays import Columns, Dictionaries, Ranges, everything, fetched, rows_in
from app.samples.models import SampleChange
from app.samples.search import Schema

_TRUSTED_S = 12 * 3600.0  # the log reaches back twice as far
_IDLE_S = 3600.0
_MOST_RANGES = 2000
_MOST_BYTES = psutil.virtual_memory().total // 8


@dataclass(slots=True)
class _Held:
    """The columns of one dataset, and up to where the log of changes is in them."""

    lock: Lock = field(default_factory=Lock)
    columns: Columns | None = None
    horizon: int = 0
    seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    generation: str = ""
    used: float = 0.0  # by the database's clock: this one's may stand still while a machine sleeps
    dictionaries: Dictionaries = field(default_factory=dict)


_held: WeakKeyDictionary[Engine, dict[int, _Held]] = WeakKeyDictionary()
_registering = Lock()


def read(session: Session, schema: Schema, names: Iterable[str]) -> Columns:
    """These columns of a dataset (at least), as this session sees the table now."""
    held = _of(session, schema.dataset_id)
    with held.lock:
        try:
            found = _followed(session, schema, held, set(names) - {"id"})
        except BaseException:
            held.columns = None  # how far it came is not known
            raise
        held.columns = found
    _make_room(session, schema.dataset_id, held.used)
    return found


def shorten_log(session: Session) -> None:
    """Forget changes that everybody has read who still trusts the columns held."""
    oldest = func.now() - timedelta(seconds=2 * _TRUSTED_S)
    session.execute(delete(SampleChange).where(SampleChange.created_at < oldest))


def _of(session: Session, dataset_id: int) -> _Held:
    engine = session.get_bind().engine
    with _registering:
        return _held.setdefault(engine, {}).setdefault(dataset_id, _Held())


def _make_room(session: Session, dataset_id: int, now: float) -> None:
    """Let go of datasets that nobody used for an hour, and of more while all take too much."""
    with _registering:
        datasets = _held[session.get_bind().engine]
        sizes = {key: one.columns.size for key, one in datasets.items() if one.columns is not None}
        for key in sorted(sizes.keys() - {dataset_id}, key=lambda key: datasets[key].used):
            if now - datasets[key].used > _IDLE_S or sum(sizes.values()) > _MOST_BYTES:
                del datasets[key], sizes[key]


def _followed(session: Session, schema: Schema, held: _Held, wanted: set[str]) -> Columns:
    """The columns brought to the state of the table, and those that are not there yet."""
    changed = _changes(session, schema.dataset_id, held)
    columns = held.columns
    names = sorted(wanted | (columns.values.keys() if columns is not None else set()))
    if columns is None or changed is None or _is_most(columns, changed):
        return everything(session, schema, held.dictionaries, names)
    if changed:
        rows = rows_in(changed)
        fresh = fetched(session, schema, held.dictionaries, sorted(columns.values), rows)
        columns = _replaced(columns, fresh, changed)
    missing = sorted(wanted - columns.values.keys())
    if not missing:
        return columns
    more = everything(session, schema, held.dictionaries, missing)
    if not np.array_equal(more.ids, columns.ids):  # rows came or went meanwhile
        return everything(session, schema, held.dictionaries, names)
    return Columns(columns.ids, {**columns.values, **more.values}, {**columns.words, **more.words})


# Commits of an import do not wait for the disk, so a crash of the database may take back what was
# read here, lines of the log included. The table of the generation is unlogged: a crash empties it.
_BEGIN = "INSERT INTO database_generation DEFAULT VALUES ON CONFLICT DO NOTHING"
_GENERATION = "SELECT value::text FROM database_generation"
_LOG = """
SELECT h.horizon, h.generation, h.now, c.id, c.low, c.high, c.transaction
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
             extract(epoch FROM clock_timestamp())::float8 AS now,
             (SELECT value::text FROM database_generation) AS generation) h
LEFT JOIN sample_changes c ON c.dataset_id = :dataset
  AND c.transaction >= coalesce(CAST(:since AS bigint), h.horizon)
"""


def _changes(session: Session, dataset_id: int, held: _Held) -> Ranges | None:
    """Ranges of ids that changed since the last look; None where that can't be known."""
    since = held.horizon if held.columns is not None else None
    rows = session.execute(text(_LOG), {"dataset": dataset_id, "since": since}).all()
    first = rows[0]
    generation = first.generation or _new_generation(session)
    trusted = (
        held.columns is not None
        and generation == held.generation
        and first.now - held.used < _TRUSTED_S
    )
    lines = {row.id: (row.low, row.high) for row in rows if row.id is not None}
    came = [line for number, line in lines.items() if number not in held.seen]
    rolled_back = [line for number, line in held.seen.items() if number not in lines]
    held.horizon, held.generation, held.used = first.horizon, generation, first.now
    held.seen = {
        row.id: lines[row.id] for row in rows if row.id and row.transaction >= first.horizon
    }
    return _apart(came + rolled_back) if trusted else None


def _new_generation(session: Session) -> str:
    session.execute(text(_BEGIN))
    return str(session.scalar(text(_GENERATION)))


def _apart(ranges: Ranges) -> list[tuple[int, int]]:
    """The same ids in ranges that do not touch."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _is_most(columns: Columns, changed: Ranges) -> bool:
    """Whether reading everything anew is the shorter way."""
    known = sum(stop - start for start, stop in _places(columns, changed))
    return len(changed) > _MOST_RANGES or known > max(len(columns) // 2, _MOST_RANGES)


def _places(columns: Columns, ranges: Ranges) -> list[tuple[int, int]]:
    starts = np.searchsorted(columns.ids, [low for low, _ in ranges])
    stops = np.searchsorted(columns.ids, [high for _, high in ranges], side="right")
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _replaced(old: Columns, fresh: Columns, ranges: Ranges) -> Columns:
    """The columns with all rows of these ranges as they are now."""
    gone = np.zeros(len(old), bool)
    for start, stop in _places(old, ranges):
        gone[start:stop] = True
    if np.array_equal(old.ids[gone], fresh.ids):
        values = {name: column.copy() for name, column in old.values.items()}
        for name, column in values.items():
            column[gone] = fresh.values[name]
        return replace(old, values=values, words=fresh.words)
    stays = ~gone
    ids = old.ids[stays]
    at = np.searchsorted(ids, fresh.ids)
    values = {
        name: np.insert(column[stays], at, fresh.values[name])
        for name, column in old.values.items()
    }
    return Columns(np.insert(ids, at, fresh.ids), values, fresh.words)
