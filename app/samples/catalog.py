"""One function computes a page of the catalog; JSON and HTML are two renderings of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.curation.rules.nodes import And, Node, Text
from app.datasets.models import Dataset
from app.samples import queries
from app.samples.models import DatasetSignal
from app.samples.order import Sort, sort_of, value_in
from app.samples.queries import Row
from app.samples.search import Schema, parsed, schema_of
from app.web.pagination import decode_cursor, encode_cursor, other_list, row_id


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """A page of a search: its rows, the cursor to the next, and what it was read with."""

    rows: Sequence[Row]
    next: str | None
    schema: Schema
    node: Node
    sort: Sort
    signals: Sequence[DatasetSignal]


def read(
    session: Session,
    dataset: Dataset,
    *,
    where: str = "",
    q: str = "",
    sort: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> CatalogPage:
    """Read a page: `where` is an expression, `q` words or a phrase to look for besides."""
    schema = schema_of(session, dataset.id)
    node = parsed(schema, where)
    if q.strip():
        node = And((node, Text(q.strip(), phrase=False)))
    order = sort_of(schema, sort)
    key = _key_of(cursor, order)
    found = queries.rows(session, schema, node, order, key, limit + 1)
    shown = found[:limit]
    return CatalogPage(
        rows=shown,
        next=_cursor(shown[-1], order) if len(found) > limit else None,
        schema=schema,
        node=node,
        sort=order,
        signals=schema.signals,
    )


def _cursor(row: Row, order: Sort) -> str:
    value: Any = row.sort_value
    shown = value.isoformat() if hasattr(value, "isoformat") else value
    return encode_cursor(str(order), shown, row.sample.id)


def _key_of(cursor: str | None, order: Sort) -> list[Any] | None:
    """The value and id in a cursor; a cursor of another order is refused."""
    key = decode_cursor(cursor, str, lambda value: value, row_id)
    if key is None:
        return None
    if key[0] != str(order):
        raise other_list()
    try:
        return [value_in(order, key[1]), key[2]]
    except ValueError as error:
        raise other_list() from error
