"""Looking for seven benchmarks in three instruction sets, through workers and the catalog."""

import csv
import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from app.curation.catalog import LAYERS
from app.curation.contamination.base import Setting, Text
from app.curation.contamination.fusing import Search, ranked
from app.curation.ports import Embedder
from app.curation.records import Record
from app.providers import embedders
from app.providers.embedders import Tier
from benchmarks.results import Place, Result
from benchmarks.workbench import Workbench, running
from tests.curation.contamination.benchmarks import instruction, items, rephrased

_DATASET = "mixed"
_SECONDS = 180
_PEERS = "wanted for 68,150 rows and 22,857 items"
_TEACHER = (
    "roleplay-simple-deduped-roleplay-instruct",
    "toolformer-dedupe-only-dataset",
    "codegen-instruct",
)


def measure(place: Place) -> Iterator[Result]:
    """The job over all rows; then what layers find of items in other words among these rows."""
    rows = _rows(place.data)[: max(place.part(68_150), 200)]
    known = _benchmarks(place)
    home = place.base / "home-contamination"
    shutil.rmtree(home, ignore_errors=True)
    with running(home) as bench:
        for name, records in known.items():
            _import(bench, name, records, "benchmark")
        _import(bench, _DATASET, rows, "any")
        yield from _look(bench, list(known), len(rows), sum(map(len, known.values())))
    shutil.rmtree(home, ignore_errors=True)
    yield from _rephrased(place, rows)


def _look(bench: Workbench, against: Sequence[str], rows: int, count: int) -> Iterator[Result]:
    keys = [key for key in LAYERS if key != "transformer"]
    order = {"against": against, "layers": keys}
    job, seconds = bench.finish(bench.client.post(f"/datasets/{_DATASET}/decontaminations", order))
    found = bench.client.get(f"/datasets/{_DATASET}/contamination/certificate")
    yield Result(
        f"{count:,} items of seven benchmarks looked for in {rows:,} rows by two workers, all "
        "layers but the transformer",
        f"{seconds:,.0f} s, {job['energy']['cpu_s']:,.0f} s of processors",
        f"{_SECONDS} s",
        _PEERS,
        seconds <= _SECONDS,
    )
    for one in found["benchmarks"]:
        yield Result(
            f"{one['dataset']}, {one['items']:,} items",
            f"{one['matches']:,} matches (of {one['leaked']:,} items), "
            f"{one['candidates']:,} candidates",
        )
    _, seconds = bench.finish(bench.client.post(f"/datasets/{_DATASET}/decontaminations", order))
    yield Result("the same again, when no row is new", f"{seconds:.1f} s")


def _rephrased(place: Place, rows: Sequence[Record]) -> Iterator[Result]:
    known, words = items(place.data), rephrased()
    wanted = [Text(known[name][at]) for name, at, _ in words]
    step = max(len(rows) // 2000, 1)
    among = [Text(instruction(text)) for *_, text in words] + [Text(one) for one in rows[::step]]
    background = [Text(one) for one in rows[step // 2 :: 2 * step]][:1000]
    for layers in (("embedding",), ("tfidf",), ("embedding", "tfidf"), ("transformer",)):
        settings = {key: Setting(background, _embedder(place, key), len(among)) for key in layers}
        search = Search([LAYERS[key]() for key in layers], wanted, settings)
        found = {(hit.item, hit.sample) for hit in ranked(search.find(among), 5)}
        share = sum((at, at) in found for at in range(len(words))) / len(words)
        yield Result(
            f"40 items in other words among {len(among):,} rows: listed by {' and '.join(layers)}",
            f"{share:.1%}",
            "90 %" if layers == ("transformer",) else "",
            met=share >= 0.9 if layers == ("transformer",) else None,
        )


def _embedder(place: Place, key: str) -> Embedder | None:
    tier = LAYERS[key].tier
    return embedders.load("", Tier(tier), place.base / "models") if tier else None


def _import(bench: Workbench, name: str, records: Sequence[Record], purpose: str) -> None:
    path = bench.home / "imports" / f"{name}.jsonl"
    with path.open("wb") as file:
        for record in records:
            file.write(orjson.dumps(dict(record.body), option=orjson.OPT_APPEND_NEWLINE))
    bench.client.post("/datasets", {"name": name, "purpose": purpose})
    body = {"path": path.name, "source": name}
    bench.finish(bench.client.post(f"/datasets/{name}/imports", body))


def _benchmarks(place: Place) -> dict[str, Sequence[Record]]:
    """Seven benchmarks, each whole or, for small runs, its beginning."""
    folder = place.data
    with (folder / "truthfulqa" / "TruthfulQA.csv").open(newline="") as file:
        truthful = [
            instruction(one["Question"], one["Best Answer"]) for one in csv.DictReader(file)
        ]
    maths = _lines(folder / "math_test" / "math_test.jsonl")
    asked = _lines(folder / "ifeval" / "ifeval_input_data.jsonl")
    found = {
        **items(folder),
        "math": [instruction(one["question"], str(one["answer"])) for one in maths],
        "truthful_qa": truthful,
        "ifeval": [instruction(one["prompt"], "Follow it.") for one in asked],
    }
    return {name: rows[: max(place.part(len(rows)), 30)] for name, rows in found.items()}


def _rows(folder: Path) -> list[Record]:
    """GPTeacher, CodeAlpaca and Alpaca."""
    rows = []
    for name in _TEACHER:
        raw = gzip.decompress((folder / "gpteacher" / f"{name}.json.gz").read_bytes())
        rows += [
            instruction(one["instruction"], one["response"], one.get("input") or "")
            for one in orjson.loads(raw)
        ]
    alpaca = gzip.decompress((folder / "alpaca_52k" / "alpaca_data.json.gz").read_bytes())
    for raw in ((folder / "codealpaca" / "code_alpaca_2k.json").read_bytes(), alpaca):
        rows += [
            instruction(one["instruction"], one["output"], one["input"]) for one in json.loads(raw)
        ]
    return rows


def _lines(path: Path) -> list[dict[str, str]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
