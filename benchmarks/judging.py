"""Judging through a worker: how near it comes to what the endpoint allows, and what it takes."""

import json
import shutil
import time
from collections.abc import Iterator

import psutil

from benchmarks.asking import add_provider, cpu_seconds, endpoint, llm_worker, memory_mb, throughput
from benchmarks.results import Place, Result
from benchmarks.workbench import Workbench, running

_DATASET = "judged"
_ORDER = {"rubric": "accuracy_judge", "provider": "local"}


def measure(place: Place) -> Iterator[Result]:
    """Grade samples with 64 questions in flight; the ideal is 64 replies per pause."""
    count = max(place.part(4_000), 200)
    home = place.base / f"judging-{count}"
    shutil.rmtree(home, ignore_errors=True)
    with endpoint() as url, running(home, workers=1, queues="cpu,gpu") as bench:
        add_provider(bench, url)
        _import(bench, count)
        with llm_worker(bench) as worker:
            yield from _judged(bench, worker, count)


def _judged(bench: Workbench, worker: psutil.Process, count: int) -> Iterator[Result]:
    """A pilot warms the worker up; then what the whole job takes."""
    path = f"/datasets/{_DATASET}/judge"
    bench.finish(bench.client.post(path, {**_ORDER, "pilot": True}))
    before, start = cpu_seconds(worker), time.monotonic()
    _, seconds = bench.finish(bench.client.post(path, _ORDER))
    used, wall = cpu_seconds(worker) - before, time.monotonic() - start
    memory = memory_mb(worker)
    yield throughput(f"judging {count:,} samples", count, seconds)
    yield Result(
        "judging: processor time of the worker",
        f"{used / wall:.0%} of a core",
        wanted="30 %",
        met=used / wall <= 0.3,
    )
    yield Result(
        "judging: memory of the worker", f"{memory:,.0f} MB", wanted="150 MB", met=memory < 150
    )


def _import(bench: Workbench, count: int) -> None:
    bench.client.post("/datasets", {"name": _DATASET})
    folder = bench.home / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "judged.jsonl").open("w") as file:
        for number in range(count):
            row = {"instruction": f"Explain {number}.", "output": "Because of this. " * 40}
            file.write(json.dumps(row) + "\n")
    body = {"path": "judged.jsonl", "source": "made", "origin": "synthetic"}
    bench.finish(bench.client.post(f"/datasets/{_DATASET}/imports", body))
