"""Review: the next card and a decision alone, then fifty annotators at once."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

import httpx

from app.client import Json
from benchmarks.million import DATASET
from benchmarks.results import Place, Result, latency
from benchmarks.workbench import Workbench

_TIMES = 200
_ANNOTATORS = 50
_SECONDS = 60
_PAUSE_S = (1.0, 3.0)  # what reading a short sample takes
_LEADS_TO = {"approve": "approved", "reject": "rejected", "flag": "quarantined"}
_VERDICTS = ("approve", "approve", "approve", "reject", "flag")


def measure(bench: Workbench) -> Iterator[Result]:
    """One reviewer without a pause: every card, every decision."""
    client, cards, decisions = bench.client, [], []
    for n in range(_TIMES):
        start = time.perf_counter()
        card = client.get("/review/next", dataset=DATASET)["sample"]
        cards.append((time.perf_counter() - start) * 1000)
        body = {"verdict": _VERDICTS[n % 5], "revision": card["revision"]}
        start = time.perf_counter()
        client.post(f"/samples/{card['id']}/decisions", body)
        decisions.append((time.perf_counter() - start) * 1000)
    peer = "published: Label Studio 1.23 at 20,000 rows: 64 ms; 80 ms"
    yield latency("next review card", cards, 50, peer)
    yield latency("a decision", decisions, 50, peer)


@dataclass(slots=True)
class Annotator:
    """What one of them did: cards they were given, decisions that were answered, and how fast."""

    key: str
    given: set[int] = field(default_factory=set)
    decided: dict[int, str] = field(default_factory=dict)
    cards_ms: list[float] = field(default_factory=list)
    decisions_ms: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)


def measure_crowd(place: Place, bench: Workbench) -> Iterator[Result]:
    """Fifty annotators with a pause for reading: nothing lost, nothing given twice."""
    seconds = _SECONDS if place.rows >= 1_000_000 else 5
    crowd = [_new(bench, n) for n in range(_ANNOTATORS)]
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_work, args=(bench.url, one, until, n))
        for n, one in enumerate(crowd)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = Counter(sample for one in crowd for sample in one.given)
    twice = sum(count > 1 for count in given.values())
    decided = [pair for one in crowd for pair in one.decided.items()]
    lost = sum(bench.client.get(f"/samples/{one}")["status"] != _LEADS_TO[v] for one, v in decided)
    refused = sum((one.refused for one in crowd), Counter())
    cards = [wait for one in crowd for wait in one.cards_ms]
    decisions = [wait for one in crowd for wait in one.decisions_ms]
    pace = f"{_ANNOTATORS} annotators at once, {len(decisions) / seconds:,.0f} decisions/s"
    yield latency(f"{pace}: next card", cards, 150)
    yield latency(f"{pace}: a decision", decisions, 150)
    yield Result(
        f"of {len(decided):,} decisions by {_ANNOTATORS} annotators",
        f"{lost} lost, {twice} given twice, {sum(refused.values())} refused",
        "0 lost, 0 twice",
        met=not lost and not twice and not refused,
    )


def _new(bench: Workbench, number: int) -> Annotator:
    email = f"annotator-{number}-{time.time_ns()}@example.org"
    bench.client.post("/users", {"email": email, "role": "annotator"})
    made: Json = bench.client.post("/keys", {"user": email, "role": "annotator", "name": "crowd"})
    return Annotator(made["key"])


def _work(url: str, who: Annotator, until: float, seed: int) -> None:
    draw = random.Random(seed)
    headers = {"Authorization": f"Bearer {who.key}"}
    with httpx.Client(
        base_url=f"{url}/api/v1", headers=headers, timeout=30, trust_env=False
    ) as http:
        time.sleep(draw.uniform(0, _PAUSE_S[1]))
        while time.monotonic() < until:
            ask = partial(http.get, "/review/next", params={"dataset": DATASET})
            answer = _timed(ask, who.cards_ms)
            card = answer.json()["sample"]
            if card is None:
                return
            who.given.add(card["id"])
            time.sleep(draw.uniform(*_PAUSE_S))
            verdict = draw.choice(_VERDICTS)
            body = {"verdict": verdict, "revision": card["revision"]}
            path = f"/samples/{card['id']}/decisions"
            answer = _timed(partial(http.post, path, json=body), who.decisions_ms)
            if answer.status_code == HTTPStatus.CREATED:
                who.decided[card["id"]] = verdict
            else:
                who.refused[answer.status_code] += 1


def _timed(ask: Callable[[], httpx.Response], waits_ms: list[float]) -> httpx.Response:
    start = time.perf_counter()
    answer = ask()
    waits_ms.append((time.perf_counter() - start) * 1000)
    return answer
