"""Real documents that the oracle test and the benchmark measure."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path


def documents(data: Path) -> dict[str, list[str]]:
    """Texts by corpus: instructions, clean long documents, messy web pages."""
    return {
        "alpaca": _alpaca(data / "alpaca_52k" / "alpaca_data.json.gz"),
        "peps": [
            str(row["text"]) for row in _rows(data / "docs_peps" / "peps_even_numbers.jsonl.gz")
        ],
        "web": [
            text
            for path in sorted((data / "web_corpus_messy").glob("*.json*"))
            if path.name != "SOURCE.json"
            for row in _rows(path)
            if isinstance(text := row.get("text") or row.get("content"), str)
        ],
    }


def sample(texts: list[str], fraction: float) -> list[str]:
    """Every so many of them, the first included."""
    return texts[:: max(1, round(1 / fraction))]


def _alpaca(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    fields = ("instruction", "input", "output")
    return ["\n\n".join(row[field] for field in fields if row[field]) for row in rows]


def _rows(path: Path) -> Iterator[dict[str, object]]:
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            if isinstance(row, dict):
                yield row
