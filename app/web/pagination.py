"""Lists over REST: a page of items and an opaque cursor to the next."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from app.errors import InvalidError

Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=1000, description="Items per page")]


class Page(BaseModel, Generic[Item]):
    """One page; `next` is null on the last, `total` is null where it was not counted."""

    items: Sequence[Item]
    next: str | None = None
    total: int | None = None


def encode_cursor(*key: Any) -> str:
    """The sort key of the last row, for the address."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, length: int) -> list[Any] | None:
    """The sort key in a cursor; refuses one that this list did not give."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = orjson.loads(base64.urlsafe_b64decode(padded))
    except ValueError as error:
        raise InvalidError("The cursor is not one that this list gave.") from error
    if not isinstance(key, list) or len(key) != length:
        raise InvalidError("The cursor belongs to another list or another order.")
    return key
