"""Label campaigns end to end: drawn in proportion, labelled by a judge, people or a column."""

from collections import Counter

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.campaigns import service
from app.campaigns.models import CampaignSample
from app.curation.records import Record
from app.datasets.models import Dataset
from app.jobs.models import JobStatus
from app.ledger import service as ledgers
from app.llm.models import LlmUsage
from app.review import service as review
from app.review.models import Verdict
from app.samples.models import Sample
from tests.conftest import browser_of
from tests.endpoint import Answer, Json, asked, graded, serving
from tests.factories import fill, instruction, make_dataset, run_job
from tests.judging.test_judging import provide
from tests.shell import Here, winnow, winnow_json

TOPICS = ("sorting algorithms and arrays", "tomato soup and bread", "the moon and the planets")


def row(number: int) -> Record:
    """Two thirds of the rows are code; three topics; a rating on the first half."""
    scores = {"rating": float(number % 5)} if number < 300 else {}
    return instruction(
        f"Question {number}: tell me about {TOPICS[number % 7 % 3]}.",
        f"Here is what I know about {TOPICS[number % 7 % 3]}.",
        domain="code" if number % 3 else "math",
        scores=scores,
    )


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, [row(number) for number in range(600)])
    return made


def start(api: TestClient, bells: list[str], session: Session, **more: object) -> Json:
    body = {"name": "gold", "size": 60, "clusters": 0, **more}
    answer = api.post("/datasets/mix/campaigns", json=body)
    assert answer.status_code == 202, answer.text
    job = run_job(session, answer.json()["job_id"])
    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    found: Json = api.get("/datasets/mix/campaigns/gold").json()
    return found


def test_every_stratum_gets_its_share_of_the_draw(
    session: Session, api: TestClient, bells: list[str], dataset: Dataset
) -> None:
    found = start(api, bells, session, clusters=3, labeller="people")

    assert (found["drawn"], found["labelled"], found["label"]) == (60, 0, "decisions")
    assert len(found["strata"]) > 2
    assert sum(one["pool"] for one in found["strata"]) == 600
    for one in found["strata"]:
        assert abs(one["drawn"] - one["pool"] / 10) <= 1
    topics = Counter(
        (one["domain"], one["cluster"]) for one in found["strata"] for _ in range(one["pool"])
    )
    assert len({cluster for _, cluster in topics}) == 3  # a topic each
    tagged = api.get("/datasets/mix/samples?where=tag:gold&limit=100").json()["items"]
    assert len(tagged) == 60
    entries = ledgers.ledger(session, session.get_one(Sample, tagged[0]["id"])).entries
    assert "gold" in str([entry.data for entry in entries])


def test_a_judge_labels_and_failures_are_counted_not_guessed(
    session: Session,
    api: TestClient,
    admin: Principal,
    bells: list[str],
    dataset: Dataset,
) -> None:
    def answer(request: Json) -> Answer:
        number = int(asked(request).split("Question ")[1].split(":")[0])
        return Answer("no idea") if number % 10 == 0 else graded(number % 5)

    with serving(answer) as endpoint:
        provide(session, admin, endpoint, price_in="1", price_out="1")
        made = start(
            api, bells, session, labeller="judge", rubric="edu_judge", provider="local", budget="5"
        )
        run_job(session, made["judge_job_id"])

    found = api.get("/datasets/mix/campaigns/gold").json()
    failed = sum(
        int(one["body"]["instruction"].split()[1][:-1]) % 10 == 0
        for one in api.get("/datasets/mix/samples?where=tag:gold&limit=100").json()["items"]
    )
    assert found["failed"] == failed > 0
    assert found["labelled"] == 60 - failed
    assert len(endpoint.requests) == 60 + failed  # each of those is asked once more
    assert found["spent"]["calls"] == 60 + failed
    assert session.scalars(select(LlmUsage)).one().money > 0
    assert found["label"] == "edu_judge"
    nulls = api.get("/datasets/mix/samples?where=tag:gold+missing:edu_judge").json()["items"]
    assert len(nulls) == failed


def test_people_label_in_a_queue_that_shows_just_these_and_no_scores(
    session: Session, api: TestClient, lead: Principal, bells: list[str], dataset: Dataset
) -> None:
    start(api, bells, session, size=5, labeller="people")
    drawn = set(session.scalars(select(CampaignSample.sample_id)))

    seen = []
    while (card := api.get("/review/next?dataset=mix").json())["sample"] is not None:
        assert card["sample"]["scores"] == {}
        seen.append(card["sample"]["id"])
        review.decide(session, seen[-1], verdict=Verdict.APPROVE, revision=1, by=lead)

    assert set(seen) == drawn
    found = api.get("/datasets/mix/campaigns/gold").json()
    assert (found["labelled"], found["label"]) == (5, "decisions")


def test_a_rating_is_a_label_and_only_rows_that_have_it_are_drawn(
    session: Session, api: TestClient, bells: list[str], dataset: Dataset
) -> None:
    found = start(api, bells, session, labeller="column", column="rating", where="domain:math")

    assert (found["drawn"], found["labelled"]) == (60, 60)
    assert {one["domain"] for one in found["strata"]} == {"math"}
    assert sum(one["pool"] for one in found["strata"]) == 100


def test_a_signal_is_learned_from_the_campaign_alone(
    session: Session, api: TestClient, bells: list[str], dataset: Dataset
) -> None:
    start(api, bells, session, labeller="column", column="rating")
    body = {"signal": "good", "labels": "rating", "cut": 2, "where": "tag:gold"}
    answer = api.post("/datasets/mix/learn", json={**body, "learner": "logistic"})
    run_job(session, answer.json()["id"])

    learned = api.get("/datasets/mix/learned").json()["items"][0]
    assert (learned["labelled"], learned["where"]) == (60, "tag:gold")


def test_the_same_seed_draws_the_same_and_another_one_others(
    session: Session, api: TestClient, bells: list[str], dataset: Dataset
) -> None:
    def draw(seed: int) -> list[int]:
        start(api, bells, session, labeller="column", column="rating", seed=seed)
        ids = sorted(session.scalars(select(CampaignSample.sample_id)))
        assert api.delete("/datasets/mix/campaigns/gold").status_code == 204
        return ids

    first, again, other = draw(1), draw(1), draw(2)

    assert np.array_equal(first, again)
    assert first != other
    assert api.get("/datasets/mix/samples?where=tag:gold").json()["items"] == []
    assert api.get("/datasets/mix/campaigns").json()["items"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"labeller": "judge"}, "a judge needs a rubric and a provider"),
        ({"labeller": "judge", "rubric": "edu_judge", "provider": "none"}, "no provider `none`"),
        ({"labeller": "column"}, "name the column"),
        ({"labeller": "column", "column": "stars"}, "no column `stars`"),
        ({"labeller": "people", "where": "nothing>2"}, "nothing"),
        ({"labeller": "people", "name": "Not a tag"}, "name"),
        ({"labeller": "people", "size": 0}, "size"),
    ],
)
def test_what_is_wrong_is_said_at_once(
    api: TestClient, dataset: Dataset, body: Json, says: str
) -> None:
    answer = api.post("/datasets/mix/campaigns", json={"name": "gold", **body})

    assert answer.status_code in {404, 422}
    assert says in answer.text


def test_nothing_to_draw_and_a_name_twice_are_refused(
    session: Session, api: TestClient, annotator_api: TestClient, dataset: Dataset
) -> None:
    body = {"name": "gold", "labeller": "people", "where": "domain:poetry", "clusters": 0}
    made = api.post("/datasets/mix/campaigns", json=body).json()
    assert api.post("/datasets/mix/campaigns/gold/label").status_code == 409
    assert api.delete("/datasets/mix/campaigns/gold").status_code == 409
    job = run_job(session, made["job_id"])

    assert job.status is JobStatus.FAILED
    assert "No sample can be drawn" in str(job.error)
    assert api.post("/datasets/mix/campaigns", json=body).status_code == 409
    assert api.get("/datasets/mix/campaigns/silver").status_code == 404
    assert annotator_api.post("/datasets/mix/campaigns", json=body).status_code == 403


def test_a_judge_that_can_not_start_is_started_later(
    session: Session, api: TestClient, admin: Principal, bells: list[str], dataset: Dataset
) -> None:
    with serving(lambda _: graded(3)) as endpoint:
        provide(session, admin, endpoint)
        judge = {"rubric": "edu_judge", "provider": "local"}
        first = api.post("/datasets/mix/judge", json={**judge, "sample": 1}).json()
        made = start(api, bells, session, labeller="judge", **judge)
        assert made["judge_job_id"] is None
        page = browser_of(session, admin).get("/datasets/mix/campaigns").text
        assert "Labelling did not start" in page
        run_job(session, first["id"])
        again = api.post("/datasets/mix/campaigns/gold/label").json()
        run_job(session, again["judge_job_id"])

    assert api.get("/datasets/mix/campaigns/gold").json()["labelled"] == 60


def test_drawing_again_after_a_crash_changes_nothing(
    session: Session, api: TestClient, bells: list[str], dataset: Dataset
) -> None:
    made = start(api, bells, session, labeller="column", column="rating")
    before = sorted(session.scalars(select(CampaignSample.sample_id)))
    job = session.connection().exec_driver_sql(
        "UPDATE jobs SET status = 'queued' WHERE kind = 'campaign'"
    )
    session.connection().exec_driver_sql("UPDATE job_chunks SET status = 'queued', state = '{}'")
    assert job.rowcount == 1

    run_job(session, made["job_id"])

    assert sorted(session.scalars(select(CampaignSample.sample_id))) == before


def test_what_a_judge_would_cost_is_estimated_before_anything_is_drawn(
    session: Session, lead: Principal, admin: Principal, bells: list[str], dataset: Dataset
) -> None:
    with serving(lambda _: graded(3)) as endpoint:
        provide(session, admin, endpoint, price_in="1", price_out="1")
        form = {"size": "40", "rubric": "edu_judge", "provider": "local", "then": "pilot"}
        sent = browser_of(session, lead).post(
            "/datasets/mix/campaigns", data={"name": "", **form}, follow_redirects=False
        )
        job = run_job(session, bells[-1])

    assert sent.headers["location"] == "/datasets/mix/judges?rubric=edu_judge"
    assert (job.result["estimate"]["rows"], len(endpoint.requests)) == (40, 20)
    assert service.everything(session, dataset) == []


def test_in_the_browser(
    session: Session, lead: Principal, bells: list[str], dataset: Dataset
) -> None:
    browser = browser_of(session, lead)
    assert "No campaign yet" in browser.get("/datasets/mix/campaigns").text
    form = {"name": "gold", "size": "30", "clusters": "0", "labeller": "column", "column": "rating"}
    sent = browser.post("/datasets/mix/campaigns", data=form, follow_redirects=False)
    assert sent.status_code == 303
    run_job(session, bells[-1])

    page = browser.get("/datasets/mix/campaigns?campaign=gold").text
    assert "100.0 % labelled" in page
    assert "/learn?labels=rating&amp;where=tag%3Agold" in page
    assert ' value="tag:gold"' in browser.get("/datasets/mix/learn?where=tag:gold").text
    twice = browser.post("/datasets/mix/campaigns", data=form)
    assert (twice.status_code, "already" in twice.text) == (409, True)
    browser.post("/datasets/mix/campaigns/gold/label")
    browser.post("/datasets/mix/campaigns/gold/delete")
    assert "No campaign yet" in browser.get("/datasets/mix/campaigns").text
    assert service.everything(session, dataset) == []


def test_on_the_command_line(
    session: Session,
    api: TestClient,
    admin: Principal,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_labels.from_environment", lambda: Here(api, session))
    with serving(lambda _: graded(3)) as endpoint:
        provide(session, admin, endpoint)
        code, said = winnow(
            *("campaign", "create", "mix", "gold", "--size", "20", "--clusters", "0"),
            *("--judge", "edu_judge", "--provider", "local", "--wait"),
        )
    assert (code, "20 drawn, 20 labelled in `edu_judge`" in said) == (0, True)
    assert winnow_json("campaign", "list", "mix")["items"][0]["labelled"] == 20
    code, said = winnow("campaign", "show", "mix", "gold")
    assert (code, "pool" in said) == (0, True)
    assert winnow("campaign", "create", "mix", "other")[0] == 2
    code, said = winnow("campaign", "create", "mix", "silver", "--people", "--clusters", "0")
    assert "are being drawn" in said
    none = ("--people", "--where", "domain:poetry", "--clusters", "0", "--wait")
    code, said = winnow("campaign", "create", "mix", "none", *none)
    assert (code, "No sample can be drawn" in said) == (1, True)
    winnow("campaign", "delete", "mix", "gold")
    assert len(winnow_json("campaign", "list", "mix")["items"]) == 2
