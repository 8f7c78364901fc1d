"""Columns of a dataset in memory: what is counted over all samples, kept as the table is.

A scan of a million rows costs Postgres 150 to 250 ms, whatever is asked. Here the columns that
were asked for once stay, as arrays in the order of the ids. Before each use the log of changes
(`sample_changes`, written by triggers) tells which ids to read again. A line of the log is done
with when every transaction that began before its own has ended; the later ones are kept in
`seen`, so that neither a line that is committed late nor one that is rolled back is missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import psutil
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Boolean,
    ColumnElement,
    Engine,
    Enum,
    LargeBinary,
    Select,
    any_,
    cast,
    delete,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session

from app.samples.models import Sample, SampleChange
from app.samples.search import Schema

Values = NDArray[Any]
Ranges = Sequence[tuple[int, int]]

_TRUSTED_S = 12 * 3600.0  # the log reaches back twice as far
_IDLE_S = 3600.0
_MOST_RANGES = 2000
_READ_BYTES = 2**26  # at once; Postgres sends a value in hexadecimal digits, at most 1 GB
_FEW_WORDS = 64
_MOST_BYTES = psutil.virtual_memory().total // 8
_WORDS = ("status", "kind", "origin", "domain", "language")
_NOTHING = 0  # the hash and the code of no word


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows side by side, in the order of their ids; never changed once made.

    Numbers are float32 (NaN where not measured) or int32, flags bool, words int32 codes into
    `words` (code 0 is None); sources are their numbers.
    """

    ids: NDArray[np.int64]
    values: Mapping[str, Values]
    words: Mapping[str, Sequence[str | None]]

    def __getitem__(self, name: str) -> Values:
        return self.ids if name == "id" else self.values[name]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self.ids.nbytes + sum(column.nbytes for column in self.values.values())

    def counts(self, *names: str) -> list[tuple[Any, ...]]:
        """Rows per combination of values (words as words), the count last."""
        sizes = [int(self[name].max(initial=0)) + 1 for name in names]
        counted = np.bincount(np.ravel_multi_index([self[name] for name in names], sizes))
        places = np.flatnonzero(counted)
        cells = [found.tolist() for found in np.unravel_index(places, sizes)]
        for number, name in enumerate(names):
            if name in self.words:
                cells[number] = [self.words[name][code] for code in cells[number]]
        return list(zip(*cells, counted[places].tolist(), strict=True))


@dataclass(slots=True)
class _Dictionary:
    """Words of a column: the database's hash of each, its code, the word."""

    codes: dict[int, int] = field(default_factory=lambda: {_NOTHING: _NOTHING})
    words: list[str | None] = field(default_factory=lambda: [None])


@dataclass(slots=True)
class _Held:
    """The columns of one dataset, and up to where the log of changes is in them."""

    lock: Lock = field(default_factory=Lock)
    columns: Columns | None = None
    horizon: int = 0
    seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    generation: str = ""
    used: float = 0.0  # by the database's clock: this one's may stand still while a machine sleeps
    dictionaries: dict[str, _Dictionary] = field(default_factory=dict)


_held: WeakKeyDictionary[Engine, dict[int, _Held]] = WeakKeyDictionary()
_registering = Lock()


def is_column(schema: Schema, name: str) -> bool:
    """Whether a field can be held: numbers, flags, and words of which a sample has one at most."""
    return name in {*_WORDS, "source"} or schema.fields[name].type in {"number", "flag"}


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
        return _everything(session, schema, held, names)
    if changed:
        rows = _rows_in(changed)
        fresh = _fetched(session, schema, held, sorted(columns.values), rows)
        columns = _replaced(columns, fresh, changed)
    missing = sorted(wanted - columns.values.keys())
    if not missing:
        return columns
    more = _everything(session, schema, held, missing)
    if not np.array_equal(more.ids, columns.ids):  # rows came or went meanwhile
        return _everything(session, schema, held, names)
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


def _rows_in(ranges: Ranges) -> ColumnElement[bool]:
    lows, highs = zip(*ranges, strict=True)
    array = ARRAY(BigInteger)
    span = func.unnest(cast(list(lows), array), cast(list(highs), array))
    spans = span.table_valued("low", "high").render_derived()
    return Sample.id.between(spans.c.low, spans.c.high)


def _everything(session: Session, schema: Schema, held: _Held, names: Sequence[str]) -> Columns:
    """All rows of the dataset, a block of ids after the other."""
    ends = select(func.min(Sample.id), func.max(Sample.id))
    low, high = session.execute(ends.where(Sample.dataset_id == schema.dataset_id)).one()
    block = _READ_BYTES // _layout(schema, names).itemsize
    starts = range(low, high + 1, block) if low is not None else (0,)
    blocks = [
        _fetched(session, schema, held, names, Sample.id.between(start, start + block - 1))
        for start in starts
    ]
    values = {name: np.concatenate([block.values[name] for block in blocks]) for name in names}
    return Columns(np.concatenate([block.ids for block in blocks]), values, blocks[-1].words)


def _fetched(
    session: Session, schema: Schema, held: _Held, names: Sequence[str], rows: ColumnElement[bool]
) -> Columns:
    """Columns of some rows: every row as bytes of one width, all of them joined in the database."""
    row: ColumnElement[Any] = func.int8send(Sample.id)
    for name in names:
        row = row.op("||")(_sent(schema, name)[0])
    joined: Select[Any] = select(func.string_agg(row, literal(b"", LargeBinary)))
    raw = session.scalar(joined.where(Sample.dataset_id == schema.dataset_id, rows))
    found = np.frombuffer(raw or b"", _layout(schema, names))
    found = found[np.argsort(found["id"])]
    ids = found["id"].astype(np.int64)
    values = {name: _native(found[name]) for name in names}
    for name in _WORDS:
        if name in values:
            dictionary = held.dictionaries.setdefault(name, _Dictionary())
            values[name] = _coded(session, schema, name, dictionary, ids, values[name])
    return Columns(ids, values, {name: one.words for name, one in held.dictionaries.items()})


def _layout(schema: Schema, names: Sequence[str]) -> np.dtype[Any]:
    """How a row is sent."""
    return np.dtype([("id", ">i8"), *((name, _sent(schema, name)[1]) for name in names)])


def _native(column: Values) -> Values:
    return np.ascontiguousarray(column.astype(column.dtype.newbyteorder("=")))


def _sent(schema: Schema, name: str) -> tuple[ColumnElement[Any], str]:
    """A field of a row as bytes, and what they are to numpy."""
    if name == "source":
        return func.int4send(Sample.source_id), ">i4"
    column = schema.columns[name]
    if name in _WORDS:
        return func.int8send(func.coalesce(_hash(column), literal(_NOTHING, BigInteger))), ">i8"
    if isinstance(column.type, REAL):
        return func.float4send(func.coalesce(column, cast("NaN", REAL))), ">f4"
    if isinstance(column.type, Boolean):
        return func.boolsend(column), "?"
    return func.int4send(column), ">i4"


def _hash(column: ColumnElement[Any]) -> ColumnElement[int]:
    if isinstance(column.type, Enum):
        return cast(func.hashenum(column), BigInteger)
    return func.hashtextextended(column, literal(0, BigInteger))


def _coded(
    session: Session,
    schema: Schema,
    name: str,
    dictionary: _Dictionary,
    ids: NDArray[np.int64],
    hashes: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Codes for hashes, in the order that their words were first met."""
    distinct = np.sort(np.unique(hashes, sorted=False))
    new = [one for one in distinct.tolist() if one not in dictionary.codes]
    for number, word in _named(session, schema, name, new, ids, hashes).items():
        dictionary.codes[number] = len(dictionary.words)
        dictionary.words.append(word)
    # A hash without a word: every row that had it was changed since, and is read again.
    codes = [dictionary.codes.get(one, _NOTHING) for one in distinct.tolist()]
    return np.array(codes, np.int32)[np.searchsorted(distinct, hashes)]


def _named(
    session: Session,
    schema: Schema,
    name: str,
    new: Sequence[int],
    ids: NDArray[np.int64],
    hashes: NDArray[np.int64],
) -> dict[int, str]:
    """Words by hash: of a row that has each, or of any row where that one was changed meanwhile."""
    if not new:
        return {}
    column, array = schema.columns[name], ARRAY(BigInteger)
    number = _hash(column)
    examples = ids[_first_places(hashes, new)].tolist()
    near = select(number, column).where(Sample.id == any_(cast(examples, array)))
    found: dict[int, str] = dict(session.execute(near).all())
    if left := [one for one in new if one not in found]:
        mine = Sample.dataset_id == schema.dataset_id
        anywhere = select(number, column).where(mine, number == any_(cast(left, array)))
        found |= dict(session.execute(anywhere.distinct()).all())
    return {one: found[one] for one in new if one in found}


def _first_places(hashes: NDArray[np.int64], wanted: Sequence[int]) -> list[int]:
    """Where each of these stands first."""
    if len(wanted) <= _FEW_WORDS:
        return [int(np.argmax(hashes == one)) for one in wanted]
    _, places = np.unique(hashes, return_index=True)
    among = places[np.isin(hashes[places], wanted)]
    found: list[int] = among.tolist()
    return found
