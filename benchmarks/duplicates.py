"""Duplicates: signatures per second, recall and precision, whole datasets through workers."""

import csv
import gzip
import itertools
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from app.curation.matchers.base import Matcher, Pairs, Signed
from app.curation.matchers.code import Code
from app.curation.matchers.minhash import MinHash
from app.curation.matchers.records import Records
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.text.code import parse
from app.curation.text.corpus import Ints
from app.curation.text.shingles import jaccard, sets
from benchmarks import duplicates_plot, million
from benchmarks.results import Place, Result
from benchmarks.workbench import Workbench, running

_SMALL = 100_000  # samples: runs of fewer are no measurement and draw no plot
_PEER_DOCUMENTS = 300
_ALPACA = 52_002
_BATCH = 2500
Gold = set[tuple[int, int]]


def measure(place: Place) -> Iterator[Result]:
    """The library on one core, the labelled sets, the workbench through two workers."""
    yield from _signatures(place)
    yield from _theory(place)
    yield from _labelled(place)
    yield from _through_workers(place)


def plain(text: str, **metadata: Any) -> Record:
    """A record of a text."""
    return Record(Kind.TEXT, {"text": text}, metadata=metadata)


def look(matcher: Matcher, records: Sequence[Record], reference: Sequence[bool] = ()) -> Pairs:
    """Sign all records and find their pairs."""

    def read(rows: Ints) -> Batch:
        return Batch([records[row] for row in rows.tolist()])

    starts = range(0, len(records), _BATCH)
    parts = (matcher.sign(Batch(records[start : start + _BATCH])) for start in starts)
    return matcher.find(Signed.of(list(itertools.chain(*parts)), reference), read)


# --- speed -------------------------------------------------------------------------------------


def _mixed(place: Place, count: int) -> list[Record]:
    """Real records of the kinds that a million is made of, in its shares."""
    found = []
    for made in million.SETS:
        pool = million.records(place.data, made.name)[: round(count * made.share)]
        found += [plain("\n\n".join(filter(None, one.values()))) for one in pool]
    return found


def _signatures(place: Place) -> Iterator[Result]:
    records = _mixed(place, max(place.part(60_000), 400))
    matcher = MinHash(preset="fineweb")
    matcher.sign(Batch(records[:10]))  # compiles the loops
    start = time.process_time()
    for at in range(0, len(records), _BATCH):
        matcher.sign(Batch(records[at : at + _BATCH]))
    ours = len(records) / (time.process_time() - start)
    theirs = _peer(records[:: max(len(records) // _PEER_DOCUMENTS, 1)])
    beside = f", {ours / theirs:,.0f} times as many" if theirs else ""
    words = sum(len(one.body["text"].split()) for one in records) / len(records)
    yield Result(
        f"MinHash signatures, 112 hashes, {len(records):,} documents of {words:,.0f} words, "
        "a second of one core",
        f"{ours:,.0f} documents/s{beside}",
        "30 times as many" if theirs else "",
        f"datatrove {theirs:,.0f} documents/s" if theirs else "datatrove is not installed here",
        ours >= 30 * theirs if theirs and place.rows >= _SMALL else None,
    )


def _peer(records: Sequence[Record]) -> float:
    """The same signatures by datatrove, per second of a core; 0 where it is not installed."""
    if find_spec("datatrove") is None:
        return 0.0
    from datatrove.pipeline.dedup.minhash import (  # noqa: PLC0415 - not everywhere
        MinhashConfig,
        MinhashDedupSignature,
    )
    from datatrove.utils.hashing import HashConfig  # noqa: PLC0415 - likewise

    # The default hash, xxhash, refuses texts from its version 4 on.
    config = MinhashConfig(n_grams=5, num_buckets=14, hash_config=HashConfig(hash_fc="sha1"))
    step = MinhashDedupSignature("unused", config)
    texts = [one.body["text"] for one in records]
    step.get_signature(step.get_shingles(texts[0]))  # loads its tokenizer
    start = time.process_time()
    for text in texts:
        step.get_signature(step.get_shingles(text))
    return len(texts) / (time.process_time() - start)


def _through_workers(place: Place) -> Iterator[Result]:
    rows = min(place.part(_ALPACA), _ALPACA)
    with running(place.base / f"duplicates-{place.rows}") as bench:
        yield from _alpaca(place, bench, rows)
        yield from _short(place, bench)


def _alpaca(place: Place, bench: Workbench, rows: int) -> Iterator[Result]:
    with gzip.open(place.data / "alpaca_52k" / "alpaca_data.json.gz") as file:
        records = orjson.loads(file.read())[:rows]
    name = _imported(bench, "alpaca", (orjson.dumps(one) for one in records))
    seconds = 0.0
    for body in ({"matcher": "exact"}, {"matcher": "minhash", "params": {"preset": "sensitive"}}):
        job, took = bench.finish(bench.client.post(f"/datasets/{name}/matches", body))
        seconds += took
    yield Result(
        f"exact and MinHash (42 bands of 3) over {rows:,} Alpaca rows by two workers, stored and "
        "clustered",
        f"{seconds:,.1f} s, {job['result']['pairs']:,} pairs from 0.5",
        "15 s",
        met=seconds <= 15 if place.rows >= _SMALL else None,
    )
    again = {"matcher": "minhash", "params": {"preset": "sensitive", "threshold": 0.7}}
    _, took = bench.finish(bench.client.post(f"/datasets/{name}/matches", again))
    yield Result(
        "the same with another threshold: nothing is read or signed again", f"{took:.1f} s"
    )


def _short(place: Place, bench: Workbench) -> Iterator[Result]:
    """Rows of some twenty words, one in ten of them nearly another."""
    rng = random.Random(7)
    words = [f"{a}{b}" for a in ("ba", "ko", "ri", "su", "ten") for b in range(800)]

    def lines() -> Iterator[bytes]:
        last: list[str] = []
        for number in range(place.rows):
            twin = number % 10 == 9
            last = [*last[:-1], f"end{number}"] if twin else rng.choices(words, k=24)
            yield orjson.dumps({"text": " ".join(last)})

    name = _imported(bench, "short", lines())
    used = _Memory(bench)
    started = bench.client.post(f"/datasets/{name}/matches", {"matcher": "minhash"})
    job, seconds = used.watch(started)
    most, clusters = used.most / 2**30, job["result"]["clusters"]
    yield Result(
        f"MinHash over {place.rows:,} short rows through two workers",
        f"{seconds:,.0f} s, {most:.2f} GiB in the larger of them, {clusters:,} clusters",
        "240 s, 3 GiB",
        met=(seconds <= 240 and most <= 3) if place.rows >= _SMALL else None,
    )


class _Memory:
    """The most memory that the worker held while a job ran."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.most = 0

    def watch(self, job: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Follow the job, looking at the worker now and then."""
        while job["status"] in {"queued", "running"}:
            held = [one.memory_full_info().uss for one in self._bench.processes()["worker"]]
            self.most = max([self.most, *held])
            time.sleep(0.5)
            job = self._bench.client.get(f"/jobs/{job['id']}")
        return self._bench.finish(job)


def _imported(bench: Workbench, name: str, lines: Iterable[bytes]) -> str:
    """A dataset of these rows, made anew."""
    folder = bench.home / "imports"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.jsonl").open("wb") as file:
        file.writelines(line + b"\n" for line in lines)
    full = f"{name}-{int(time.time())}"
    bench.client.post("/datasets", {"name": full})
    body = {"path": f"{name}.jsonl", "source": name, "origin": "synthetic"}
    bench.finish(bench.client.post(f"/datasets/{full}/imports", body))
    return full


# --- recall and precision ----------------------------------------------------------------------


def _theory(place: Place) -> Iterator[Result]:
    """Pairs of a known similarity: how many of them the bands find, beside the formula."""
    count = max(place.part(1000), 50)
    curves: dict[str, list[tuple[float, float]]] = {}
    worst = 0.0
    for bands, rows in ((14, 8), (16, 8), (42, 3)):
        matcher = MinHash(bands=bands, rows=rows, threshold=0)
        points = []
        for similarity in np.arange(0.3, 0.96, 0.05).tolist():
            records = _pairs(count, similarity)
            first = np.arange(0, len(records), 2)
            truly = jaccard(sets(*matcher.grams(Batch(records))), first, first + 1)
            found = len(look(matcher, records)) / count
            expected = float(np.mean([matcher.recall(one) for one in truly.tolist()]))
            worst = max(worst, abs(found - expected))
            points.append((float(truly.mean()), found))
        curves[f"{bands} bands of {rows}"] = points
    yield Result(
        f"recall of 14x8, 16x8 and 42x3 bands at 14 similarities, {count:,} pairs each",
        f"at most {worst:.3f} from 1-(1-s^r)^b",
        "0.05",
        met=worst <= 0.05 if place.rows >= _SMALL else None,
    )
    if place.rows >= _SMALL:
        duplicates_plot.write({"14 bands of 8": (14, 8), "16 bands of 8": (16, 8),
                               "42 bands of 3": (42, 3)}, curves)  # fmt: skip
    rows_ = [*_pairs(300, 0.9), *_pairs(100, 0.3, seed=2)]
    found_pairs = _ends(look(MinHash(), rows_))
    wanted = {(row, row + 1) for row in range(0, 600, 2)}
    recall, false = len(found_pairs & wanted) / 300, len(found_pairs - wanted)
    yield Result(
        "of 300 pairs at 0.9 among 100 at 0.3, found",
        f"{recall:.3f}, with {false} others",
        "0.95, 1 %",
        met=recall >= 0.95 and false <= 4,
    )


def _pairs(count: int, similarity: float, seed: int = 1, length: int = 200) -> list[Record]:
    rng = random.Random(f"{seed} {similarity}")
    words = [f"w{number}" for number in range(5000)]
    made = []
    for _ in range(count):
        base = rng.choices(words, k=length)
        shared = round(length * 2 * similarity / (1 + similarity))
        other = [*base[:shared], *rng.choices(words, k=length - shared)]
        made += [plain(" ".join(base)), plain(" ".join(other))]
    return made


def _ends(pairs: Pairs) -> Gold:
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def _quality(found: Gold, gold: Gold) -> tuple[float, str]:
    """F1, and the words for it."""
    right = len(found & gold)
    precision, recall = right / max(len(found), 1), right / len(gold)
    f1 = 2 * right / (len(found) + len(gold))
    return f1, f"F1 {f1:.3f} (precision {precision:.3f}, recall {recall:.3f})"


def _labelled(place: Place) -> Iterator[Result]:
    yield from _articles(place.data / "neardup_minhash_dev")
    yield from _code_history(place.data / "neardup_git_code_dev")
    yield from _cytology(place.data / "record_dedup_cytology")
    yield from _products(place.data / "record_dedup_abtbuy")


def _articles(folder: Path) -> Iterator[Result]:
    with gzip.open(folder / "articles_1000.train.gz", "rt", encoding="utf-8") as file:
        rows = [line.split(" ", 1) for line in file if line.strip()]
    place = {row[0]: number for number, row in enumerate(rows)}
    truth = (folder / "articles_1000.truth").read_text().split("\n")
    pairs = [line.split() for line in truth if line.strip()]
    gold = {(min(place[a], place[b]), max(place[a], place[b])) for a, b in pairs}
    f1, said = _quality(_ends(look(MinHash(), [plain(row[1]) for row in rows])), gold)
    yield Result("of 10 pairs among 1,000 articles, MinHash", said, "1.000", met=f1 == 1)


def _code_history(folder: Path) -> Iterator[Result]:
    with gzip.open(folder / "docs.jsonl.gz") as file:
        documents = [orjson.loads(line) for line in file]
    place = {one["id"]: number for number, one in enumerate(documents)}
    clusters: dict[Any, list[int]] = {}
    for line in (folder / "labels.jsonl").read_bytes().splitlines():
        label = orjson.loads(line)
        clusters.setdefault(label["cluster"], []).append(place[label["id"]])
    gold = _of_groups(clusters.values())
    records = [plain(one["text"]) for one in documents]
    # Bands that find all but a few of a hundred pairs at the threshold, and the F1 of all pairs.
    for threshold, bands, rows, exact in (
        (0.5, 42, 3, 0.877),
        (0.7, 42, 5, 0.745),
        (0.8, 32, 8, 0.617),
    ):
        matcher = MinHash(threshold=threshold, bands=bands, rows=rows)
        f1, said = _quality(_ends(look(matcher, records)), gold)
        yield Result(
            f"748 pairs of versions of code, MinHash from {threshold}",
            said,
            f"F1 {exact - 0.01:.3f}",
            f"all pairs by 5-word Jaccard: {exact}",
            f1 >= exact - 0.01,
        )
    parsed = sum(parse(one["text"]) is not None for one in documents)
    _, said = _quality(_ends(look(Code(preset="sensitive"), records)), gold)
    what = f"the same from 0.5 by the syntax tree; {parsed:,} of the {len(documents):,} files parse"
    yield Result(what, said)


def _of_groups(groups: Iterable[Sequence[int]]) -> Gold:
    return {(min(pair), max(pair)) for group in groups for pair in itertools.combinations(group, 2)}


def _cytology(folder: Path) -> Iterator[Result]:
    with (folder / "records_pre_merged.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    place = {row["ID"]: number for number, row in enumerate(rows)}
    with (folder / "merged_record_ids.csv").open(encoding="utf-8") as file:
        groups = [row["merged_ids"].split(";") for row in csv.DictReader(file)]
    gold = _of_groups([[place[one] for one in group] for group in groups])
    matcher = Records(fields="title^3, author, year, journal, pages, volume", threshold=0.7)
    f1, said = _quality(_ends(look(matcher, [plain(row["title"], **row) for row in rows])), gold)
    yield Result(
        "1,856 publications, fields from 0.7",
        said,
        "F1 0.98",
        "published: bib-dedupe 0.9961, ASReview 0.9798, Buhos 0.9611",
        f1 >= 0.98,
    )


def _products(folder: Path) -> Iterator[Result]:
    with (folder / "abtbuy.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: len(row["id"]) < 6)
    place = {row["id"]: number for number, row in enumerate(rows)}
    with (folder / "gt.csv").open(encoding="utf-8") as file:
        ends = [(place.get(row["idBuy"]), place.get(row["idAbt"])) for row in csv.DictReader(file)]
    gold = {(min(a, b), max(a, b)) for a, b in ends if a is not None and b is not None}
    reference = [len(row["id"]) >= 6 for row in rows]
    matcher = Records(fields="name", threshold=0.2, mutual=True)
    records = [plain(row["name"], name=row["name"]) for row in rows]
    _, said = _quality(_ends(look(matcher, records, reference)), gold)
    what = f"products of two shops, {len(gold):,} of 1,097 pairs are in the file, fields, mutual"
    yield Result(what, said)
