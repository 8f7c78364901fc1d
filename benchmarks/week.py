"""A week in an hour: import, score, decide, release, delete, over and over; what stays and grows.

By hand, for a quarter of an hour: `python -m benchmarks.week DATA 15`.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from app.client import Json
from benchmarks.million import write
from benchmarks.results import Place, Result
from benchmarks.workbench import Workbench, running

_HOUR_S = 3600
_ROUNDS, _SMALL_ROUNDS = 5, 2
_SMALL = 10_000  # samples; such a run only shows that it runs
_STEADY = 8  # rounds, from which on the first ones and the last ones are others
_IN_FLIGHT = 2  # messages on their way when files are counted
_WORKERS = 2
_CARDS = 36
_SIGNALS = ("lengths", "gopher_quality", "gopher_repetition", "c4")
_WHERE = "gopher_words>=20 gopher_dup_5gram_char_frac<=0.15 words<=400"
_VERDICTS = ("approve", "approve", "reject", "skip")
_PAGES = ("", "/samples", "/review", "/filters", "/scores", "/releases", "/jobs", "/facets")
_FOLDERS = ("uploads", "releases", "broker")
_LOG = "audit_events"  # it keeps everything on purpose
_TABLES = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""
_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a Winnow holds after a round: memory, connections, bytes of tables, files."""

    web: float
    worker: float
    connections: float
    open_files: float
    tables: dict[str, float]
    rows: dict[str, float]
    folders: float
    files: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A figure that must stay flat: by which share, and by how many more, it may grow."""

    what: str
    unit: str
    values: list[float]
    may: float
    more: int = 0


def measure(
    place: Place, *, minutes: float | None = None, least: int | None = None
) -> Iterator[Result]:
    """Rounds for as long as the size asks for; growth from the third to the last of them."""
    hours = place.rows / 1_000_000
    seconds = hours * _HOUR_S if minutes is None else minutes * 60
    wanted = least or (_ROUNDS if place.rows >= _SMALL else _SMALL_ROUNDS)
    place.base.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="week-", dir=place.base))
    try:
        rows = min(max(place.part(5000), 200), 5000)
        files = [path for _, path in write(place.data, scratch / "files", rows)]
        with running(scratch / "home", workers=_WORKERS) as bench, _browser(bench) as browser:
            rounds = list(_rounds(bench, browser, files, time.monotonic() + seconds, wanted))
        yield from _results(rounds)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _browser(bench: Workbench) -> httpx.Client:
    headers = {"Authorization": f"Bearer {bench.key}"}
    return httpx.Client(base_url=bench.url, headers=headers, timeout=60, trust_env=False)


def _rounds(
    bench: Workbench,
    browser: httpx.Client,
    files: Sequence[Path],
    until: float,
    least: int,
) -> Iterator[Figures]:
    number = 0
    while number < least or time.monotonic() < until:
        number += 1
        start = time.monotonic()
        _one(bench, browser, files, f"week-{number}")
        found = _figures(bench, time.monotonic() - start)
        sys.stderr.write(f"round {number}: {_line(found)}\n")
        yield found


def _one(bench: Workbench, browser: httpx.Client, files: Sequence[Path], name: str) -> None:
    """A dataset's life, from its first row to its last."""
    post, path = bench.client.post, f"/datasets/{name}"
    post("/datasets", {"name": name, "guidelines": "Read twice."})
    wanted = {"source": "week", "origin": "synthetic"}
    bench.finish(bench.client.upload(f"{path}/imports", files, wanted, lambda *_: None))
    bench.finish(post(f"{path}/scores", {"signals": [{"key": key} for key in _SIGNALS]}))
    _read(bench, browser, name)
    _review(bench, name)
    post(f"{path}/preview", {"where": _WHERE})
    rules = post(f"{path}/rules", {"name": "week", "where": _WHERE})
    bench.finish(post(f"/rules/{rules['id']}/apply"))
    bench.finish(post(f"/rules/{rules['id']}/undo"))
    bench.finish(post(f"{path}/bulk", {"action": "approve", "where": "status:pending"}))
    body = {"name": name, "formats": ["jsonl", "parquet"]}
    job, _ = bench.finish(post(f"{path}/releases", body))
    _download(bench, browser, job["result"].get("release", name))
    bench.finish(_answer(browser, "DELETE", f"/api/v1{path}?releases=true").json())


def _read(bench: Workbench, browser: httpx.Client, name: str) -> None:
    """Every page of the dataset, the catalog to its second page, the ledgers of some samples."""
    for page in _PAGES:
        _answer(browser, "GET", f"/datasets/{name}{page}")
    _answer(browser, "GET", f"/datasets/{name}/samples?where=words>=20&sort=-words")
    items = list(bench.client.items(f"/datasets/{name}/samples", 120, where=_WHERE))
    for item in items[:: len(items) // 12 + 1]:
        _answer(browser, "GET", f"/samples/{item['id']}")
        bench.client.get(f"/samples/{item['id']}/ledger")
    bench.client.get(f"/datasets/{name}/histogram", signal="words", where=_WHERE)


def _review(bench: Workbench, name: str) -> None:
    for n in range(_CARDS):
        card: Json = bench.client.get("/review/next", dataset=name)["sample"]
        body = {"verdict": _VERDICTS[n % 4], "revision": card["revision"], "note": "week"}
        bench.client.post(f"/samples/{card['id']}/decisions", body)


def _download(bench: Workbench, browser: httpx.Client, release: str) -> None:
    for file in bench.client.get(f"/releases/{release}")["files"]:
        _answer(browser, "GET", f"/api/v1/releases/{release}/files/{file['name']}")
    _answer(browser, "GET", f"/releases/{release}")


def _answer(browser: httpx.Client, method: str, path: str) -> httpx.Response:
    """The answer, read to its end."""
    return browser.request(method, path).raise_for_status()


def _figures(bench: Workbench, seconds: float) -> Figures:
    processes = bench.processes()
    with psycopg.connect(bench.database_url) as connection:
        tables = {name: float(size) for name, size in connection.execute(_TABLES).fetchall()}
        names = [psycopg.sql.Identifier(name) for name in tables]
        count = psycopg.sql.SQL("SELECT count(*) FROM {}")
        rows = {
            name: _one_number(connection, count.format(identifier))
            for name, identifier in zip(tables, names, strict=True)
        }
        connections = _one_number(connection, psycopg.sql.SQL(_CONNECTIONS))
    kept = [path for name in _FOLDERS for path in (bench.home / name).rglob("*")]
    sizes = [size for path in kept if (size := _size(path)) is not None]
    both = [*processes["web"], *processes["worker"]]
    return Figures(
        web=_memory(processes["web"]),
        worker=_memory(processes["worker"]),
        connections=connections,
        open_files=sum(one.num_fds() for one in both),
        tables=tables,
        rows=rows,
        folders=sum(sizes),
        files=len(sizes),
        seconds=seconds,
    )


def _one_number(connection: Any, query: psycopg.sql.Composable) -> float:
    (found,) = connection.execute(query).fetchone()
    return float(found)


def _memory(processes: Sequence[psutil.Process]) -> float:
    return float(sum(one.memory_info().rss for one in processes))


def _size(path: Path) -> int | None:
    """The bytes of a file; nothing for folders and for what just went."""
    try:
        return path.stat().st_size if path.is_file() else None
    except FileNotFoundError:
        return None


def _line(one: Figures) -> str:
    return (
        f"{one.seconds:.1f} s, web {one.web / 2**20:.0f} MiB, worker {one.worker / 2**20:.0f} MiB, "
        f"{one.connections:.0f} connections, {one.open_files:.0f} open files, tables "
        f"{_data(one) / 2**20:.1f} MiB, log {one.tables[_LOG] / 2**20:.2f} MiB, "
        f"{one.files:.0f} files of {one.folders / 2**10:.0f} KiB"
    )


def _data(one: Figures) -> float:
    return sum(size for name, size in one.tables.items() if name != _LOG)


def _results(rounds: Sequence[Figures]) -> Iterator[Result]:
    yield Result("rounds from import to deletion", f"{len(rounds)}", met=None)
    for one in _growths(rounds):
        first = statistics.mean(one.values[2:5] or one.values)
        last = statistics.mean(one.values[-3:])
        scale = 2**20 if one.unit == "MiB" else 1
        allowed = first * (1 + one.may) + one.more
        yield Result(
            what=f"{one.what} after round 3 to 5, and in the end",
            found=f"{first / scale:,.1f} {one.unit} to {last / scale:,.1f} {one.unit}",
            wanted=f"at most {allowed / scale:,.1f} {one.unit}",
            met=last <= allowed if len(rounds) >= _STEADY else None,
        )
    log = [one.tables[_LOG] for one in rounds]
    found = f"{(log[-1] - log[0]) / max(len(log) - 1, 1) / 1024:,.1f} KiB a round"
    yield Result("the audit log, which keeps everything", found)
    yield Result("rows that a round leaves in other tables", _left(rounds))


def _growths(rounds: Sequence[Figures]) -> list[Growth]:
    return [
        Growth("memory of the web server", "MiB", [one.web for one in rounds], 0.1),
        Growth("memory of the workers", "MiB", [one.worker for one in rounds], 0.1),
        # A chunk of more than some seconds beats through a second connection of its process.
        Growth("connections", "", [one.connections for one in rounds], 0.0, more=_WORKERS),
        Growth("open files", "", [one.open_files for one in rounds], 0.1),
        Growth("tables and indexes", "MiB", [_data(one) for one in rounds], 0.1),
        Growth(
            "files of uploads, releases, messages",
            "",
            [one.files for one in rounds],
            0.0,
            more=_IN_FLIGHT,
        ),
        Growth("their bytes", "MiB", [one.folders for one in rounds], 0.1, more=2**16),
    ]


def _left(rounds: Sequence[Figures]) -> str:
    """How many rows of each table are more than after the first round."""
    first, last, between = rounds[0].rows, rounds[-1].rows, max(len(rounds) - 1, 1)
    more = {
        name: (last[name] - first[name]) / between
        for name in sorted(last)
        if name != _LOG and last[name] != first[name]
    }
    return ", ".join(f"{name} {count:+.1f}" for name, count in more.items()) or "none"


if __name__ == "__main__":
    data, minutes = Path(sys.argv[1]), float(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="winnow-week-") as base:
        for result in measure(Place(data, Path(base), 1_000_000), minutes=minutes):
            sys.stdout.write(f"{result}\n")
