"""Real texts of which it is known which are good."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson

_PIECE = 1500
_WEB = ("cc_en_head-0091.jsonl", "cc_en_head-0174.jsonl", "c4_demo.jsonl")


def educational(folder: Path, good: int, bad: int) -> list[tuple[str, bool]]:
    """Pieces of manuals among pieces of web pages, shuffled."""
    manuals = [
        *_texts(folder / "docs_rust_book" / "rust_book.jsonl.gz"),
        *_texts(folder / "docs_peps" / "peps_even_numbers.jsonl.gz"),
    ]
    web = [one for name in _pages(folder) for one in _texts(name)]
    rng = np.random.default_rng(1)
    rows = [(one, True) for one in _drawn(rng, _pieces(manuals, 2), good)]
    rows += [(one, False) for one in _drawn(rng, _pieces(web, 6), bad)]
    return [rows[place] for place in rng.permutation(len(rows))]


def two_styles(folder: Path, each: int) -> list[tuple[str, str, bool]]:
    """Helpful answers (Alpaca) and played roles (GPTeacher): prompt, answer, whether helpful."""
    with gzip.open(folder / "alpaca_52k" / "alpaca_data.json.gz") as opened:
        helpful = [row for row in orjson.loads(opened.read())[: 2 * each] if row["output"].strip()]
    name = "roleplay-simple-deduped-roleplay-instruct.json.gz"
    with gzip.open(folder / "gpteacher" / name) as opened:
        played = [row for row in orjson.loads(opened.read()) if row["response"].strip()]
    rows = [(row["instruction"], row["output"], True) for row in helpful[:each]]
    rows += [(row["instruction"], row["response"], False) for row in played[:each]]
    return [rows[place] for place in np.random.default_rng(2).permutation(len(rows))]


def _pages(folder: Path) -> Iterator[Path]:
    for path in sorted((folder / "web_corpus_messy").glob("*.jsonl*")):
        if path.name in _WEB or path.name.startswith("CC-MAIN"):
            yield path


def _texts(path: Path) -> list[str]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [orjson.loads(line)["text"] for line in raw.splitlines() if line.strip()]


def _pieces(texts: list[str], most: int) -> list[str]:
    found = [
        text[start : start + _PIECE]
        for text in texts
        for start in range(0, min(len(text), most * _PIECE), _PIECE)
    ]
    return list(dict.fromkeys(one for one in found if len(one) > 300))


def _drawn(rng: np.random.Generator, pieces: list[str], count: int) -> list[str]:
    return [pieces[place] for place in rng.permutation(len(pieces))[:count]]
