"""Generating over REST, on the command line and in the browser's pages."""

import json

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset, Purpose
from app.generation.models import GenerationDraft
from app.jobs.models import Job
from app.samples.models import Sample, Status
from tests.conftest import browser_of
from tests.endpoint import serving
from tests.factories import fill, make_dataset, run_job
from tests.generation.test_runs import GRID, add_provider, section, texts
from tests.shell import Here, winnow

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, texts())
    return made


@pytest.fixture
def here(api: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli_generation.from_environment", lambda: Here(api, session))
    monkeypatch.setattr("app.cli_work.from_environment", lambda: Here(api, session))


def newest_job(session: Session) -> Job:
    session.expire_all()
    job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()
    return run_job(session, job.id)


def test_over_rest_from_the_list_of_generators_to_the_settled_batch(
    api: TestClient, session: Session, dataset: Dataset
) -> None:
    listed = {one["key"]: one for one in api.get("/generators").json()["items"]}
    assert listed["textbook"]["asks"]
    assert listed["textbook"]["prompts"][0]["needs"] == ["topic", "audience", "words"]
    assert listed["paraphrase"]["seeds"] == ["instruction", "text"]
    path = f"/datasets/{dataset.name}"
    order = {"generator": "noise", "params": {"rate": 0.1}, "where": "words>5", "review_share": 0}
    answer = api.post(f"{path}/generate", json=order)
    assert answer.status_code == 202
    run_job(session, answer.json()["id"])

    (run,) = api.get(f"{path}/runs").json()["items"]
    assert (run["requests"], run["accepted"]) == (5, 5)
    assert run["outcomes"] == [{"outcome": "accepted", "gate": "", "count": 5}]
    assert api.get(f"{path}/runs/{run['number']}").json()["id"] == run["id"]
    drafts = api.get(f"{path}/runs/{run['number']}/drafts?outcome=accepted").json()["items"]
    lineage = api.get(f"/samples/{drafts[0]['sample_id']}/lineage").json()
    assert lineage["parents"][0]["relation"] == "noise"
    drawn = api.post(f"{path}/runs/{run['number']}/draw", json={"count": 2}).json()
    assert (drawn["drawn"], drawn["standing"]) == (2, "open")
    settled = api.post(f"{path}/runs/{run['number']}/settle", json={"action": "approve"})
    run_job(session, settled.json()["id"])
    found = api.get(f"{path}/samples?where=metadata.generator:noise status:approved").json()
    assert len(found["items"]) == 5
    undone = api.post(f"{path}/runs/{run['number']}/settle/undo")
    assert undone.headers["Location"] == f"/api/v1/jobs/{undone.json()['id']}"
    run_job(session, undone.json()["id"])
    gone = api.get(f"{path}/samples?where=metadata.generator:noise status:approved").json()
    assert gone["items"] == []
    assert api.post(f"{path}/runs/{run['number']}/settle/undo").status_code == 409
    again = api.post(f"{path}/runs/{run['number']}/settle", json={"action": "approve"})
    run_job(session, again.json()["id"])
    children = api.post(
        f"/samples/{lineage['parents'][0]['id']}/children", json={"action": "approve"}
    )
    assert children.status_code == 409
    assert api.get("/datasets/mix/runs/99999").status_code == 404
    assert api.get("/datasets/mix/runs/none").status_code == 404


def test_synthetic_shares_over_rest(api: TestClient, dataset: Dataset) -> None:
    path = f"/datasets/{dataset.name}/synthetic"

    found = api.get(path).json()
    assert (found["standing"], found["guarded"], found["depths"]) == ("block", False, {})
    given = {"warn_at": 0.6, "block_at": 0.9, "override_reason": "rewrites"}
    assert api.put(path, json=given).json()["cap"] == given
    assert api.put(path, json={"warn_at": 0.9, "block_at": 0.1}).status_code == 422


def test_prompts_are_edited_tried_and_versioned(
    api: TestClient, session: Session, dataset: Dataset, admin: Principal
) -> None:
    listed = {one["key"]: one for one in api.get("/generators").json()["items"]}
    (prompt,) = listed["textbook"]["prompts"]
    edited = {"system": "You write.", "user": prompt["user"] + "\nBe brief."}
    path = "/generators/textbook/prompts/section"

    with serving(section) as endpoint:
        add_provider(session, endpoint, admin)
        order = {"generator": "textbook", "params": GRID, "provider": "local"}
        trial = {**order, "prompts": {"section": edited}}
        tried = api.post(f"/datasets/{dataset.name}/generate/try", json=trial).json()["items"]
        assert [one["outcome"] for one in tried] == ["accepted"] * 3
        assert "Be brief." in endpoint.requests[0]["messages"][1]["content"]
        assert api.get(f"/datasets/{dataset.name}/samples").json()["total"] in {5, None}

    saved = api.put(path, json=edited).json()
    assert (saved["version"], saved["hash"] != prompt["hash"]) == (2, True)
    refused = api.put(path, json={"system": "", "user": "{{topic}} {{audience}} {{joke}}"})
    assert refused.status_code == 422
    assert "lacks the place {{words}}" in refused.json()["detail"]
    assert "There is no {{joke}}" in refused.json()["detail"]
    assert api.put("/generators/textbook/prompts/none", json=edited).status_code == 404
    assert api.put("/generators/none/prompts/section", json=edited).status_code == 404


def test_plain_generators_are_tried_too(api: TestClient, dataset: Dataset) -> None:
    order = {"generator": "noise", "params": {"rate": 0.1}}
    tried = api.post(f"/datasets/{dataset.name}/generate/try", json=order).json()["items"]

    assert [one["outcome"] for one in tried] == ["accepted"] * 3


@pytest.mark.usefixtures("here")
def test_on_the_command_line(dataset: Dataset) -> None:
    assert "textbook" in winnow("generators")[1]
    code, printed = winnow(
        *("generate", dataset.name, "noise", "--set", "noise.rate=0.1", "--wait")
    )
    assert code == 0
    assert "5 of 5 drafts accepted; batch open, 0 of 1 looked at" in printed
    assert "noise" in winnow("runs", dataset.name)[1]
    number = json.loads(winnow("runs", dataset.name, "--json")[1])["items"][0]["number"]
    assert "accepted" in winnow("runs", dataset.name, str(number))[1]
    assert json.loads(winnow("runs", dataset.name, str(number), "--json")[1])["drafts"] == 5
    mine = ("runs", dataset.name, str(number), "--settle")
    assert "The batch can't be approved yet" in winnow(*mine, "approve")[1]
    assert "Reject: 5 samples" in winnow(*mine, "reject", "--wait")[1]
    assert "Undo reject: 5 samples" in winnow(*mine, "undo", "--wait")[1]
    assert "could be taken back" in winnow(*mine, "undo")[1]
    assert winnow("runs", dataset.name, "--settle", "undo")[0] == 2
    code, printed = winnow("synthetic", dataset.name, "--block", "0.9", "--because", "rewrites")
    assert (code, "blocked above 90%; passes because rewrites" in printed) == (0, True)
    assert json.loads(winnow("synthetic", dataset.name, "--json")[1])["guarded"]
    assert winnow("generate", dataset.name, "errors", "--set", "other.x=1")[0] == 2
    code, printed = winnow("generate", dataset.name, "truth")
    assert (code, "There is no generator `truth`" in printed) == (1, True)


def test_the_pages_before_and_after_a_run(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    browser = browser_of(session, lead)
    base = f"/datasets/{dataset.name}/generate"
    page = browser.get(base)
    assert "Nothing was generated here yet" in page.text
    token = BeautifulSoup(page.text, "html.parser").select_one("[name=csrf]")
    assert token is not None
    csrf = {"csrf": str(token["value"])}
    form = {**csrf, "generator": "errors", "errors.rate": "0.2", "errors.form": "text"}
    form |= {"review_percent": "50", "reject_percent": "10"}
    assert "What was asked" not in browser.post(f"{base}/try", data=form).text
    answer = browser.post(base, data=form, follow_redirects=False)
    assert answer.status_code == 303
    job = session.scalars(select(Job).order_by(Job.created_at.desc())).first()
    assert job is not None
    run_job(session, job.id)

    shown = browser.get(answer.headers["Location"]).text
    assert "What came of every request" in shown
    assert "0 of the 3 that were drawn are decided" in shown
    number = answer.headers["Location"].rpartition("/")[2]
    assert (
        browser.post(f"{base}/runs/{number}/draw", data={**csrf, "count": "1"}).status_code == 200
    )
    refused = browser.post(f"{base}/runs/{number}/settle", data={**csrf, "action": "approve"})
    assert refused.status_code == 409
    rejected = browser.post(f"{base}/runs/{number}/settle", data={**csrf, "action": "reject"})
    assert rejected.status_code == 200
    assert "Reject: 5 samples" in rejected.text
    assert "/settle/undo" not in rejected.text  # while it runs
    undo = f"{base}/runs/{number}/settle/undo"
    early = browser.post(undo, data=csrf)
    assert (early.status_code, "Nothing was decided together of run" in early.text) == (409, True)
    assert newest_job(session).error is None
    done = browser.get(f"{base}/runs/{number}").text
    assert "The rest was rejected" in done
    assert "ago: 5 samples." in done
    undoing = browser.post(undo, data=csrf).text
    assert "Undo reject: 5 samples" in undoing
    assert "/settle/undo" not in undoing
    assert newest_job(session).error is None
    assert "The rest was" not in browser.get(f"{base}/runs/{number}").text
    drafts = select(Sample.status).join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
    assert set(session.scalars(drafts)) == {Status.PENDING}
    caps = {**csrf, "warn": "60", "block": "80", "reason": "a set of errors"}
    assert "a set of errors" in browser.post(f"{base}/caps", data=caps).text
    assert browser.post(f"{base}/caps", data={**caps, "warn": "much"}).status_code == 422
    assert browser.get(f"{base}?generator=textbook").status_code == 200
    review = browser.get(f"/datasets/{dataset.name}/review").text
    assert "Review" in review
    bench = make_dataset(session, lead, "bench", Purpose.BENCHMARK)
    assert "never seeds" in browser.get(f"/datasets/{bench.name}/generate").text
    assert browser.get(f"/datasets/{bench.name}/generate/runs/{number}").status_code == 404


def test_a_sample_shows_its_parent_its_gates_and_its_children(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    browser = browser_of(session, lead)
    base = f"/datasets/{dataset.name}/generate"
    page = BeautifulSoup(browser.get(f"{base}?generator=textbook").text, "html.parser")
    token = page.select_one("[name=csrf]")
    assert token is not None
    csrf = {"csrf": str(token["value"])}
    with serving(section) as endpoint:
        add_provider(session, endpoint, admin)
        form = {**csrf, "generator": "textbook", "provider": "local", "language": "en"}
        form |= {f"textbook.{name}": str(value) for name, value in GRID.items()}
        form |= {"section.system": "You write.", "section.user": "no places"}
        assert browser.post(f"{base}/prompts", data=form).status_code == 422
        prompt = page.select_one("#u-section")
        assert prompt is not None
        form["section.user"] = prompt.text.strip().replace("\n", "\r\n") + "\r\nBriefly."
        assert "version 2" in browser.post(f"{base}/prompts", data=form).text
        assert "What was asked" in browser.post(f"{base}/try", data=form).text
        answer = browser.post(base, data={**form, "pilot": "true"}, follow_redirects=False)
        job = session.scalars(select(Job).order_by(Job.created_at.desc())).first()
        assert job is not None
        run_job(session, job.id)
        assert "All 6 requests" in browser.get(answer.headers["Location"]).text
        answer = browser.post(base, data=form, follow_redirects=False)
        job = session.scalars(select(Job).order_by(Job.created_at.desc())).first()
        assert job is not None
        run_job(session, job.id)
    shown = browser.get(answer.headers["Location"])
    assert "6 of 6 cells filled" in shown.text
    link = BeautifulSoup(shown.text, "html.parser").select_one(".tried a.mono")
    assert link is not None
    sample = browser.get(str(link["href"])).text
    assert "How it was made" in sample
    assert "Generated in run" in sample
    assert "required words" in sample

    order = {**csrf, "generator": "errors", "errors.rate": "0.2", "where": "-metadata.run:1"}
    browser.post(base, data=order)
    job = session.scalars(select(Job).order_by(Job.created_at.desc())).first()
    assert job is not None
    assert run_job(session, job.id).error is None
    number = session.get_one(Job, job.id).result["run"]
    queue = {**csrf, "where": f"metadata.run:{number}"}
    browser.post(f"/datasets/{dataset.name}/review-queue", data=queue)
    assert "Made from" in browser.get(f"/datasets/{dataset.name}/review").text


def test_older_runs_are_reached_page_by_page(
    api: TestClient,
    session: Session,
    lead: Principal,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.generation.pages._RUNS", 2)
    path = f"/datasets/{dataset.name}/generate"
    numbers = []
    for seed in range(5):
        order = {"generator": "noise", "params": {"rate": 0.1, "seed": seed}}
        run_job(session, api.post(path, json=order).json()["id"])
        numbers.append(newest_job(session).result["run"])
    browser, seen, at = browser_of(session, lead), [], path
    while at:
        page = BeautifulSoup(browser.get(at).text, "html.parser")
        links = page.select('[aria-label="Runs"] tbody a')
        seen += [int(one.text.split()[1]) for one in links]
        older = page.find("a", string="Older")
        at = f"{path}{older['href']}" if older else ""

    assert seen == numbers[::-1]
