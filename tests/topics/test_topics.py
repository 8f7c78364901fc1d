"""Topics end to end: found by a job, read as facet, filter and quota, renamed, merged, titled."""

import json
from collections import Counter

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal
from app.curation.rules.nodes import Compare, render
from app.curation.shape.measures import purity
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus
from app.llm.models import LlmUsage
from app.llm.service import ProviderIn, save
from app.samples import places, queries, registry
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.samples.places import Topic, TopicModel
from app.samples.search import condition, parsed, schema_of
from app.topics import editing, fitting, reading, service
from app.topics.service import Mode, Order
from tests.conftest import browser_of
from tests.endpoint import Answer, serving
from tests.factories import fill, instruction, make_dataset, run_job
from tests.topics.texts import WORDS, planted
from workers.chunks import Chunk, Handler
from workers.registry import handler
from workers.topics import HANDLER

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, planted(30))
    return made


def find(session: Session, dataset: Dataset, by: Principal, **order: object) -> Job:
    given = Order.model_validate(order)
    return run_job(session, service.start(session, dataset, given, by=by).id)


def matching(session: Session, dataset: Dataset, where: str) -> list[Sample]:
    query = select(Sample).where(condition(session, dataset.id, where)).order_by(Sample.id)
    return list(session.scalars(query))


def titles(session: Session, dataset: Dataset) -> dict[int, str]:
    found = reading.overview(session, dataset)
    assert found is not None
    return {row.topic.number: row.topic.title for row in found.rows}


def topic_filter(title: str) -> str:
    return render(Compare("topic", ":", (title,)))


def test_planted_topics_are_found_and_named(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = find(session, dataset, lead, topics=4)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert job.result["topics"] == 4
    assert (job.result["rows"], job.result["without"]) == (120, 0)
    found = reading.overview(session, dataset)
    assert found is not None
    topics, domains = [], []
    for row in found.rows:
        mine = matching(session, dataset, topic_filter(row.topic.title))
        assert len(mine) == row.size
        topics += [row.topic.number] * row.size
        domains += [str(one.domain) for one in mine]
        most = Counter(domains[-row.size :]).most_common(1)[0][0]
        assert set(row.topic.keywords[:4]) <= set(WORDS[most])
        assert all(one.text for one in reading.examples(session, row))
        typical = {session.get_one(Sample, one).domain for one in row.topic.examples}
        assert typical == {most}
    assert purity(np.array(topics), np.unique(domains, return_inverse=True)[1]) >= 0.9


def test_topics_are_counted_by_status_and_as_a_facet(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    find(session, dataset, lead, topics=4)
    title = titles(session, dataset).popitem()[1]
    some = matching(session, dataset, topic_filter(title))
    for one in some[:3]:
        one.status = Status.APPROVED
    session.commit()

    found = reading.overview(session, dataset)
    schema = schema_of(session, dataset.id)
    total, facets = queries.facets(session, schema, parsed(schema, ""))
    narrowed = parsed(schema, topic_filter(title))

    assert found is not None
    row = next(one for one in found.rows if one.topic.title == title)
    assert row.by_status[Status.APPROVED] == 3
    assert row.by_status[Status.PENDING] == len(some) - 3
    assert dict(facets["topic"])[title] == len(some)
    assert sum(count for _, count in facets["topic"]) == total == 120
    assert queries.count(session, schema, narrowed) == len(some)
    assert queries.count(session, schema, parsed(schema, f"-{topic_filter(title)}")) == (
        120 - len(some)
    )
    assert queries.chosen(narrowed)["topic"] == {title}


def test_the_effect_of_a_filter_is_told_per_topic(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    before = api.post("/datasets/mix/preview", json={"where": "domain:law"}).json()
    find(session, dataset, lead, topics=4)

    found = api.post("/datasets/mix/preview", json={"where": "domain:law"}).json()

    assert before["by_topic"] == []
    kept = {one["name"]: one["kept"] for one in found["by_topic"]}
    assert set(kept) == set(titles(session, dataset).values())
    assert sum(kept.values()) == 30
    assert max(kept.values()) >= 27


def test_new_and_edited_samples_get_a_topic_without_finding_anew(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    find(session, dataset, lead, topics=4)
    before = titles(session, dataset)
    cook = next(
        number for number, title in before.items() if set(title.split()) <= set(WORDS["cooking"])
    )
    fresh = fill(session, dataset, lead, [instruction("Bake bread", "flour butter oven")])[-1]
    law = matching(session, dataset, "domain:law")[0]
    edit = {"instruction": "Recipe for garlic soup", "input": "", "output": "onion butter sauce"}
    samples.edit(session, law.id, edit, revision=1, by=lead)
    session.commit()
    assert [one.id for one in matching(session, dataset, "missing:topic")] == [fresh.id]
    overview = reading.overview(session, dataset)
    assert overview is not None
    assert overview.without == 1

    job = find(session, dataset, lead, mode="new")

    assert job.status is JobStatus.SUCCEEDED
    assert titles(session, dataset) == before
    mine = {one.id for one in matching(session, dataset, topic_filter(before[cook]))}
    assert {fresh.id, law.id} <= mine
    assert matching(session, dataset, "missing:topic") == []


def test_a_run_again_is_seen_all_at_once(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(session, dataset, lead, topics=4)
    before = titles(session, dataset)
    seen: list[dict[int, str]] = []
    sizes: list[int] = []
    checkpoint = Chunk.checkpoint

    def looked(chunk: Chunk, done: int, **state: object) -> None:
        checkpoint(chunk, done, **state)
        found = reading.overview(session, dataset)
        assert found is not None
        seen.append({row.topic.number: row.topic.title for row in found.rows})
        sizes.append(sum(row.size for row in found.rows))

    monkeypatch.setattr(Chunk, "checkpoint", looked)
    find(session, dataset, lead, topics=6, seed=3)
    monkeypatch.undo()

    assert len(seen) > 2
    assert all(one == before for one in seen)
    assert set(sizes) == {120}
    after = titles(session, dataset)
    assert len(after) == 6
    assert set(after).isdisjoint(before)
    assert session.scalar(select(func.count()).select_from(TopicModel)) == 1


def test_a_worker_that_dies_leaves_the_topics_as_they_were(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(session, dataset, lead, topics=4)
    before = titles(session, dataset)
    assign = service.assign

    def broken(*given: object, **more: object) -> object:
        raise KeyError("the machine went away")

    monkeypatch.setattr(service, "assign", broken)
    job = find(session, dataset, lead, topics=5)
    assert job.status is JobStatus.FAILED
    assert titles(session, dataset) == before
    monkeypatch.setattr(service, "assign", assign)

    again = find(session, dataset, lead, topics=5)

    assert again.status is JobStatus.SUCCEEDED
    assert len(titles(session, dataset)) == 5
    jobs.retry(session, job.id, by=lead)
    late = run_job(session, job.id)
    assert "replaced by a later run" in str(late.error)
    assert len(titles(session, dataset)) == 5
    assert matching(session, dataset, "missing:topic") == []


def test_samples_may_go_and_come_while_topics_are_found(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fitting.fit

    def meanwhile(inner: Session, job: Job) -> TopicModel:
        model = fit(inner, job)
        gone = select(Sample.id).where(Sample.dataset_id == dataset.id).limit(10)
        inner.execute(delete(Sample).where(Sample.id.in_(gone)))
        return model

    monkeypatch.setattr(fitting, "fit", meanwhile)
    job = find(session, dataset, lead, topics=4)

    assert job.status is JobStatus.SUCCEEDED
    found = reading.overview(session, dataset)
    assert found is not None
    assert (found.total, found.without) == (110, 0)
    assert all(reading.examples(session, row) for row in found.rows)


@pytest.mark.parametrize(
    ("texts", "count"),
    [(["Only one"], 1), (["One", "Two", "Three"], 2), (["word"], 1)],
    ids=["one", "three", "a word"],
)
def test_few_samples_have_topics_too(
    session: Session, lead: Principal, texts: list[str], count: int
) -> None:
    dataset = make_dataset(session, lead)
    fill(session, dataset, lead, [instruction(one, one) for one in texts])

    job = find(session, dataset, lead)

    assert job.status is JobStatus.SUCCEEDED
    assert len(titles(session, dataset)) == count


def test_texts_that_mean_the_same_are_one_topic_and_marks_have_none(
    session: Session, lead: Principal
) -> None:
    dataset = make_dataset(session, lead)
    letters = "say it again now"
    rows = [instruction(letters, letters[:n].upper() + letters[n:]) for n in range(1, len(letters))]
    fill(session, dataset, lead, [*rows, instruction("...", "!!!")])

    job = find(session, dataset, lead)

    assert job.status is JobStatus.SUCCEEDED
    assert (job.result["topics"], job.result["without"]) == (1, 1)
    wordless = make_dataset(session, lead, "marks")
    fill(session, wordless, lead, [instruction("...", "?!")])
    assert "No sample has words" in str(find(session, wordless, lead).error)


def test_what_can_not_be_started_says_why(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    empty = make_dataset(session, lead, "empty")
    with pytest.raises(InvalidError, match="has no samples"):
        service.start(session, empty, Order(), by=lead)
    for mode in (Mode.NEW, Mode.TITLES):
        with pytest.raises((ConflictError, NotFoundError)):
            service.start(session, dataset, Order(mode=mode, provider="none"), by=lead)
    with pytest.raises(ConflictError, match="has no topics yet"):
        service.start(session, dataset, Order(mode=Mode.NEW), by=lead)
    service.start(session, dataset, Order(), by=lead)
    with pytest.raises(ConflictError, match="right now"):
        service.start(session, dataset, Order(), by=lead)
    named = make_dataset(session, lead, "named")
    fill(session, named, lead, [instruction("Rated", scores={"topic": 3.0})])
    with pytest.raises(ConflictError, match="signal of named"):
        service.start(session, named, Order(), by=lead)
    with pytest.raises(ValueError, match="provider"):
        Order(mode=Mode.TITLES)


def test_vectors_of_another_model_are_never_compared(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    find(session, dataset, lead, topics=4)
    model = places.topic_model(session, dataset.id)
    assert model is not None
    model.embedded_by = "another"
    session.commit()

    with pytest.raises(ConflictError, match="Find topics anew"):
        service.start(session, dataset, Order(mode=Mode.NEW), by=lead)


def test_topics_are_renamed_merged_and_that_is_taken_back(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    find(session, dataset, lead, topics=4)
    first, second, third, _ = before = titles(session, dataset)
    sizes = {one: len(matching(session, dataset, topic_filter(before[one]))) for one in before}

    editing.rename(session, dataset, first, "  Food <b> ", by=lead)
    editing.merge(session, dataset, [second, first], third, by=lead)
    session.commit()

    merged = matching(session, dataset, topic_filter(before[third]))
    assert len(merged) == sizes[first] + sizes[second] + sizes[third]
    with pytest.raises(InvalidError, match="is never"):
        matching(session, dataset, topic_filter("Food <b>"))
    with pytest.raises(NotFoundError, match="no topic"):
        editing.rename(session, dataset, first, "Food", by=lead)
    actions = select(AuditEvent.action).where(AuditEvent.action.startswith("topic."))
    assert session.scalars(actions.order_by(AuditEvent.id)).all() == [
        "topic.rename",
        "topic.merge",
    ]

    assert editing.undo(session, dataset, by=lead).action == "merge"
    session.commit()
    assert len(matching(session, dataset, 'topic:"Food <b>"')) == sizes[first]
    assert editing.undo(session, dataset, by=lead).action == "rename"
    assert titles(session, dataset) == before
    with pytest.raises(ConflictError, match="Nothing was renamed"):
        editing.undo(session, dataset, by=lead)


def test_titles_are_unique_and_changed_by_leads(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    find(session, dataset, lead, topics=4)
    first, second, *_ = before = titles(session, dataset)

    with pytest.raises(ConflictError, match="Merge the two"):
        editing.rename(session, dataset, first, before[second], by=lead)
    for wrong in (' "" ', "x" * 61):
        with pytest.raises(InvalidError, match="1 to 60"):
            editing.rename(session, dataset, first, wrong, by=lead)
    with pytest.raises(InvalidError, match="at least one other"):
        editing.merge(session, dataset, [first], first, by=lead)
    with pytest.raises(Exception, match="lead"):
        editing.rename(session, dataset, first, "Mine", by=annotator)
    editing.rename(session, dataset, first, "Taken", by=lead)
    other = session.scalars(select(Topic).where(Topic.number == second)).one()
    other.title = before[first]  # as a model may call it
    session.commit()
    with pytest.raises(ConflictError, match="Two topics would be called"):
        editing.undo(session, dataset, by=lead)


def test_a_model_gives_titles_and_keywords_stay_where_it_has_none(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    def answered(request: dict[str, object]) -> Answer:
        said = json.dumps(request["messages"])
        if "orbit" in said and "rocket" in said:
            return Answer("I would rather not.")
        return Answer(json.dumps({"title": "Arts <i>" if "guitar" in said else "The same"}))

    with serving(answered) as endpoint:
        given = {"name": "titler", "url": endpoint.url, "model": "tiny", "price_in": "2"}
        save(session, ProviderIn.model_validate(given), by=admin)
        job = find(session, dataset, lead, topics=4, provider="titler", budget="5")
        titled = run_job(session, job.result["titles_job"])

    assert titled.status is JobStatus.SUCCEEDED, titled.error
    assert (titled.result["titled"], titled.result["kept_keywords"]) == (3, 1)
    assert "keywords" in titled.result["problem"]
    found = set(titles(session, dataset).values())
    assert "Arts <i>" in found
    assert len([one for one in found if one.startswith("The same")]) == 2
    assert [one for one in found if set(one.split()) <= set(WORDS["space"])]
    assert session.scalars(select(LlmUsage.purpose)).all() == ["titles of topics"]
    assert len(endpoint.requests) == 4


def test_a_budget_or_an_endpoint_that_ends_leaves_keywords(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    find(session, dataset, lead, topics=4)
    before = titles(session, dataset)
    named = next(iter(before))
    editing.rename(session, dataset, named, "Mine", by=lead)

    with serving(lambda _: Answer('{"title": "x"}')) as endpoint:
        given = {"name": "dear", "url": endpoint.url, "model": "tiny", "price_in": "999999"}
        save(session, ProviderIn.model_validate(given), by=admin)
        spent = find(session, dataset, lead, mode="titles", provider="dear", budget="0.001")
    with serving(lambda _: Answer(status=401)) as locked:
        given = {"name": "locked", "url": locked.url, "model": "tiny"}
        save(session, ProviderIn.model_validate(given), by=admin)
        away = find(session, dataset, lead, mode="titles", provider="locked")

    assert spent.status is away.status is JobStatus.SUCCEEDED
    assert endpoint.requests == []
    assert "The budget of 0.001 is spent" in spent.result["problem"]
    assert spent.result["kept_keywords"] == 3
    assert "keep their keywords" in away.result["problem"]
    assert titles(session, dataset) == {**before, named: "Mine"}


def test_slots_of_places_are_no_signals(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    find(session, dataset, lead, topics=4)

    assert registry.signals(session, dataset.id) == []
    assert [one.name for one in registry.slots(session, dataset.id)] == ["topic:a"]
    sample = matching(session, dataset, "")[0]
    told = api.get(f"/samples/{sample.id}").json()
    assert told["scores"] == {}
    assert sample in matching(session, dataset, topic_filter(told["topic"]))
    listed = api.get("/datasets/mix/samples?fields=topic&limit=1000").json()["items"]
    found = reading.overview(session, dataset)
    assert found is not None
    sizes = {row.topic.title: row.size for row in found.rows}
    assert Counter(one["topic"] for one in listed) == sizes
    assert told["topic"] in browser_of(session, lead).get(f"/samples/{sample.id}").text
    assert api.get("/datasets/mix/samples?sort=topic").status_code == 422
    assert "there is no field" in api.get("/datasets/mix/samples?where=map:x").text


def test_quotas_are_for_topics(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    rows = matching(session, dataset, "")
    spec = registry.imported_spec("rated", "rated")
    registry.claim_slots(session, dataset.id, [spec], None)
    for number, one in enumerate(rows):
        one.scores = [float(number)]
    session.commit()
    order = {"signal": "pick", "score": "rated", "count": 20, "selector": "quota"}
    order |= {"group": "topic", "params": {"share": "equal"}}
    assert "has no topics" in api.post("/datasets/mix/selections", json=order).text
    find(session, dataset, lead, topics=4)

    started = api.post("/datasets/mix/selections", json=order)
    run_job(session, started.json()["id"])

    chosen = matching(session, dataset, "pick:1")
    assert Counter(one.domain for one in chosen) == dict.fromkeys(WORDS, 5)


def test_topics_over_rest(session: Session, dataset: Dataset, api: TestClient) -> None:
    base = "/datasets/mix/topics"
    assert api.get(base).json()["items"] == []
    assert api.get(f"{base}/1").status_code == 404
    started = api.post(base, json={"topics": 4})
    assert (started.status_code, started.json()["kind"]) == (202, "topics")
    run_job(session, started.json()["id"])

    found = api.get(base).json()
    first, second = (one["number"] for one in found["items"][:2])
    renamed = api.patch(f"{base}/{first}", json={"title": "Food"})
    merged = api.post(f"{base}/merge", json={"topics": [second], "into": first})
    detail = api.get(f"{base}/{first}").json()
    undone = api.post(f"{base}/undo")

    assert (found["samples"], found["without"], found["version"]) == (120, 0, 1)
    assert sum(one["share"] for one in found["items"]) == pytest.approx(1)
    assert (renamed.json()["title"], merged.json()["number"]) == ("Food", first)
    assert detail["merged"] == [second]
    assert detail["size"] == sum(one["size"] for one in found["items"][:2])
    assert len(detail["examples"]) > 8
    assert undone.json() == {"action": "merge"}


def test_topics_in_the_browser(session: Session, dataset: Dataset, lead: Principal) -> None:
    browser = browser_of(session, lead)
    assert "Nobody has looked for topics yet" in browser.get("/datasets/mix/topics").text
    started = browser.post("/datasets/mix/topics", data={"mode": "all", "topics": "4"})
    assert "Find topics" in started.text
    assert browser.post("/datasets/mix/topics", data={"mode": "all"}).status_code == 409
    job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()
    run_job(session, job.id)
    first, second, *_ = titles(session, dataset)

    renamed = browser.post(f"/datasets/mix/topics/{first}/title", data={"title": "<b>Food"})
    twin = browser.post(f"/datasets/mix/topics/{second}/title", data={"title": "<b>Food"})
    merged = browser.post(f"/datasets/mix/topics/{second}/merge", data={"into": str(first)})
    undone = browser.post("/datasets/mix/topics/undo")
    facets = browser.get("/datasets/mix/facets").text
    completed = browser.get("/datasets/mix/complete?where=topic:%3C&at=7").text
    wrong = browser.post("/datasets/mix/topics", data={"mode": "all", "topics": "1"})
    nothing = browser.post("/datasets/mix/topics/99999/merge", data={"into": str(first)})
    for _ in range(2):
        last = browser.post("/datasets/mix/topics/undo")

    assert "&lt;b&gt;Food" in renamed.text
    assert "<b>Food" not in renamed.text
    assert twin.status_code == 409
    assert "Took in" in merged.text
    assert "Took in" not in undone.text
    assert "Topic</legend>" in facets
    assert "topic%3A%22%3Cb%3EFood%22" in facets
    assert "&#34;&lt;b&gt;Food&#34;" in completed
    assert wrong.status_code == 422
    assert nothing.status_code == 404
    assert last.status_code == 409


def test_a_run_is_planned_in_parts_and_each_may_be_done_twice(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = find(session, dataset, lead, topics=4)
    model = places.topic_model(session, dataset.id)
    assert model is not None

    twice = [
        count
        for _ in range(2)
        for count, _ in service.assign(
            session, model, service.to_assign(session, model, Mode.ALL), (0, 2**40)
        )
    ]

    assert twice == [120, 120]
    assert job.total == 240  # embedded, then assigned
    assert Handler is type(HANDLER)
    assert handler(job) is HANDLER
