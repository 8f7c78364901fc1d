"""Reads bytes as a file, for the tests of the readers."""

import io
from typing import Any

from app.curation.readers.base import Reader, Row, Warnings
from app.curation.readers.streams import Limits
from app.curation.records import Rejected


def read(
    reader: Reader,
    content: bytes,
    *,
    skip: int = 0,
    warnings: Warnings | None = None,
    limits: Limits | None = None,
) -> list[Row | Rejected]:
    """All rows, good and rejected."""
    file = io.BytesIO(content)
    return list(reader.read(file, skip=skip, warnings=warnings, limits=limits))


def values(items: list[Row | Rejected]) -> list[dict[str, Any]]:
    """What the good rows hold."""
    return [item.values for item in items if isinstance(item, Row)]


def reasons(items: list[Row | Rejected]) -> list[tuple[int, str]]:
    """Line and reason of the rejected rows."""
    return [(item.line, item.reason) for item in items if isinstance(item, Rejected)]
