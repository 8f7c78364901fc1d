"""As many samples as wanted, made from the real sets: records whose sentences are shuffled.

Texts differ, while words, lengths, code and line breaks are those of real data.
"""

import gzip
import json
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.results import Place
from benchmarks.workbench import Workbench, running

DATASET = "million"
# Measured besides what every sample has; with these there are 33 signals.
SIGNALS = ("lengths", "gopher_quality", "gopher_repetition", "c4")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_SEED = 20260101


@dataclass(frozen=True, slots=True)
class Made:
    """A file of samples from one real set, and its share of the whole."""

    name: str
    origin: str
    domain: str
    share: float


SETS = (
    Made("alpaca", "synthetic", "general", 0.5),
    Made("gpteacher", "synthetic", "code", 0.2),
    Made("gsm8k", "human", "math", 0.15),
    Made("peps", "human", "standards", 0.05),
    Made("web", "web", "web", 0.1),
)


@contextmanager
def loaded(place: Place) -> Iterator[Workbench]:
    """A Winnow with all samples in one dataset and measured; made once, kept for the next run."""
    home = place.base / f"home-{place.rows}"
    whole = home / "loaded"
    if not whole.exists():
        shutil.rmtree(home, ignore_errors=True)  # what broke off half-way
    with running(home) as bench:
        if not whole.exists():
            _load(place, bench)
            whole.touch()
        yield bench


def _load(place: Place, bench: Workbench) -> None:
    bench.client.post("/datasets", {"name": DATASET})
    for made, path in write(place.data, bench.home / "imports", place.rows):
        body = {"path": path.name, "source": made.name, "origin": made.origin}
        bench.finish(bench.client.post(f"/datasets/{DATASET}/imports", body))
    wanted = {"signals": [{"key": key} for key in SIGNALS]}
    bench.finish(bench.client.post(f"/datasets/{DATASET}/scores", wanted))
    bench.settle()


def write(data: Path, folder: Path, rows: int) -> list[tuple[Made, Path]]:
    """Write one JSONL file per set; the same bytes for the same number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for made in SETS:
        path = folder / f"{made.name}.jsonl"
        if not path.exists():
            beside = path.with_suffix(".part")
            with beside.open("wb") as file:
                for line in lines(made, records(data, made.name), round(rows * made.share)):
                    file.write(line)
            beside.rename(path)
        written.append((made, path))
    return written


def lines(made: Made, pool: list[dict[str, str]], count: int, seed: int = _SEED) -> Iterator[bytes]:
    """So many samples of a set as JSON Lines; another seed gives other ones."""
    draw = random.Random(f"{seed} {made.name}")
    sentences = {name: [_parts(one.get(name, "")) for one in pool] for name in pool[0]}
    for number in range(count):
        place, other = number % len(pool), draw.randrange(len(pool))
        row: dict[str, Any] = {"external_id": f"{made.name}-{number}", "domain": made.domain}
        for name, of_record in sentences.items():
            words = of_record[place]
            # The first round keeps the records as they are; later ones borrow from another record.
            if number >= len(pool) and len(words) + len(of_record[other]) > 1:
                words = draw.sample(words, len(words)) + of_record[other][:3]
            row[name] = ("\n" if name == "text" else " ").join(words)
        row["round"] = number // len(pool)
        yield orjson.dumps(row) + b"\n"


def _parts(text: str) -> list[str]:
    return [part for part in _SENTENCES.split(text) if part.strip()]


def records(data: Path, name: str) -> list[dict[str, str]]:
    """The records of a real set, long documents cut into paragraphs' worth of text."""
    match name:
        case "alpaca":
            return _instructions(data / "alpaca_52k" / "alpaca_data.json.gz")
        case "gpteacher":
            files = sorted((data / "gpteacher").glob("*instruct*.json.gz"))
            return [one for path in files for one in _instructions(path)]
        case "gsm8k":
            lines = _json_lines(data / "gsm8k" / "train.jsonl.gz")
            return [{"instruction": one["question"], "output": one["answer"]} for one in lines]
        case "peps":
            return _pieces(_json_lines(data / "docs_peps" / "peps_even_numbers.jsonl.gz"))
        case "web":
            files = sorted((data / "web_corpus_messy").glob("*.jsonl*"))
            return _pieces(row for path in files for row in _json_lines(path))
        case _:
            raise ValueError(f"There is no set {name}.")


def _instructions(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    return [
        {
            "instruction": row["instruction"],
            "input": row.get("input") or "",
            "output": row.get("output") or row.get("response") or "",
        }
        for row in rows
    ]


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


_PIECE = 2000


def _pieces(rows: Iterator[dict[str, Any]]) -> list[dict[str, str]]:
    pieces = []
    for row in rows:
        text = row.get("text") or row.get("content")
        if isinstance(text, str):
            starts = range(0, max(len(text), 1), _PIECE)
            pieces += [{"text": text[at : at + _PIECE]} for at in starts if text[at:].strip()]
    return pieces
