"""The order of a list of samples, and its pages from a keyset on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    REAL,
    Boolean,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    Numeric,
    Select,
    and_,
    cast,
    literal,
    or_,
    select,
)

from app.errors import InvalidError
from app.samples.models import Sample
from app.samples.search import METADATA, Schema

_UNORDERED = {"tag", "source", "topic", "map"}


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: a field's column and whether the largest comes first; ties go by id."""

    name: str
    column: ColumnElement[Any]
    descending: bool

    def __str__(self) -> str:
        """As it stands in an address: `-edu_judge`."""
        return ("-" if self.descending else "") + self.name


def sort_of(schema: Schema, sort: str) -> Sort:
    """`field` or `-field`; by id, newest first, when nothing is said."""
    name = sort.removeprefix("-") or "id"
    field = schema.fields.get(name)
    if field is None or name in _UNORDERED or name.startswith(METADATA):
        sortable = [known for known, one in schema.fields.items() if one.type == "number"]
        raise InvalidError(f"There is no field `{name}` to sort by. Try {', '.join(sortable[:8])}.")
    return Sort(name, schema.columns[name], sort.startswith("-") or not sort)


def order_columns(sort: Sort) -> list[ColumnElement[Any]]:
    """ORDER BY of a sort: what was not measured comes last, ties go by id."""
    if sort.name == "id":
        return [Sample.id.desc() if sort.descending else Sample.id.asc()]
    value = sort.column.desc() if sort.descending else sort.column.asc()
    return [value.nulls_last(), Sample.id.asc()]


def after(sort: Sort, key: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind a row with this (value, id): none is repeated, none is left out."""
    value, last_id = key
    if sort.name == "id":
        by_id: ColumnElement[bool] = Sample.id < last_id if sort.descending else Sample.id > last_id
        return by_id
    column: ColumnElement[Any] = sort.column
    if value is None:
        return and_(column.is_(None), Sample.id > last_id)
    bound = _bound(sort, value)
    beyond = column < bound if sort.descending else column > bound
    return or_(beyond, and_(column == bound, Sample.id > last_id), column.is_(None))


def value_in(sort: Sort, value: Any) -> Any:
    """The sort value of a row as it stands in an address; refuses what no row of it can have."""
    kind = sort.column.type
    match value:
        case None:
            return None
        case bool():
            fits = isinstance(kind, Boolean)
        case int() | float():
            fits = isinstance(kind, Float | Integer | Numeric)
        case str() if isinstance(kind, DateTime):
            return datetime.fromisoformat(value)
        case str():
            fits = not isinstance(kind, Boolean | Float | Integer | Numeric)
        case _:
            fits = False
    if not fits:
        raise ValueError(f"{value!r} is no value of {sort.name}")
    return value


def _bound(sort: Sort, value: Any) -> ColumnElement[Any]:
    if isinstance(sort.column.type, REAL):
        return cast(literal(value), REAL)
    if isinstance(value, datetime):
        return literal(value)
    return cast(literal(value), sort.column.type)


def page_query(
    schema: Schema, where: ColumnElement[bool], sort: Sort, key: Sequence[Any] | None
) -> Select[Sample, Any]:
    """Samples in order from a keyset on, each with its sort value for the next cursor."""
    query = select(Sample, sort.column).where(Sample.dataset_id == schema.dataset_id, where)
    if key is not None:
        query = query.where(after(sort, key))
    return query.order_by(*order_columns(sort))
