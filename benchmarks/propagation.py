"""Vectors, a signal learned from labels, and search by meaning, through workers and the catalog."""

import gzip
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.meaning import searches
from benchmarks.results import Place, Result, rate
from benchmarks.workbench import Workbench, running

_ALPACA = 52_002
_LABELS = 2_000
_HARMLESS = ("lengths", "gopher_quality")  # heuristics that learners are shown beside the vectors


def measure(place: Place) -> Iterator[Result]:
    """From 2,000 labels to a score of every Alpaca row, nothing embedded before."""
    rows = _rows(place.data)[: min(place.part(_ALPACA), _ALPACA)]
    labels = min(_LABELS, len(rows))
    home = place.base / "home-propagation"
    shutil.rmtree(home, ignore_errors=True)
    with running(home) as bench:
        _import(bench, "labelled", [_labelled(one) for one in rows[:labels]])
        _import(bench, "all", [*(_labelled(one) for one in rows[:labels]), *rows[labels:]])
        # Once per machine the static model is distilled from the transformer: not counted here.
        bench.finish(bench.client.post("/datasets/labelled/embeddings", {"tier": "static"}))
        alone, taught = _learn(bench, "labelled")
        whole, _ = _learn(bench, "all")
        yield Result(
            f"learning from {labels:,} labels by a forest: their vectors, five folds, curve, cuts",
            f"{alone:.1f} s, AUROC {taught['auroc'][0]:.3f}",
            "30 s",
            met=alone <= 30,
        )
        yield Result(
            f"carrying it to {len(rows):,} rows by two workers: vectors of prompts and answers, "
            "scores, stored",
            f"{whole - alone:.0f} s ({whole:.0f} s with the learning)",
            "60 s",
            met=whole - alone <= 60,
        )
        embedding = bench.client.post("/datasets/all/embeddings", {"tier": "static"})
        _, seconds = bench.finish(embedding)
        yield rate("vectors of whole samples, stored and indexed", len(rows), seconds, 5000)
        texts = [one["instruction"] for one in rows]
        yield from searches(bench, "all", texts, len(rows))
    shutil.rmtree(home, ignore_errors=True)


def _rows(data: Path) -> list[dict[str, Any]]:
    with gzip.open(data / "alpaca_52k" / "alpaca_data.json.gz") as file:
        rows: list[dict[str, Any]] = orjson.loads(file.read())
    random.Random(1).shuffle(rows)
    return rows


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    """A label that vectors tell and lengths do not: whether the row is about numbers or code."""
    words = f"{row['instruction']} {row['output']}".casefold().split()
    about = {"number", "numbers", "code", "function", "equation", "calculate", "algorithm", "sum"}
    return {**row, "exact": float(bool(about & set(words)))}


def _import(bench: Workbench, name: str, rows: Sequence[dict[str, Any]]) -> None:
    path = bench.home / "imports" / f"{name}.jsonl"
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    bench.client.post("/datasets", {"name": name})
    body = {"path": path.name, "source": name, "scores": ["exact"]}
    bench.finish(bench.client.post(f"/datasets/{name}/imports", body))
    wanted = {"signals": [{"key": key} for key in _HARMLESS]}
    bench.finish(bench.client.post(f"/datasets/{name}/scores", wanted))


def _learn(bench: Workbench, name: str) -> tuple[float, dict[str, Any]]:
    order = {"signal": "learned", "labels": "exact", "cut": 0.5, "learner": "forest"}
    job, seconds = bench.finish(bench.client.post(f"/datasets/{name}/learn", order))
    return seconds, job["result"]
