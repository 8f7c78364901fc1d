"""Runs of generators: what they make, what becomes of every request, going on after a stop."""

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.generators.base import Draft, Made, Outcome
from app.curation.generators.edits import restored
from app.curation.generators.noise import Noise
from app.curation.generators.paraphrase import Paraphrase
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError, ForbiddenError, InvalidError
from app.generation import account, diversity, service, trying
from app.generation.models import GenerationDraft, GenerationRun
from app.generation.screening import Screening
from app.generation.service import Order
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus, Queue
from app.llm import service as llm
from app.llm.models import LlmUsage
from app.llm.service import ProviderIn
from app.samples import service as samples
from app.samples.models import Sample, SampleParent, Status
from app.sources.models import Source
from tests.conftest import browser_of
from tests.endpoint import Answer, Endpoint, Json, serving
from tests.factories import fill, instruction, make_dataset, run_job
from workers import requesting

pytestmark = pytest.mark.usefixtures("bells")
Generate = Callable[..., Job]

STORIES = [
    "The old lighthouse keeper climbed 112 steps every evening to light the lamp above the bay.",
    "Farmers in the valley carried their apples to the market in Bergen before the first snow.",
    "A careful engineer measures the bridge twice, then writes down that nothing has moved.",
    "Students were asked to compare two maps of the river and to say which one is older.",
    "Their teacher said that a question is worth more than an answer that nobody needs.",
]


def texts(*given: str, **more: Any) -> list[Record]:
    return [Record(Kind.TEXT, {"text": one}, **more) for one in given or STORIES]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def generate(session: Session, dataset: Dataset, lead: Principal) -> Generate:
    def run(generator: str, **more: object) -> Job:
        order = Order.model_validate({"generator": generator, **more})
        return run_job(session, service.start(session, dataset, order, by=lead).id)

    return run


def add_provider(session: Session, endpoint: Endpoint, admin: Principal, **more: Any) -> None:
    given = {"name": "local", "url": endpoint.url, "model": "tiny", "price_out": "10", **more}
    llm.save(session, ProviderIn.model_validate(given), by=admin)


def run_of(session: Session, job: Job) -> GenerationRun:
    return service.get(session, job.params["run"])


def outcomes(session: Session, job: Job) -> Counter[str]:
    found = account.of_run(session, run_of(session, job))
    return Counter({line.outcome: 0 for line in found.lines}) + Counter(
        {
            outcome: sum(one.count for one in found.lines if one.outcome == outcome)
            for outcome in {one.outcome for one in found.lines}
        }
    )


def made(session: Session, job: Job) -> list[Sample]:
    query = select(Sample).join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
    mine = GenerationDraft.run_id == run_of(session, job).id
    return list(session.scalars(query.where(mine).order_by(Sample.id)))


def said(request: Json) -> str:
    return str(request["messages"][-1]["content"])


def section(request: Json) -> Answer:
    """A section that holds what was asked for, unlike all others."""
    lines = dict(line.split(": ", 1) for line in said(request).splitlines() if ": " in line)
    words = lines["Use each of these words somewhere"]
    topic, audience = lines["Topic"], lines["Audience"]
    told = " ".join(
        f"{topic} step {number} for {audience} brings {word}, {hash((topic, audience, number))}."
        for number, word in enumerate(words.split(", ") * 4)
    )
    return Answer(f"About {topic}. {told}", tokens=(50, 100))


GRID = {"topics": "loops, gravity, tides", "audiences": "a child, a student", "length": 30}


def test_errors_are_made_with_parents_and_can_be_undone(
    session: Session, dataset: Dataset, lead: Principal, generate: Generate
) -> None:
    seeds = fill(session, dataset, lead, texts(origin=Origin.HUMAN, domain="prose"))

    job = generate("errors", params={"rate": 0.2}, review_share=0.5)

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.CPU)
    found = made(session, job)
    assert len(found) == job.result["accepted"] == 5
    for child in found:
        body = samples.body(session, child)
        (parent,) = session.scalars(select(SampleParent).where(SampleParent.child_id == child.id))
        seed = samples.body(session, next(one for one in seeds if one.id == parent.parent_id))
        assert parent.relation == "errors"
        assert body.body["text"] != seed.body["text"]
        assert restored(body.body["text"], body.sample_metadata["edits"]) == seed.body["text"]
        assert (child.origin, child.status, child.domain) == (
            Origin.SYNTHETIC,
            Status.PENDING,
            "prose",
        )
        assert body.sample_metadata["generator"] == "errors"
        assert body.sample_metadata["depth"] == 1


def test_what_a_run_made_is_one_deeper_and_never_its_own_seed(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    fill(session, dataset, lead, texts(origin=Origin.WEB))

    def asks(request: Json) -> Answer:
        story = next(one for one in STORIES if one in said(request))
        pair = {"question": f"What is told of {story.split()[3]}?", "answer": story}
        return Answer(json.dumps(pair))

    with serving(asks) as endpoint:
        add_provider(session, endpoint, admin)
        generate("questions", provider="local", params={"judge": False})
    generate("errors", params={"rate": 0.2})

    job = generate("errors", params={"rate": 0.2, "seed": 1})

    assert job.total == 10  # what the first run made worse is no seed of the second
    depths = Counter(
        samples.body(session, one).sample_metadata["depth"] for one in made(session, job)
    )
    assert depths == {1: 5, 2: 5}


def test_the_same_run_again_makes_nothing_new(
    session: Session, dataset: Dataset, lead: Principal, generate: Generate
) -> None:
    fill(session, dataset, lead, texts())
    first = generate("noise", where="words>0", params={"rate": 0.1})
    again = generate("noise", where=f"id:{_ids(session, dataset)}", params={"rate": 0.1})

    assert first.result["outcomes"] == {"accepted": 5}
    assert again.result["outcomes"] == {"duplicate": 5}


def _ids(session: Session, dataset: Dataset) -> str:
    query = select(Sample.id).where(Sample.dataset_id == dataset.id).order_by(Sample.id).limit(5)
    return ",".join(map(str, session.scalars(query)))


def test_benchmarks_are_no_seeds_and_their_items_no_drafts(
    session: Session, dataset: Dataset, lead: Principal, generate: Generate
) -> None:
    bench = make_dataset(session, lead, "bench", Purpose.BENCHMARK)
    fill(session, bench, lead, texts(STORIES[0]))
    fill(session, dataset, lead, texts())

    job = generate("errors", params={"types": "punctuation", "rate": 0.1})

    assert job.result["outcomes"].get("contaminated") == 1
    with pytest.raises(ConflictError, match="never seeds of a generator"):
        service.start(session, bench, Order(generator="errors"), by=lead)


def test_items_of_benchmarks_enter_no_prompt(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    generate: Generate,
) -> None:
    bench = make_dataset(session, lead, "bench", Purpose.BENCHMARK)
    fill(session, bench, lead, texts(STORIES[1]))
    fill(session, dataset, lead, texts())

    with serving(lambda request: Answer(f"Said otherwise: {said(request)[-60:]}")) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate("rephrase", provider="local")
        order = Order(generator="rephrase", provider="local")
        tried = trying.on_three(session, dataset, order, {}, by=lead)

    asked = json.dumps(endpoint.requests)
    assert STORIES[0] in asked
    assert STORIES[1] not in asked
    assert [one.made.outcome for one in tried].count(Outcome.CONTAMINATED) == 1
    assert sum(outcomes(session, job).values()) == len(STORIES)
    (line,) = account.examples(session, run_of(session, job), "contaminated")
    assert line.reason.endswith("holds an item of a benchmark (exact): no model was asked.")


def test_sections_cover_the_grid_on_account(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    with serving(section) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate("textbook", provider="local", params=GRID)

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.LLM)
    run = run_of(session, job)
    found = account.of_run(session, run)
    assert (found.requests, found.accepted) == (6, 6)
    covered = account.coverage(session, run)
    assert covered is not None
    assert (covered.filled, covered.cells) == (6, 6)
    usage = session.scalars(select(LlmUsage)).one()
    assert (usage.calls, usage.purpose) == (6, "generate textbook")
    assert usage.money == found.money == Decimal("0.006")
    body = samples.body(session, made(session, job)[0])
    assert body.sample_metadata["model"] == "tiny"
    assert run.prompts["section"]["hash"][:12] == body.sample_metadata["prompts"]
    draft = account.draft_of(session, body.sample_id)
    assert draft is not None
    assert draft.raw == body.body["text"]


def test_every_request_to_a_model_that_misbehaves_is_accounted_for(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    fill(session, dataset, admin, texts())
    behaviour: list[Callable[[Json], Answer]] = [
        section,
        lambda _: Answer(""),
        lambda _: Answer("I'm sorry, but I can't help with that."),
        lambda request: Answer(str(request["messages"][0]["content"])),
        lambda _: Answer(STORIES[0] * 1),
        lambda _: Answer("Der alte Leuchtturm steht seit vielen Jahren am Meer und leuchtet " * 9),
        lambda _: Answer("The garden was quiet all day, and nobody came to see it. " * 3),
        lambda _: Answer(status=413),
    ]

    def misbehaves(request: Json) -> Answer:
        topic = said(request).splitlines()[0].removeprefix("Topic: topic ")
        return behaviour[int(topic)](request)

    params = {**GRID, "topics": ", ".join(f"topic {n}" for n in range(8)), "audiences": "all"}
    with serving(misbehaves) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate("textbook", provider="local", params={**params, "words": 1}, language="en")

    assert job.status is JobStatus.SUCCEEDED, job.error
    found = account.of_run(session, run_of(session, job))
    assert found.requests == found.drafts == 8
    told = {(one.outcome, one.gate): one.count for one in found.lines}
    assert told == {
        ("accepted", ""): 1,
        ("unreadable", ""): 1,
        ("refused", ""): 1,
        ("repeated the prompt", ""): 1,
        ("wrong language", ""): 1,
        ("failed a gate", "required words"): 2,
        ("no reply", ""): 1,
    }


def test_one_sample_500_times_is_taken_once(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    same = "The same story of a river and a bridge, told again and again to everybody. " * 3
    params = {**GRID, "topics": ", ".join(f"t{n}" for n in range(60)), "words": 0}
    with serving(lambda _: Answer(same)) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate("textbook", provider="local", params=params)

    assert outcomes(session, job) == {"accepted": 1, "duplicate": 119}


def test_an_endpoint_that_dies_pauses_and_nothing_is_made_or_paid_twice(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    params = {**GRID, "topics": ", ".join(f"topic {n}" for n in range(60)), "audiences": "all"}
    alive = {"answers": 36}

    def dies(request: Json) -> Answer:
        alive["answers"] -= 1
        return section(request) if alive["answers"] >= 0 else Answer(status=401)

    with serving(dies) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate("textbook", provider="local", params=params)
        assert job.status is JobStatus.PAUSED
        assert "nothing is lost" in str(job.error)
        before = len(made(session, job))
        assert 0 < before <= 36
        alive["answers"] = 1000
        jobs.retry(session, job.id, by=lead)
        done = run_job(session, job.id)

    assert (done.status, done.error) == (JobStatus.SUCCEEDED, None)
    found = account.of_run(session, run_of(session, done))
    assert (found.requests, found.drafts, found.accepted) == (60, 60, 60)
    assert session.scalars(select(LlmUsage.calls)).one() == 60


def test_the_cap_holds_and_more_money_goes_on_from_there(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    with serving(section) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate("textbook", provider="local", params=GRID, budget="0.0025", max_tokens=100)
        assert job.status is JobStatus.PAUSED
        assert "is spent" in str(job.error)
        assert len(endpoint.requests) == 2
        jobs.retry(session, job.id, by=lead, budget=Decimal(1))
        done = run_job(session, job.id)

    assert done.status is JobStatus.SUCCEEDED
    assert done.result["accepted"] == 6
    assert len(endpoint.requests) == 6


def test_a_pilot_adds_nothing_and_its_replies_are_paid_once(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    params = {**GRID, "topics": ", ".join(f"topic {n}" for n in range(30)), "audiences": "all"}
    with serving(section) as endpoint:
        add_provider(session, endpoint, admin)
        pilot = generate("textbook", provider="local", params=params, pilot=True)
        assert made(session, pilot) == []
        assert pilot.result["accepted"] == 20
        assert pilot.result["estimate"]["rows"] == 30
        assert pilot.result["estimate"]["money"][1] == "0.030000"
        job = generate("textbook", provider="local", params=params)

    assert job.result["accepted"] == 30
    assert len(endpoint.requests) == 30
    assert job.result["reused"] == 20
    tried, whole = (account.of_run(session, run_of(session, one)) for one in (pilot, job))
    assert (tried.money, tried.tokens_in, tried.reused) == (Decimal("0.02"), 1000, 0)
    assert (whole.money, whole.tokens_in, whole.reused) == (Decimal("0.01"), 500, 20)
    usage = session.scalars(select(LlmUsage.money).where(LlmUsage.job_id == job.id)).one()
    assert usage == whole.money


def test_a_seed_deleted_during_the_run_takes_its_drafts_along(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    generate: Generate,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds = fill(session, dataset, lead, texts())
    make = Noise.make

    def deletes(self: Noise, some: Sequence[Record]) -> list[list[Made]]:
        connection.execute(delete(Sample).where(Sample.id == seeds[2].id))
        return make(self, some)

    monkeypatch.setattr(Noise, "make", deletes)
    job = generate("noise")

    assert job.result["outcomes"] == {"accepted": 4, "seed thrown out": 1}


def test_what_is_wrong_with_an_order_is_said(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    def refused(match: str, **order: Any) -> None:
        with pytest.raises(InvalidError, match=match):
            service.start(session, dataset, Order.model_validate(order), by=lead)

    refused("There is no generator `truth`", generator="truth")
    refused("needs samples of the kind", generator="errors")
    refused("name the provider to ask", generator="textbook")
    refused("leave the provider out", generator="errors", provider="local")
    refused("there is no error 'joke'", generator="errors", params={"types": "joke"})
    sft = make_dataset(session, lead, "sft", Purpose.SFT)
    with pytest.raises(InvalidError, match="takes none of these"):
        service.start(session, sft, Order(generator="textbook", provider="x"), by=lead)
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, Order(generator="errors"), by=annotator)


def test_the_licence_that_all_seeds_share_goes_along(
    session: Session, dataset: Dataset, lead: Principal, generate: Generate
) -> None:
    answer = "It is answered in twelve words, some of which are long enough."
    fill(session, dataset, lead, [instruction(f"Say {n} again", f"{n}. {answer}") for n in "abc"])

    job = generate("ladder")

    rungs = made(session, job)
    assert len(rungs) == job.result["accepted"] == 12
    source = session.get_one(Source, rungs[0].source_id)
    assert (source.name, source.license) == ("generated: ladder from CC0-1.0", "CC0-1.0")
    grades = {samples.body(session, one).sample_metadata["grade"] for one in rungs}
    assert grades == {0, 0.3, 0.5, 0.8}


def tale(number: int) -> str:
    """Every second tale has the rare words of the one before."""
    names = f"zor{number // 2} and vel{number // 2}"
    return f"Tale {number} is about {names}, who lived by the river and spoke of long winters."


def test_variety_is_held_against_as_many_seeds_and_losing_rare_words_is_told(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    fill(session, dataset, lead, texts(*map(tale, range(80)), origin=Origin.HUMAN))

    def asks(request: Json) -> Answer:
        number = next(n for n in range(80) if f"Tale {n} is" in said(request))
        dull = f"Was it a fine day again, as all of them were, or {'x' * (number + 1)}?"
        rich = f"Where did zor{number // 2} and vel{number // 2} live, told in tale {number}?"
        pair = {"question": dull if dulls else rich, "answer": "By the river."}
        return Answer(json.dumps(pair))

    params = {"per_document": 1, "judge": False, "support": 0}
    with serving(asks) as endpoint:
        add_provider(session, endpoint, admin)
        dulls = False
        order = {"provider": "local", "params": params, "where": "origin:human"}
        rich = generate("questions", **order)
        dulls = True
        dull = generate("questions", **order, temperature=1)  # else its replies are known

    assert rich.result["accepted"] == 80, rich.result
    assert dull.result["accepted"] > 60, dull.result
    kept, lost = rich.result["variety"], dull.result["variety"]
    assert kept["against"] == lost["against"] == "its seeds"
    assert kept["now"]["rare_recall"] >= kept["before"]["rare_recall"] > 0.6
    assert lost["now"]["rare_recall"] < 0.1
    assert not any("Rare words" in one for one in kept["alarms"])
    assert "Rare words get lost" in lost["alarms"][0]
    first, second = diversity.rounds(session, dataset.id)
    assert (first.number, second.number) == (rich.result["run"], dull.result["run"])
    assert second.shares["rare_recall"] < 0.1 < 0.9 < first.shares["rare_recall"]
    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/generate").text
    assert "Variety over rounds" in page


def test_a_worker_that_breaks_down_in_the_middle_makes_and_pays_nothing_twice(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    generate: Generate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    params = {**GRID, "topics": ", ".join(f"topic {n}" for n in range(70)), "audiences": "all"}
    calls = {"left": 1}
    write = Screening.catch_up  # the first step of a write

    def breaks(*given: Any) -> None:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise RuntimeError("the power is gone")
        write(*given)

    with serving(section) as endpoint:
        add_provider(session, endpoint, admin, concurrency=4)
        # Before the transaction begins: here all sessions share one, and lose it together.
        monkeypatch.setattr(Screening, "catch_up", breaks)
        monkeypatch.setattr(requesting, "_WRITTEN", 32)
        monkeypatch.setattr(requesting, "_EVERY_S", 1000)
        job = generate("textbook", provider="local", params=params)
        assert job.status is JobStatus.FAILED
        assert len(made(session, job)) == 32
        monkeypatch.setattr(Screening, "catch_up", write)
        jobs.retry(session, job.id, by=lead)
        done = run_job(session, job.id)

    assert (done.status, done.result["accepted"]) == (JobStatus.SUCCEEDED, 70)
    assert len(endpoint.requests) == session.scalars(select(LlmUsage.calls)).one() == 70


def test_what_another_run_adds_meanwhile_is_known(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, texts())
    late = " ".join(f"{one} Then the baker of the village lit his oven." for one in STORIES)
    draft = Draft(Kind.TEXT, {"text": f"{late} Again."})
    made_ = [Made(Outcome.ACCEPTED, draft)]
    screening = Screening.of(session, dataset.id, Paraphrase())
    blind = Screening.of(session, dataset.id, Paraphrase())

    added = fill(session, dataset, lead, texts(late))[-1]
    screening.catch_up(session, GenerationRun(id=uuid.uuid4(), dataset_id=dataset.id))

    (found,) = screening.screened(made_)
    assert found.outcome is Outcome.DUPLICATE
    assert f"sample {added.id}" in found.reason
    assert blind.screened(made_)[0].outcome is Outcome.ACCEPTED


def test_a_persona_that_an_earlier_run_brought_makes_nothing_new(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    fill(session, dataset, lead, texts())
    tasks = itertools.count()

    def replies(request: Json) -> Answer:
        if "Describe the persona" in said(request):
            return Answer("A night nurse in a small hospital who plans shifts for her ward.")
        number = next(tasks)
        story = STORIES[number % 5]
        return Answer(json.dumps({"instruction": f"Task {number}: {story}", "output": story[::-1]}))

    with serving(replies) as endpoint:
        add_provider(session, endpoint, admin)
        first = generate("persona", provider="local")
        where = f"metadata.run:{first.result['run']}"
        second = generate("persona", provider="local", where=where)

    assert first.result["accepted"] == 1
    assert first.result["outcomes"]["duplicate"] == len(STORIES) - 1  # one question, one reply
    assert first.result["reused"] == len(STORIES) - 1
    assert second.result["accepted"] == 0


def test_self_instruct_takes_what_is_new_to_the_seeds_and_to_the_run(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    known = "Write a short poem about the sea in winter"
    fill(session, dataset, lead, [instruction(known), *(instruction(one) for one in STORIES)])
    asked = [
        "Write a short poem about the sea in summer",
        "List three uses of an old bicycle wheel in a garden",
        "List three uses of an old bicycle wheel in a house",
        "Draw a picture of a bicycle",
        "Hm\0m, explain why bread rises",
        "Translate the word for bread into five languages",
    ]
    replies = iter(asked)

    def invents(_request: Json) -> Answer:
        new = next(replies)
        return Answer(json.dumps({"instruction": new, "output": f"An answer, {new[:9]}: so."}))

    with serving(invents) as endpoint:
        add_provider(session, endpoint, admin, concurrency=1, model="other")
        job = generate("self_instruct", provider="local", params={"instructions": 6})

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    found = account.of_run(session, run_of(session, job))
    told = {(one.outcome, one.gate): one.count for one in found.lines}
    assert told == {
        ("accepted", ""): 3,
        ("failed a gate", "novel"): 2,
        ("failed a gate", "text alone"): 1,
    }
    (gate,) = [one for one in found.gates if one.name == "novel"]
    assert (gate.reached, gate.passed) == (5, 3)
    (novel, *_) = account.examples(session, run_of(session, job), "failed a gate")
    assert novel.body is not None
    (child, *_) = made(session, job)
    parents = select(SampleParent.relation).where(SampleParent.child_id == child.id)
    assert session.scalars(parents).all() == ["example for it"] * 6
    assert samples.body(session, child).sample_metadata["model"] == "other"
    assert all("\0" not in samples.body(session, one).text for one in made(session, job))
