"""Measuring through workers and the catalog, against the bare functions on the same documents."""

import shutil
from collections.abc import Iterator, Sequence

import orjson

from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.base import Signal
from app.curation.signals.batch import Batch
from app.curation.signals.warming import warm
from app.scoring.reading import BATCH
from benchmarks.results import Place, Result, timed
from benchmarks.workbench import Workbench, running
from tests.curation.signals.corpora import documents, sample

_DATASET = "documents"


def measure(place: Place) -> Iterator[Result]:
    """All heuristic signals over instructions, long documents and web pages."""
    share = min(1.0, max(place.rows / 1_000_000, 0.002))
    texts = [text for one in documents(place.data).values() for text in sample(one, share)]
    bare = _bare(texts)
    home = place.base / "home-scoring"
    shutil.rmtree(home, ignore_errors=True)
    with running(home, workers=1) as bench:
        _import(bench, texts)
        _score(bench)  # the first run compiles and claims slots
        rows, one = _score(bench)
    with running(home, workers=2) as bench:
        _score(bench)
        _, two = _score(bench)
    shutil.rmtree(home, ignore_errors=True)
    part = bare / one
    yield Result(
        "all heuristic signals through a worker and the catalog",
        f"{rows / one:,.0f} rows/s, {part:.0%} of the bare functions",
        "70 %",
        f"bare functions: {rows / bare:,.0f} rows/s",
        part >= 0.7,
    )
    yield Result(
        "two workers",
        f"{one / two:.2f} x one",
        "1.8 x",
        f"{rows / two:,.0f} rows/s",
        one / two >= 1.8,
    )


def _bare(texts: Sequence[str]) -> float:
    """Seconds of the functions alone, in the batches that workers take."""
    warm()
    signals: list[Signal] = [SIGNALS[key]() for key in SIGNALS]
    records = [Record(Kind.TEXT, {"text": text}) for text in texts]

    def score() -> None:
        for start in range(0, len(records), BATCH):
            batch = Batch(records[start : start + BATCH])
            for signal in signals:
                signal.score(batch)

    score()
    return timed(score)


def _import(bench: Workbench, texts: Sequence[str]) -> None:
    path = bench.home / "imports" / "documents.jsonl"
    with path.open("wb") as file:
        for number, text in enumerate(texts):
            row = {"external_id": str(number), "text": text}
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    bench.client.post("/datasets", {"name": _DATASET})
    body = {"path": path.name, "source": "real documents"}
    bench.finish(bench.client.post(f"/datasets/{_DATASET}/imports", body))


def _score(bench: Workbench) -> tuple[int, float]:
    wanted = {"signals": [{"key": key} for key in SIGNALS]}
    job, seconds = bench.finish(bench.client.post(f"/datasets/{_DATASET}/scores", wanted))
    return job["total"], seconds
