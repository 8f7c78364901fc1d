"""From a filter expression to one SQL query: fields of a dataset, conditions, order, pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    REAL,
    ColumnElement,
    Double,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import UserDefinedType

from app.curation.records import Kind, Origin
from app.curation.rules import expression as grammar
from app.curation.rules.fields import TRUTH, Field, FieldType, check, period
from app.curation.rules.nodes import (
    And,
    Compare,
    ExpressionError,
    Missing,
    Node,
    Not,
    Or,
    Range,
    Text,
)
from app.errors import InvalidError
from app.samples import places
from app.samples.models import (
    SEARCHED_CHARS,
    DatasetSignal,
    MetadataField,
    Sample,
    SampleBody,
    Status,
)
from app.samples.places import MAP, TOPIC, Places
from app.samples.registry import PLACE, slots
from app.sources.models import Source

METADATA = "metadata."
_SIMPLE: ColumnElement[str] = literal_column("'simple'::regconfig")

_BUILT_IN: Mapping[str, tuple[FieldType, Any]] = {
    "id": ("number", Sample.id),
    "status": ("word", Sample.status),
    "kind": ("word", Sample.kind),
    "origin": ("word", Sample.origin),
    "source": ("word", None),
    "domain": ("word", Sample.domain),
    "language": ("word", Sample.language),
    "tag": ("word", Sample.tags),
    "external_id": ("word", Sample.external_id),
    "revision": ("number", Sample.revision),
    "chars": ("number", Sample.chars),
    "words": ("number", Sample.words),
    "created": ("time", Sample.created_at),
    "changed": ("time", Sample.changed_at),
    "kept": ("flag", Sample.kept),
}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "status": tuple(Status),
    "kind": tuple(Kind),
    "origin": tuple(Origin),
}


@dataclass(frozen=True, slots=True)
class Schema:
    """What can be filtered in a dataset: fields for the grammar, columns for SQL."""

    dataset_id: int
    fields: Mapping[str, Field]
    columns: Mapping[str, ColumnElement[Any]]
    sources: Mapping[str, int]
    signals: Sequence[DatasetSignal]
    places: Places = field(default_factory=Places)


def schema_of(session: Session, dataset_id: int) -> Schema:
    """The fields of a dataset: those every sample has, its signals, its metadata."""
    sources = dict(session.execute(select(Source.name, Source.id)).all())
    fields: dict[str, Field] = {}
    columns: dict[str, ColumnElement[Any]] = {}
    for name, (kind, column) in _BUILT_IN.items():
        words = tuple(sorted(sources)) if name == "source" else _WORDS.get(name)
        fields[name] = Field(name, kind, words)
        if column is not None:
            columns[name] = column
    everything = slots(session, dataset_id)
    known = [one for one in everything if one.key != PLACE]
    placed = places.of(session, dataset_id)
    for signal in everything:
        if signal.key == PLACE:  # read by the fields `topic` and `map` alone
            columns[signal.name] = Sample.scores[signal.slot + 1]
            continue
        if signal.name in _BUILT_IN:  # words and chars: every sample has them, measured or not
            continue
        fields[signal.name] = Field(signal.name, "number", None)
        columns[signal.name] = Sample.scores[signal.slot + 1]
    if placed.titles:
        fields[TOPIC] = Field(TOPIC, "word", tuple(placed.titles))
    if placed.x is not None:
        fields[MAP] = Field(MAP, "word", tuple(placed.areas))
    for key in _metadata_keys(session, dataset_id):
        fields[METADATA + key] = Field(METADATA + key, "text", None)
        columns[METADATA + key] = SampleBody.sample_metadata[key].astext
    return Schema(dataset_id, fields, columns, sources, known, placed)


def _metadata_keys(session: Session, dataset_id: int) -> Sequence[str]:
    names = select(MetadataField.name).where(MetadataField.dataset_id == dataset_id)
    return sorted(name for name in session.scalars(names) if name.isidentifier())


def parsed(schema: Schema, source: str) -> Node:
    """The checked expression; refuses a wrong one with the place and the words that would fit."""
    try:
        node = grammar.parse(source)
        check(node, schema.fields)
    except ExpressionError as error:
        raise InvalidError(
            str(error),
            errors=[{"path": "where", "position": error.position + 1, "message": error.message}],
            suggestions=list(error.suggestions),
        ) from error
    return node


def compiled(schema: Schema, node: Node) -> ColumnElement[bool]:
    """The condition on a row of `samples`, in SQL's three-valued logic.

    A comparison with a number that was not measured is neither true nor false; words and tags
    that are missing are simply not equal to anything.
    """
    match node:
        case And(parts):
            return and_(true(), *(compiled(schema, part) for part in parts))
        case Or(parts):
            return or_(false(), *(compiled(schema, part) for part in parts))
        case Not(part):
            return not_(compiled(schema, part))
        case Text(words, phrase):
            return _in_body(holds(words, phrase))
        case Missing(name):
            return _missing(schema, name)
        case Compare(name, op, values):
            return or_(*(_compare(schema, name, op, value) for value in values))
        case Range(name, low, high):
            ends = [("<=", high), (">=", low)]
            return and_(*(_compare(schema, name, op, end) for op, end in ends if end is not None))


def condition(session: Session, dataset_id: int, where: str) -> ColumnElement[bool]:
    """The rows of a dataset that match an expression."""
    schema = schema_of(session, dataset_id)
    return and_(Sample.dataset_id == dataset_id, compiled(schema, parsed(schema, where)))


def holds(words: str, phrase: bool) -> ColumnElement[bool]:
    """Whether a body holds these words, or these words in a row; the search index answers it."""
    query = func.phraseto_tsquery if phrase else func.plainto_tsquery
    vector = func.to_tsvector(
        _SIMPLE, func.left(SampleBody.text, literal_column(str(SEARCHED_CHARS)))
    )
    return vector.op("@@")(query(_SIMPLE, words))


def _holds_words(column: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    # Postgres takes a path for one word: a branch would not find what is below it.
    held = func.to_tsvector(_SIMPLE, column).op("@@")(func.phraseto_tsquery(_SIMPLE, words))
    return or_(held, column.startswith(f"{words}/", autoescape=True))


def _in_body(inner: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(SampleBody.sample_id)
        .where(
            SampleBody.sample_id == Sample.id,
            SampleBody.revision == Sample.revision,
            inner,
        )
        .correlate(Sample)
        .exists()
    )


def _missing(schema: Schema, name: str) -> ColumnElement[bool]:
    if name == "source":
        return false()
    if name in {TOPIC, MAP}:
        return _placeless(schema, name)
    column = schema.columns[name]
    if name.startswith(METADATA):
        return not_(_in_body(column.is_not(None)))
    return column.is_(None)


def _compare(schema: Schema, name: str, op: str, value: str) -> ColumnElement[bool]:
    field = schema.fields[name]
    if name in {"source", TOPIC, MAP}:
        return _placed(schema, name, value)
    column = schema.columns[name]
    if name == "tag":
        return func.coalesce(column.contains([value]), false())
    if name.startswith(METADATA):
        return _in_body(column == value if op == "=" else _holds_words(column, value))
    if field.type == "number":
        return _number(column, op, value)
    if field.type == "time":
        return _time(column, op, value)
    if field.type == "flag":
        return column.is_(value == "true")
    if field.words is not None:
        return column == value
    return func.coalesce(column == value, false())


def _placed(schema: Schema, name: str, value: str) -> ColumnElement[bool]:
    """Whether a sample is of a source or a topic, or within an area of the map."""
    found = schema.places
    if name == "source":
        return Sample.source_id == schema.sources[value]
    if name == TOPIC:
        numbers = [cast(one, REAL) for one in found.titles[value]]
        return func.coalesce(schema.columns[str(found.topic)].in_(numbers), false())
    x, y = (schema.columns[str(one)] for one in (found.x, found.y))
    corners = found.areas[value]
    text = "(" + ",".join(f"({across:d},{down:d})" for across, down in corners) + ")"
    sides = list(zip(*corners, strict=True))
    box = and_(x.between(min(sides[0]), max(sides[0])), y.between(min(sides[1]), max(sides[1])))
    inside = cast(literal(text), _Polygon).op("@>")(func.point(cast(x, Double), cast(y, Double)))
    return func.coalesce(and_(box, inside), false())


def _placeless(schema: Schema, name: str) -> ColumnElement[bool]:
    found = schema.places
    if name == MAP:
        return schema.columns[str(found.x)].is_(None)
    mine = schema.columns[str(found.topic)].in_([cast(one, REAL) for one in found.numbers])
    return not_(func.coalesce(mine, false()))


class _Polygon(UserDefinedType[str]):
    """The geometric type of Postgres."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return "polygon"


def _number(column: ColumnElement[Any], op: str, value: str) -> ColumnElement[bool]:
    number = float(TRUTH.get(value, value))
    # Scores are float32: the bound is rounded the same way, so that 0.1 means the stored 0.1.
    bound = cast(literal(number), REAL) if isinstance(column.type, REAL) else literal(number)
    return _ordered(column, op, bound)


def _time(column: ColumnElement[Any], op: str, value: str) -> ColumnElement[bool]:
    """A date is its whole day, so `<=` reaches to its end and `>` begins behind it."""
    start, end = (literal(moment) for moment in period(value))
    match op:
        case ">=":
            return column >= start
        case "<=":
            return column < end
        case ">":
            return column >= end
        case "<":
            return column < start
        case _:
            return and_(column >= start, column < end)


def _ordered(column: ColumnElement[Any], op: str, bound: ColumnElement[Any]) -> ColumnElement[bool]:
    match op:
        case ">=":
            return column >= bound
        case "<=":
            return column <= bound
        case ">":
            return column > bound
        case "<":
            return column < bound
        case _:
            return column == bound
