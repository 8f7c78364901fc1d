"""A filter expression over columns in memory: which rows meet it, fail it, or can't be told.

The same three-valued logic as `search.compiled`, which says it in SQL.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, func, literal, select
from sqlalchemy.orm import Session

from app.curation.rules.fields import TRUTH
from app.curation.rules.nodes import And, Compare, Missing, Node, Not, Or, Range, Text
from app.samples.arrays import Columns, Values, is_column
from app.samples.models import Sample, SampleBody
from app.samples.places import TOPIC
from app.samples.search import Schema, compiled, holds

Mask = NDArray[np.bool_]

_COMPARED = {
    ">=": np.greater_equal,
    "<=": np.less_equal,
    ">": np.greater,
    "<": np.less,
    ":": np.equal,
    "=": np.equal,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """Per row whether an expression is true, whether it is false; neither where it is unknown."""

    yes: Mask
    no: Mask

    @classmethod
    def known(cls, yes: Mask) -> Self:
        """Of a condition that is never unknown."""
        return cls(yes, ~yes)

    def __and__(self, other: "Truth") -> "Truth":
        return Truth(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: "Truth") -> "Truth":
        return Truth(self.yes | other.yes, self.no & other.no)

    def __invert__(self) -> "Truth":
        return Truth(self.no, self.yes)


def leaves(node: Node) -> Iterator[Node]:
    """The conditions of an expression that have no parts."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield node


def is_in_columns(schema: Schema, leaf: Node) -> bool:
    """Whether a condition without parts can be answered from columns."""
    return isinstance(leaf, Compare | Range | Missing) and is_column(schema, leaf.field)


def columns_for(schema: Schema, *nodes: Node) -> set[str]:
    """The columns that these expressions read."""
    names = set()
    for leaf in (leaf for node in nodes for leaf in leaves(node)):
        if isinstance(leaf, Text):
            names.add("revision")
        elif isinstance(leaf, Compare | Range | Missing) and is_column(schema, leaf.field):
            names.add(str(schema.places.topic) if leaf.field == TOPIC else leaf.field)
    return names


def evaluate(session: Session, schema: Schema, columns: Columns, node: Node) -> Truth:
    """The truth of an expression for every row; words in texts and the like are asked in SQL."""
    everywhere = Truth.known(np.ones(len(columns), bool))
    match node:
        case And(parts):
            each = (evaluate(session, schema, columns, part) for part in parts)
            return reduce(Truth.__and__, each, everywhere)
        case Or(parts):
            each = (evaluate(session, schema, columns, part) for part in parts)
            return reduce(Truth.__or__, each, ~everywhere)
        case Not(part):
            return ~evaluate(session, schema, columns, part)
        case Text(words, phrase):
            return _with_words(session, columns, words, phrase)
        case _ if not is_in_columns(schema, node):
            return _asked(session, schema, columns, node)
        case Missing(name):
            return Truth.known(_is_missing(schema, columns, name))
        case Compare(name, op, values):
            each = (_compare(schema, columns, name, op, value) for value in values)
            return reduce(Truth.__or__, each)
        case Range(name, low, high):
            ends = [("<=", high), (">=", low)]
            each = (_compare(schema, columns, name, op, end) for op, end in ends if end is not None)
            return reduce(Truth.__and__, each)
    raise TypeError(f"{node!r} is no expression.")


def _compare(schema: Schema, columns: Columns, name: str, op: str, value: str) -> Truth:
    if name == "source":
        return Truth.known(columns["source"] == schema.sources[value])
    if name == TOPIC:
        return Truth.known(_topics(schema, columns) == schema.places.words().index(value))
    if name in columns.words:
        return Truth.known(_is_word(columns, name, value))
    if schema.fields[name].type == "flag":
        return Truth.known(columns[name] == (value == "true"))
    return ordered(columns[name], op, float(TRUTH.get(value, value)))


def _topics(schema: Schema, columns: Columns) -> Values:
    """Codes of topics, 0 for none."""
    return schema.places.codes(columns[str(schema.places.topic)])


def ordered(column: Values, op: str, bound: float) -> Truth:
    """A comparison with a number; unknown where nothing was measured."""
    if column.dtype != np.float32:
        return Truth.known(_COMPARED[op](column, bound))
    with np.errstate(over="ignore"):
        # Scores are float32: the bound is rounded the same way, so that 0.1 means the stored 0.1.
        rounded = np.float32(bound)
    yes = _COMPARED[op](column, rounded)
    return Truth(yes, ~(yes | np.isnan(column)))


def _is_word(columns: Columns, name: str, value: str) -> Mask:
    words = columns.words[name]
    return columns[name] == words.index(value) if value in words else np.zeros(len(columns), bool)


def _is_missing(schema: Schema, columns: Columns, name: str) -> Mask:
    if name == TOPIC:
        without: Mask = _topics(schema, columns) == 0
        return without
    column = columns[name]
    return column == 0 if name in columns.words else unknown(column)


def unknown(column: Values) -> Mask:
    """Which values of a number were not measured."""
    return np.isnan(column) if column.dtype == np.float32 else np.zeros(len(column), bool)


def _with_words(session: Session, columns: Columns, words: str, phrase: bool) -> Truth:
    """Rows whose present revision holds the words: the search index knows all that do."""
    row = func.int8send(SampleBody.sample_id).op("||")(func.int4send(SampleBody.revision))
    joined = func.string_agg(row, literal(b"", LargeBinary))
    if not len(columns):
        return Truth.known(np.zeros(0, bool))
    mine = SampleBody.sample_id.between(int(columns.ids[0]), int(columns.ids[-1]))
    raw = session.scalar(select(joined).where(holds(words, phrase), mine))
    found = np.frombuffer(raw or b"", np.dtype([("id", ">i8"), ("revision", ">i4")]))
    places = np.searchsorted(columns.ids, found["id"])
    inside = places < len(columns)
    places, found = places[inside], found[inside]
    same = (columns.ids[places] == found["id"]) & (columns["revision"][places] == found["revision"])
    yes = np.zeros(len(columns), bool)
    yes[places[same]] = True
    return Truth.known(yes)


def _asked(session: Session, schema: Schema, columns: Columns, leaf: Node) -> Truth:
    joined = func.string_agg(func.int8send(Sample.id), literal(b"", LargeBinary))
    query = select(joined).where(Sample.dataset_id == schema.dataset_id, compiled(schema, leaf))
    ids = np.frombuffer(session.scalar(query) or b"", ">i8").astype(np.int64)
    return Truth.known(np.isin(columns.ids, ids))
