"""Workers that are killed while they generate: one draft per request, no reply paid twice."""

import random
import time
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.client import Json
from app.generation.models import GenerationDraft
from app.llm.models import LlmCall, LlmUsage
from app.samples.models import Sample
from tests.endpoint import Answer, serving
from tests.workers.test_faults import SEED, Bench
from tests.workers.test_judging_faults import kill_the_holder

_TOPICS = 500  # two writes of 256 requests at most, more as time passes
_AT_ONCE = 8
_DELAY_S = 0.1
_KILLS = 3
# In flight, and answered within the quarter of a second before a write.
_LOST = _AT_ONCE + int(0.25 / _DELAY_S * _AT_ONCE) + _AT_ONCE


def topic(request: Json) -> str:
    lines = str(request["messages"][-1]["content"]).splitlines()
    return next(line for line in lines if line.startswith("Topic: ")).removeprefix("Topic: ")


def section(request: Json) -> Answer:
    """A section of words of its own, with those that were asked for."""
    name, said = topic(request), str(request["messages"][-1]["content"])
    words = said.split("Use each of these words somewhere: ")[1].splitlines()[0]
    own = random.Random(name)
    told = " ".join(f"The {word} of {name} is {own.getrandbits(60)}." for word in words.split(", "))
    return Answer(f"About {name}. {told * 3}", tokens=(50, 100), delay=_DELAY_S)


@pytest.mark.xdist_group("faults")
def test_a_run_that_is_killed_goes_on_and_makes_and_pays_nothing_twice(bench: Bench) -> None:
    dice = random.Random(SEED)
    topics = [f"subject{n}" for n in range(_TOPICS)]
    with serving(section) as endpoint:
        bench.api.post("/datasets", {"name": "made"})
        given = {"name": "local", "url": endpoint.url, "model": "tiny", "concurrency": _AT_ONCE}
        bench.api.post("/providers", {**given, "price_in": 1, "price_out": 2})
        params = {"topics": ", ".join(topics), "audiences": "all", "length": 30}
        order = {"generator": "textbook", "provider": "local", "params": params}
        job = bench.api.post("/datasets/made/generate", order)
        kills = 0
        for turn in range(_KILLS):
            wanted = (turn + 1) * _TOPICS // (_KILLS + 1) + dice.randrange(40)
            while len(endpoint.requests) < wanted:
                time.sleep(0.01)
            kills += kill_the_holder(bench, job)
            time.sleep(0.2)
        found = bench.done(job)
        requests = Counter(topic(one) for one in endpoint.requests)

    what = f"seed {SEED}, {kills} kills"
    assert kills == _KILLS, what
    assert (found["status"], found["done"], found["error"]) == ("succeeded", _TOPICS, None), what
    with bench.session() as session:
        drafts = session.execute(
            select(GenerationDraft.number, GenerationDraft.outcome, GenerationDraft.sample_id)
        ).all()
        assert sorted(number for number, _, _ in drafts) == list(range(_TOPICS)), what
        assert {outcome for _, outcome, _ in drafts} == {"accepted"}, what
        assert len({sample for _, _, sample in drafts}) == _TOPICS, what
        assert session.scalar(select(func.count()).select_from(Sample)) == _TOPICS, what
        assert session.scalar(select(func.count()).select_from(LlmCall)) == _TOPICS, what
        usage = session.scalars(select(LlmUsage)).one()
    assert (usage.calls, usage.money) == (_TOPICS, Decimal(250 * _TOPICS) / 1_000_000), what
    assert set(requests) == set(topics), what
    assert 0 <= requests.total() - usage.calls <= kills * _LOST, what
