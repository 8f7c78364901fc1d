"""Topics and maps: seconds through the jobs, purity, neighbours that the map keeps, its frames."""

import gzip
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson
import psutil
from numpy.typing import NDArray

from app.curation.selectors.clusters import centres, nearest
from app.curation.shape.layout import MOST, Layout
from app.curation.shape.measures import kept_neighbours, purity, trustworthiness
from app.providers import embedders
from app.providers.embedders import Tier
from benchmarks import million
from benchmarks.results import Place, Result, percentile
from benchmarks.workbench import Workbench, running

_ROWS, _LARGER = 52_002, 200_000  # through the jobs, at full size
_JUDGED = 5_000  # rows whose neighbours are compared
_SOURCES = ("alpaca", "gsm8k", "peps", "web")
_EACH = 2_000
_STEPS = 60
# Moves the map by a pointer once a frame, and tells how long each frame took.
_MOVED = """(steps) => new Promise((done) => {
  const canvas = document.querySelector("#map canvas"), taken = [];
  const send = (kind, at) => canvas.dispatchEvent(new PointerEvent(kind, {
    clientX: 500 + 4 * at, clientY: 450 + 2 * at, pointerId: 1, bubbles: true }));
  canvas.setPointerCapture = () => {};
  send("pointerdown", 0);
  let step = 0, last = 0;
  const next = (now) => {
    if (last) taken.push(now - last);
    last = now;
    send("pointermove", ++step);
    if (step < steps) requestAnimationFrame(next);
    else { send("pointercancel", step); done(taken); }
  };
  requestAnimationFrame(next);
})"""
Vectors = NDArray[np.float32]


def measure(place: Place) -> Iterator[Result]:
    """Quality on vectors, then the jobs and the page on a server of its own."""
    embedder = embedders.load("", Tier.STATIC, place.base / "models")
    alpaca = million.records(place.data, "alpaca")[: max(place.part(_ROWS), 200)]
    vectors = embedder.embed([_text(one) for one in alpaca])
    yield from _of_topics(place, embedder)
    yield from _of_a_map(vectors)
    home = place.base / "home-shape"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "models").symlink_to(place.base / "models")
    with running(home) as bench:
        yield from _through_jobs(bench, "alpaca", [orjson.dumps(one) + b"\n" for one in alpaca])
        count = max(place.part(_LARGER), 300)
        larger = million.lines(million.SETS[0], million.records(place.data, "alpaca"), count)
        yield from _through_jobs(bench, "larger", list(larger))
        yield from _frames(bench, "larger")
    shutil.rmtree(home, ignore_errors=True)


def _text(record: dict[str, Any]) -> str:
    return "\n".join(str(one) for one in record.values() if isinstance(one, str))


def _of_topics(place: Place, embedder: Any) -> Iterator[Result]:
    """Do topics fall into the sets and the subjects that are known?"""
    texts: list[str] = []
    groups: list[str] = []
    for name in _SOURCES:
        some = million.records(place.data, name)[: max(place.part(_EACH), 30)]
        texts += [_text(one) for one in some]
        groups += [name] * len(some)
    yield _purity(
        f"topics of {len(texts):,} rows of {len(_SOURCES)} sources", texts, groups, 20, embedder
    )
    with gzip.open(place.data / "mmlu" / "mmlu_test.jsonl.gz") as file:
        rows = [orjson.loads(line) for line in file][: max(place.part(20_000), 200)]
    subjects = [row["subject"] for row in rows]
    questions = [f"{row['question']} {' '.join(row['choices'])}" for row in rows]
    what = f"topics of {len(rows):,} MMLU questions of {len(set(subjects))} subjects"
    yield _purity(what, questions, subjects, max(len(set(subjects)), 2), embedder)


def _purity(
    what: str, texts: Sequence[str], groups: Sequence[str], count: int, embedder: Any
) -> Result:
    vectors = embedder.embed(list(texts))
    found = nearest(vectors, centres(vectors, count))
    known = np.unique(groups, return_inverse=True)[1]
    largest = np.bincount(known).max() / len(known)
    return Result(
        f"{what}, {count} clusters: purity",
        f"{purity(found, known):.2f}",
        "",
        f"all in one cluster: {largest:.2f}",
    )


def _of_a_map(vectors: Vectors) -> Iterator[Result]:
    """How many of ten neighbours a map keeps, for rows that were laid out and for those beside."""
    order = np.random.default_rng(0).permutation(len(vectors))
    fitted = order[: min(MOST, len(vectors) // 2)]
    start = time.perf_counter()
    layout = Layout.fit(vectors[fitted])
    yield Result(f"map: {len(fitted):,} landmarks by t-SNE", f"{time.perf_counter() - start:.0f} s")
    start = time.perf_counter()
    places = layout.place(vectors)
    seconds = time.perf_counter() - start
    yield Result("map: rows placed beside them", f"{len(vectors) / seconds:,.0f} rows/s")
    centred = vectors - vectors.mean(0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -2:]
    flat = centred @ axes
    for name, rows in (("laid out", fitted), ("placed beside", order[len(fitted) :])):
        some = rows[:_JUDGED]
        kept, by_axes = (kept_neighbours(vectors[some], one[some]) for one in (places, flat))
        trusted, axes_trusted = (
            trustworthiness(vectors[some], one[some]) for one in (places, flat)
        )
        what = f"map: {len(some):,} rows {name}"
        yield Result(f"{what}, 10 neighbours kept", f"{kept:.1%}", "", f"PCA: {by_axes:.1%}")
        yield Result(f"{what}, trustworthiness", f"{trusted:.2f}", "", f"PCA: {axes_trusted:.2f}")


def _through_jobs(bench: Workbench, name: str, rows: Sequence[bytes]) -> Iterator[Result]:
    path = bench.home / "imports" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(rows))
    bench.client.post("/datasets", {"name": name})
    about = {"path": path.name, "source": "alpaca"}
    bench.finish(bench.client.post(f"/datasets/{name}/imports", about))
    for kind in ("embeddings", "topics", "map"):
        job, seconds = bench.finish(bench.client.post(f"/datasets/{name}/{kind}"))
        memory = max(_rss(one) for one in bench.processes()["worker"])
        what = f"{kind} of {len(rows):,} rows, two workers"
        yield Result(what, f"{seconds:.0f} s, worker {memory / 1e6:,.0f} MB after it")
        if kind == "topics":
            yield Result(f"topics found in {len(rows):,} rows", f"{job['result']['topics']}")
    for what, path_ in (("topics by status", "topics"), ("points of the map", "map")):
        bench.page(f"/datasets/{name}/{path_}")
        start = time.perf_counter()
        bench.page(f"/datasets/{name}/{path_}")
        yield Result(
            f"page with {what}, {len(rows):,} rows",
            f"{1000 * (time.perf_counter() - start):.0f} ms",
        )


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _frames(bench: Workbench, name: str) -> Iterator[Result]:
    """Milliseconds between frames while the map is moved in a headless browser without a GPU."""
    found = shutil.which("chromium")
    if found is None or find_spec("playwright") is None:  # of the extra `test`
        return
    # In a thread of its own: this one may have a loop.
    with ThreadPoolExecutor(1) as threads:
        seconds, count, taken = threads.submit(_moved, bench, name, found).result()
    yield Result(f"map page, until all {count:,} points are drawn", f"{seconds:.1f} s")
    what = f"map of {count:,} points moved, rendered by software, between frames"
    middle = float(np.median(taken))
    yield Result(what, f"median {middle:.0f} ms, p95 {percentile(taken, 95):.0f} ms")


def _moved(bench: Workbench, name: str, chromium: str) -> tuple[float, int, list[float]]:
    """Seconds until the map is drawn, its points, milliseconds between frames while it moves."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        cookies = [
            {"name": one.name, "value": str(one.value), "url": bench.url}
            for one in bench.browser.cookies.jar
        ]
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        start = time.perf_counter()
        page.goto(f"{bench.url}/datasets/{name}/map")
        page.wait_for_selector("#map[data-drawn]", timeout=120_000)
        seconds = time.perf_counter() - start
        count = int(page.get_attribute("#map", "data-drawn") or 0)
        taken: list[float] = page.evaluate(_MOVED, _STEPS)
        browser.close()
    return seconds, count, taken
