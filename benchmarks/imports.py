"""Import through a worker, search index included; beside it the same rows by bare COPY."""

import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
import psutil
import psycopg

from benchmarks import million
from benchmarks.results import Place, Result, rate, timed
from benchmarks.workbench import Workbench, running

_TIMES = 3
_LABEL_STUDIO = "published: Label Studio 1.23: 6,800 rows/s, no search index"
_LARGE = 2_000_000_000  # bytes
_LARGE_S = 90
_MOST_MB = 400


def measure(place: Place) -> Iterator[Result]:
    """The Alpaca set several times into datasets of their own, then a file larger than memory."""
    home = place.base / "home-imports"
    shutil.rmtree(home, ignore_errors=True)
    with running(home, workers=1) as bench:
        path = _alpaca(place, bench.home / "imports" / "alpaca.jsonl")
        found = [_import(bench, f"alpaca-{n}", path) for n in range(_TIMES)]
        rows, seconds = found[0][0], statistics.median(seconds for _, seconds in found)
        bare = f"bare COPY into the same tables: {rows / _bare_copy(bench):,.0f} rows/s; "
        what = f"import of {rows:,} Alpaca rows, search index included"
        yield rate(what, rows, seconds, 10_000, bare + _LABEL_STUDIO)
        yield _memory(place, bench)
    shutil.rmtree(home, ignore_errors=True)


def _alpaca(place: Place, path: Path) -> Path:
    records = million.records(place.data, "alpaca")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for record in records[: place.part(len(records))]:
            file.write(orjson.dumps(record) + b"\n")
    return path


def _import(bench: Workbench, dataset: str, path: Path) -> tuple[int, float]:
    bench.client.post("/datasets", {"name": dataset})
    body = {"path": path.name, "source": "alpaca"}
    job, seconds = bench.finish(bench.client.post(f"/datasets/{dataset}/imports", body))
    return job["result"]["created"], seconds


_CLONES = """
CREATE TABLE copied_samples (LIKE samples INCLUDING ALL);
CREATE TABLE copied_bodies (LIKE sample_bodies INCLUDING ALL)
"""


def _bare_copy(bench: Workbench) -> float:
    """Seconds of the least that an import can do: rows that are ready, sent into both tables."""
    mine = "SELECT id FROM samples WHERE dataset_id = (SELECT min(id) FROM datasets)"
    with psycopg.connect(bench.database_url, autocommit=True) as connection:
        connection.execute(_CLONES)
        samples = _dump(connection, f"SELECT * FROM samples WHERE id IN ({mine})")
        bodies = _dump(connection, f"SELECT * FROM sample_bodies WHERE sample_id IN ({mine})")

        def send() -> None:
            for table, rows in (("copied_samples", samples), ("copied_bodies", bodies)):
                with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)

        seconds = timed(send)
        connection.execute("DROP TABLE copied_samples, copied_bodies")
    return seconds


def _dump(connection: psycopg.Connection, query: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        return b"".join(bytes(block) for block in copy)


def _memory(place: Place, bench: Workbench) -> Result:
    """The most that a worker holds while it reads from a large file for a while."""
    path = bench.home / "imports" / "large.jsonl"
    wanted = _LARGE * place.rows // 1_000_000
    made = million.SETS[0]
    with path.open("wb") as file:
        count = 0
        while file.tell() < wanted:
            lines = million.lines(made, million.records(place.data, made.name), 400_000, count)
            for line in lines:
                file.write(line)
                if file.tell() >= wanted:
                    break
            count += 1
    bench.client.post("/datasets", {"name": "large"})
    with _peak(bench) as peak:
        body = {"path": path.name, "source": "large"}
        job = bench.client.post("/datasets/large/imports", body)
        until = time.monotonic() + _LARGE_S
        while time.monotonic() < until and job["status"] in {"queued", "running"}:
            time.sleep(0.5)
            job = bench.client.get(f"/jobs/{job['id']}")
        if job["status"] == "running":
            bench.client.post(f"/jobs/{job['id']}/cancel")
            job = bench.client.wait(job)
    path.unlink()
    megabytes = peak[0] / 2**20
    return Result(
        f"worker's memory on a file of {wanted / 1e9:.2f} GB ({job['done']:,} rows read)",
        f"at most {megabytes:,.0f} MB",
        f"{_MOST_MB} MB",
        met=megabytes < _MOST_MB,
    )


@contextmanager
def _peak(bench: Workbench) -> Iterator[list[int]]:
    """The largest resident size of any worker process during the block, in bytes."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            for one in bench.processes()["worker"]:
                with suppress(psutil.Error):
                    peak[0] = max(peak[0], one.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()
