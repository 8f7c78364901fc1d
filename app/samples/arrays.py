"""Columns of samples as arrays, read from the table: rows of one width, joined in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Boolean,
    ColumnElement,
    Enum,
    LargeBinary,
    Select,
    any_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from app.samples.models import Sample
from app.samples.places import TOPIC
from app.samples.search import Schema

Values = NDArray[Any]
Ranges = Sequence[tuple[int, int]]

_READ_BYTES = 2**26  # at once; Postgres sends a value in hexadecimal digits, at most 1 GB
_FEW_WORDS = 64
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
class Dictionary:
    """Words of a column: the database's hash of each, its code, the word."""

    codes: dict[int, int] = field(default_factory=lambda: {_NOTHING: _NOTHING})
    words: list[str | None] = field(default_factory=lambda: [None])


Dictionaries = dict[str, Dictionary]


def is_column(schema: Schema, name: str) -> bool:
    """Whether a field can be held: numbers, flags, and words of which a sample has one at most."""
    return name in {*_WORDS, "source", TOPIC} or schema.fields[name].type in {"number", "flag"}


def rows_in(ranges: Ranges) -> ColumnElement[bool]:
    lows, highs = zip(*ranges, strict=True)
    array = ARRAY(BigInteger)
    span = func.unnest(cast(list(lows), array), cast(list(highs), array))
    spans = span.table_valued("low", "high").render_derived()
    return Sample.id.between(spans.c.low, spans.c.high)


def everything(
    session: Session, schema: Schema, dictionaries: Dictionaries, names: Sequence[str]
) -> Columns:
    """All rows of the dataset, a block of ids after the other."""
    ends = select(func.min(Sample.id), func.max(Sample.id))
    low, high = session.execute(ends.where(Sample.dataset_id == schema.dataset_id)).one()
    block = _READ_BYTES // _layout(schema, names).itemsize
    starts = range(low, high + 1, block) if low is not None else (0,)
    blocks = [
        fetched(session, schema, dictionaries, names, Sample.id.between(start, start + block - 1))
        for start in starts
    ]
    values = {name: np.concatenate([block.values[name] for block in blocks]) for name in names}
    return Columns(np.concatenate([block.ids for block in blocks]), values, blocks[-1].words)


def fetched(
    session: Session,
    schema: Schema,
    dictionaries: Dictionaries,
    names: Sequence[str],
    rows: ColumnElement[bool],
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
            dictionary = dictionaries.setdefault(name, Dictionary())
            values[name] = _coded(session, schema, name, dictionary, ids, values[name])
    return Columns(ids, values, {name: one.words for name, one in dictionaries.items()})


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
    dictionary: Dictionary,
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
