"""A release of a tenth of all samples as JSON Lines, from the click to the files."""

import time
from collections.abc import Iterator

from benchmarks.million import DATASET
from benchmarks.results import Place, Result, rate
from benchmarks.workbench import Workbench

_LABEL_STUDIO = "published: Label Studio 1.23: 1,200 rows/s"


def measure(place: Place, bench: Workbench) -> Iterator[Result]:
    """Approve them once, then release them; the job's own time, freezing and manifest included."""
    client, wanted = bench.client, place.part(100_000)
    path = f"/datasets/{DATASET}/samples"
    first = client.get(path, sort="id", limit=1, fields="id")["items"][0]["id"]
    where = f"id:{first}..{first + wanted - 1}"
    approve = {"action": "approve", "where": where}
    job, seconds = bench.finish(client.post(f"/datasets/{DATASET}/bulk", approve))
    if job["result"]["changed"] > wanted // 2:
        changed = job["result"]["changed"]
        yield Result(
            f"approve {changed:,} samples at once",
            f"{changed / seconds:,.0f} rows/s",
        )
    body = {"name": f"bench-{time.time_ns()}", "where": where, "formats": ["jsonl"]}
    job, seconds = bench.finish(client.post(f"/datasets/{DATASET}/releases", body))
    rows = job["result"]["rows"]
    yield rate(f"release of {rows:,} rows as JSONL", rows, seconds, 30_000, _LABEL_STUDIO)
