"""What a measurement found, and the table of all of them."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place: the real data, a folder for its homes, how many samples."""

    data: Path
    base: Path
    rows: int

    def part(self, of_a_million: int) -> int:
        """So many samples of a million, for this size; at least some."""
        return max(round(of_a_million * self.rows / 1_000_000), 50)


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. `peer` is the other side of the same run, or a published figure."""

    what: str
    found: str
    wanted: str = ""
    peer: str = ""
    met: bool | None = None


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def milliseconds(action: Callable[[int], object], times: int) -> list[float]:
    """How long an action takes with 1, 2, .. as its number; once before, not counted, with 0."""
    action(0)
    return [timed(partial(action, number)) * 1000 for number in range(1, times + 1)]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so many of 100 lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(share) - 1]


def latency(what: str, values: Sequence[float], wanted_ms: float, peer: str = "") -> Result:
    """Median and 95th percentile against the most that is wanted."""
    slow = percentile(values, 95)
    found = f"median {statistics.median(values):,.0f} ms, p95 {slow:,.0f} ms"
    return Result(what, found, f"p95 {wanted_ms:,.0f} ms", peer, slow <= wanted_ms)


def rate(what: str, rows: float, seconds: float, wanted: float, peer: str = "") -> Result:
    """Rows a second against the least that is wanted."""
    found = rows / seconds
    return Result(what, f"{found:,.0f} rows/s", f"{wanted:,.0f} rows/s", peer, found >= wanted)


def machine() -> str:
    """What it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB memory, Python {platform.python_version()}"


def table(results: Sequence[Result], rows: int) -> str:
    """All results as Markdown, with the date and the machine."""
    lines = [
        f"{datetime.now(UTC):%d %B %Y}; {machine()}; {rows:,} samples.",
        "",
        "| what | found | wanted | beside it | met |",
        "|---|---|---|---|---|",
    ]
    for one in results:
        met = {True: "yes", False: "**no**", None: ""}[one.met]
        lines.append(f"| {one.what} | {one.found} | {one.wanted} | {one.peer} | {met} |")
    return "\n".join(lines) + "\n"
