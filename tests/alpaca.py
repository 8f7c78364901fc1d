"""Rows of Alpaca, the real instruction set most tests of models are planted in."""

import gzip
from pathlib import Path
from typing import Any

import orjson


def alpaca(folder: Path, count: int, start: int = 0) -> list[dict[str, Any]]:
    """So many rows that have an answer."""
    with gzip.open(folder / "alpaca_52k" / "alpaca_data.json.gz") as opened:
        rows = orjson.loads(opened.read())
    return [row for row in rows[start:] if row["output"].strip()][:count]
