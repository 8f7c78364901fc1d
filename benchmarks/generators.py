"""Deliberate errors and noise per second on one core; generation with many requests in flight."""

import gc
import json
import shutil
import time
from collections.abc import Iterator, Sequence

import orjson

from app.client import Json
from app.curation.generators.base import Plain
from app.curation.generators.edits import restored
from app.curation.generators.errors import Errors
from app.curation.generators.noise import Noise
from app.curation.records import Kind, Record
from app.curation.text.sentences import sentences
from benchmarks import million
from benchmarks.asking import add_provider, cpu_seconds, endpoint, llm_worker, memory_mb, throughput
from benchmarks.results import Place, Result
from benchmarks.workbench import Workbench, running

_BATCH = 500


def measure(place: Place) -> Iterator[Result]:
    """Sentences of Dolly's answers, as often as it takes."""
    gc.freeze()  # as workers do
    path = place.data / "dolly_part" / "dolly_with_context.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    real = [one for line in lines for one in sentences(json.loads(line)["response"])]
    count = max(place.rows // 20, 1000)
    seeds = [Record(Kind.TEXT, {"text": real[n % len(real)]}, id=n + 1) for n in range(count)]
    words = sum(len(str(one.body["text"]).split()) for one in seeds) / count
    for generator in (Errors(), Noise()):
        seconds, whole, drafts = _timed(generator, seeds)
        yield Result(
            f"{generator.title} in {count:,} sentences of {words:.0f} words, one core",
            f"{count / seconds:,.0f} rows/s",
            wanted="20,000 rows/s for errors",
            met=whole == drafts and (count / seconds >= 20_000 or isinstance(generator, Noise)),
        )

    yield from _asked(place)


def _asked(place: Place) -> Iterator[Result]:
    """Self-Instruct over all of Alpaca, so that every draft is held against 52,002 samples.

    A short run and a long one: what the long one takes more is asking alone, without the start
    (what drafts are held against is read) and the end (variety is measured).
    """
    count, rows = max(place.part(16_000), 400), min(place.part(52_002), 52_002)
    home = place.base / f"generating-{count}"
    shutil.rmtree(home, ignore_errors=True)
    with endpoint() as url, running(home, workers=1, queues="cpu,gpu") as bench:
        add_provider(bench, url)
        path = bench.home / "imports" / "seeds.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        seeds = million.records(place.data, "alpaca")[:rows]
        path.write_bytes(b"\n".join(orjson.dumps(one) for one in seeds))
        bench.client.post("/datasets", {"name": "seeds"})
        body = {"path": path.name, "source": "seeds", "origin": "human"}
        bench.finish(bench.client.post("/datasets/seeds/imports", body))
        with llm_worker(bench) as worker:
            order = {"generator": "self_instruct", "provider": "local"}
            _run(bench, {**order, "pilot": True, "params": {"instructions": 20, "seed": 1}})
            fewer = {"instructions": count // 4, "seed": 2}
            _, short = _run(bench, {**order, "params": fewer})
            before = cpu_seconds(worker)
            job, seconds = _run(bench, {**order, "params": {"instructions": count}})
            used, memory = cpu_seconds(worker) - before, memory_mb(worker)
        what = f"generating {count:,} samples, each held against {rows:,} and its run"
        yield throughput(what, count, seconds)
        more = f"the {count - count // 4:,} more that it makes than a run of {count // 4:,}"
        yield throughput(more, count - count // 4, seconds - short)
        told = (
            f"{used / seconds:.0%} of a core, {memory:,.0f} MB, {job['result']['accepted']:,} taken"
        )
        yield Result("generating: processor time and memory of the worker", told)


def _run(bench: Workbench, order: Json) -> tuple[Json, float]:
    return bench.finish(bench.client.post("/datasets/seeds/generate", order))


def _timed(generator: Plain, seeds: Sequence[Record]) -> tuple[float, int, int]:
    """Seconds of processor for the making alone, drafts that come back whole, all drafts."""
    seconds, whole, drafts = 0.0, 0, 0
    for at in range(0, len(seeds), _BATCH):
        batch = seeds[at : at + _BATCH]
        begun = time.process_time()
        made = generator.make(batch)
        seconds += time.process_time() - begun
        for seed, (one,) in zip(batch, made, strict=True):
            if one.draft is not None:
                drafts += 1
                text = restored(one.draft.body["text"], one.draft.metadata["edits"])
                whole += text == seed.body["text"]
    return seconds, whole, drafts
