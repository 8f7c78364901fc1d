"""Judging through a worker: how near it comes to what the endpoint allows, and what it takes."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from app.client import Json
from benchmarks.endpoint import PAUSE_S
from benchmarks.results import Place, Result
from benchmarks.workbench import ROOT, Workbench, running

_AT_ONCE = 64
_DATASET = "judged"
_ORDER = {"rubric": "accuracy_judge", "provider": "local"}


def measure(place: Place) -> Iterator[Result]:
    """Grade samples with 64 questions in flight; the ideal is 64 replies per pause."""
    count = max(place.part(4_000), 200)
    home = place.base / f"judging-{count}"
    shutil.rmtree(home, ignore_errors=True)
    with _endpoint() as url, running(home, workers=1, queues="cpu,gpu") as bench:
        _prepare(bench, url, count)
        with _llm_worker(bench) as worker:
            yield from _judged(bench, worker, count)


def _judged(bench: Workbench, worker: psutil.Process, count: int) -> Iterator[Result]:
    """A pilot warms the worker up; then what the whole job takes."""
    path = f"/datasets/{_DATASET}/judge"
    bench.finish(bench.client.post(path, {**_ORDER, "pilot": True}))
    before, start = _cpu_seconds(worker), time.monotonic()
    _, seconds = bench.finish(bench.client.post(path, _ORDER))
    used, wall = _cpu_seconds(worker) - before, time.monotonic() - start
    memory = max(one.memory_info().rss for one in _family(worker)) / 1e6
    ideal, rate = _AT_ONCE / PAUSE_S, count / seconds
    yield Result(
        f"judging {count:,} samples, {_AT_ONCE} in flight, replies after {PAUSE_S} s",
        f"{rate:,.0f} of {ideal:,.0f} per second, {rate / ideal:.0%}",
        wanted="95 %",
        met=rate / ideal >= 0.95,
    )
    yield Result(
        "judging: processor time of the worker",
        f"{used / wall:.0%} of a core",
        wanted="30 %",
        met=used / wall <= 0.3,
    )
    yield Result(
        "judging: memory of the worker", f"{memory:,.0f} MB", wanted="150 MB", met=memory < 150
    )


@contextmanager
def _endpoint() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.endpoint", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def _prepare(bench: Workbench, url: str, count: int) -> None:
    given: Json = {"name": "local", "url": url, "model": "slow", "concurrency": _AT_ONCE}
    bench.client.post("/providers", given)
    bench.client.post("/datasets", {"name": _DATASET})
    folder = bench.home / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "judged.jsonl").open("w") as file:
        for number in range(count):
            row = {"instruction": f"Explain {number}.", "output": "Because of this. " * 40}
            file.write(json.dumps(row) + "\n")
    body = {"path": "judged.jsonl", "source": "made", "origin": "synthetic"}
    bench.finish(bench.client.post(f"/datasets/{_DATASET}/imports", body))


@contextmanager
def _llm_worker(bench: Workbench) -> Iterator[psutil.Process]:
    """A worker of the queue `llm` alone, as on a machine of its own."""
    command = [sys.executable, "-m", "app.cli", "worker", "--queues", "llm", "--processes", "1"]
    env = {"WINNOW_HOME": str(bench.home), "WINNOW_DATABASE_URL": bench.database_url}
    with (bench.home / "llm.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stderr=log)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _family(worker: psutil.Process) -> list[psutil.Process]:
    return [worker, *worker.children(recursive=True)]


def _cpu_seconds(worker: psutil.Process) -> float:
    times = [one.cpu_times() for one in _family(worker)]
    return sum(one.user + one.system for one in times)
