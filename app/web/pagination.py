"""Lists over REST: a page of items and an opaque cursor to the next."""

import base64
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from app.errors import InvalidError

Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=1000, description="Items per page")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next` of the page before; none: the first")
]
_LARGEST = 2**63 - 1


class Page(BaseModel, Generic[Item]):
    """One page; `next` is null on the last, `total` is null where it was not counted."""

    items: Sequence[Item]
    next: str | None = None
    total: int | None = None


def encode_cursor(*key: Any) -> str:
    """The sort key of the last row, for the address."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *parts: Callable[[Any], Any]) -> list[Any] | None:
    """The sort key in a cursor, each part as its reader gives it.

    Refuses a cursor that this list did not give.
    """
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = orjson.loads(base64.urlsafe_b64decode(padded))
    except ValueError as error:
        raise InvalidError("The cursor is not one that this list gave.") from error
    if not isinstance(key, list) or len(key) != len(parts):
        raise other_list()
    try:
        return [read(one) for read, one in zip(parts, key, strict=True)]
    except ValueError as error:
        raise other_list() from error


def other_list() -> InvalidError:
    """The refusal of a cursor that is well-formed but was not given here."""
    return InvalidError("The cursor belongs to another list or another order.")


def row_id(value: Any) -> int:
    """An id in a cursor."""
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError(value)
    return value


def moment(value: Any) -> datetime:
    """A point in time in a cursor."""
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError(value)
    return found


def unique_id(value: Any) -> uuid.UUID:
    """A UUID in a cursor."""
    return uuid.UUID(_text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)  # noqa: TRY004 - what a reader of cursors refuses with
    return value
