"""What measurements of questions to models share: a slow endpoint, a worker that asks, its cost."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from app.client import Json
from benchmarks.endpoint import PAUSE_S
from benchmarks.results import Result
from benchmarks.workbench import ROOT, Workbench

AT_ONCE = 64


@contextmanager
def endpoint() -> Iterator[str]:
    """The address of an endpoint that answers after a pause, in a process of its own."""
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


def add_provider(bench: Workbench, url: str) -> None:
    """The endpoint as the provider `local`, with 64 questions in flight."""
    given: Json = {"name": "local", "url": url, "model": "slow", "concurrency": AT_ONCE}
    bench.client.post("/providers", given)


@contextmanager
def llm_worker(bench: Workbench) -> Iterator[psutil.Process]:
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


def throughput(what: str, count: int, seconds: float) -> Result:
    """Requests per second against the ideal, which is 64 replies per pause."""
    ideal, rate = AT_ONCE / PAUSE_S, count / seconds
    return Result(
        f"{what}, {AT_ONCE} in flight, replies after {PAUSE_S} s",
        f"{rate:,.0f} of {ideal:,.0f} per second, {rate / ideal:.0%}",
        wanted="95 %",
        met=rate / ideal >= 0.95,
    )


def memory_mb(worker: psutil.Process) -> float:
    """The memory of the largest process of a worker."""
    return float(max(one.memory_info().rss for one in _family(worker)) / 1e6)


def cpu_seconds(worker: psutil.Process) -> float:
    """What its processes have used of processors so far."""
    times = [one.cpu_times() for one in _family(worker)]
    return float(sum(one.user + one.system for one in times))


def _family(worker: psutil.Process) -> list[psutil.Process]:
    return [worker, *worker.children(recursive=True)]
