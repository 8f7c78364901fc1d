"""Search by meaning: its latency, and how much of a full scan it finds; over a million samples."""

import random
from collections.abc import Iterator, Sequence

import psycopg

from benchmarks import million
from benchmarks.results import Place, Result, latency, rate, timed
from benchmarks.workbench import Workbench

_SEARCHES = 50
_NEAREST = 10
_TIED = 200  # neighbours that are read, to see which are as near as the tenth
_EQUAL = 1e-6  # of a cosine: halves of floats are no more exact


def measure(place: Place) -> Iterator[Result]:
    """Vectors and index of all samples, searches in them, and their map."""
    with million.loaded(place) as bench:
        path = f"/datasets/{million.DATASET}"
        job, seconds = bench.finish(bench.client.post(f"{path}/embeddings", {"tier": "static"}))
        if job["done"]:  # not on a home that was measured before
            yield rate("vectors of whole samples, stored and indexed", job["done"], seconds, 1000)
        texts = [one["instruction"] for one in million.records(place.data, "alpaca")]
        yield from searches(bench, million.DATASET, texts, place.rows)
        _, seconds = bench.finish(bench.client.post(f"{path}/map", {}))
        yield Result(f"the map of {place.rows:,} samples by two workers", f"{seconds:,.0f} s")


def searches(bench: Workbench, dataset: str, texts: Sequence[str], rows: int) -> Iterator[Result]:
    """Search by meaning over REST; like its best hits again, against a scan without the index."""
    asked = random.Random(2).sample(list(texts), min(_SEARCHES, len(texts)))

    def found(text: str) -> list[int]:
        answer = bench.client.get(f"/datasets/{dataset}/search", like=text, limit=_NEAREST)
        return [one["id"] for one in answer["items"]]

    found(asked[0])
    lists: list[list[int]] = []
    times = [timed(lambda text=text: lists.append(found(text))) * 1000 for text in asked]  # type: ignore[misc]
    yield latency(f"search by meaning over {rows:,} samples", times, 100)
    exact = _exact(bench, [ids[0] for ids in lists])
    kept = [len(set(_near(bench, dataset, one)) & ids) / _NEAREST for one, ids in exact.items()]
    recall = sum(kept) / len(kept)
    what = "its recall at ten against a full scan"
    yield Result(what, f"{recall:.3f}", "0.95", met=recall >= 0.95)


def _near(bench: Workbench, dataset: str, sample: int) -> list[int]:
    path = f"/datasets/{dataset}/search"
    return [
        one["id"] for one in bench.client.get(path, like_sample=sample, limit=_NEAREST)["items"]
    ]


def _exact(bench: Workbench, samples: Sequence[int]) -> dict[int, set[int]]:
    """By sample, those that are as near to it as the tenth of all."""
    query = """
    SELECT e.sample_id, e.vector <=> q.vector FROM sample_embeddings e, sample_embeddings q
    WHERE q.sample_id = %(id)s AND q.part = 'full' AND e.part = 'full'
      AND e.dataset_id = q.dataset_id AND e.model_id = q.model_id AND e.sample_id <> q.sample_id
    ORDER BY e.vector <=> q.vector LIMIT %(limit)s
    """
    exact = {}
    with psycopg.connect(bench.database_url) as connection:
        connection.execute("SET enable_indexscan = off")
        for one in samples:
            rows = connection.execute(query, {"id": one, "limit": _TIED}).fetchall()
            farthest = rows[min(_NEAREST, len(rows)) - 1][1] + _EQUAL
            exact[one] = {sample for sample, distance in rows if distance <= farthest}
    return exact
