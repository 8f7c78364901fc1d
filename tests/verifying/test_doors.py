"""Verifying over REST, on the command line and in the browser's pages."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import UnavailableError
from app.jobs.models import Job, JobStatus
from app.samples.models import Sample
from app.sandbox import reported, strength
from app.settings import settings
from app.verifying import service
from app.verifying.service import Order
from tests.conftest import browser_of
from tests.factories import fill, make_dataset, run_job
from tests.shell import Here, winnow
from tests.verifying.test_verifying import sums

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, sums(5, {1}))
    return made


@pytest.fixture
def here(api: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli_scorers.from_environment", lambda: Here(api, session))


def test_over_rest_from_the_list_of_verifiers_to_the_reason(
    api: TestClient, session: Session, dataset: Dataset
) -> None:
    listed = {one["key"]: one for one in api.get("/verifiers").json()["items"]}
    order = {"verifier": "math_answer", "params": {"tolerance": 0}, "where": ""}
    answer = api.post(f"/datasets/{dataset.name}/verify", json=order)
    run_job(session, answer.json()["id"])

    assert listed["code_tests"]["needs"] == "sandbox"
    assert "reference" in listed["math_answer"]["params"]["properties"]
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(answer.json()["id"])
    found = api.get(f"/datasets/{dataset.name}/verification").json()
    assert found["at_least"] is None
    assert found["rates"][0] == {
        "name": "all",
        "title": "All verifiers together",
        "rows": 5,
        "verified": 4,
        "refuted": 1,
        "unchecked": 0,
        "share": 0.8,
    }
    wrong = api.get(f"/datasets/{dataset.name}/samples?where=math_answer:0").json()["items"]
    (badge,) = api.get(f"/samples/{wrong[0]['id']}/verdicts").json()["items"]
    assert badge["verdict"] == "refuted"
    assert badge["reason"] == "It answers `It is 3.`, `2` is right."
    some = api.get(f"/datasets/{dataset.name}/verification?where=external_id:sum-1").json()
    assert some["rates"][0]["share"] == 0


def test_the_gate_over_rest(api: TestClient, dataset: Dataset) -> None:
    path = f"/datasets/{dataset.name}/verification"

    assert api.put(path, json={"at_least": 0.9}).json()["at_least"] == 0.9
    assert api.put(path, json={"at_least": 90}).status_code == 422
    assert api.put(path, json={"at_least": None}).json()["at_least"] is None


@pytest.mark.usefixtures("here")
def test_on_the_command_line(dataset: Dataset) -> None:
    where = "external_id:sum-1 OR external_id:sum-2"
    reference = "math_answer.reference=metadata.answer"
    code, printed = winnow(
        *("verify", dataset.name, "math_answer", "--where", where, "--set", reference, "--wait"),
    )
    assert code == 0
    assert "verified 1" in printed
    assert "refuted 1" in printed

    assert "could not be checked" not in printed

    code, printed = winnow("verified", dataset.name, "--gate", "0.9")
    assert code == 0
    assert "Gate of releases: 90% verified" in printed
    assert (
        json.loads(winnow("verified", dataset.name, "--gate", "none", "--json")[1])["at_least"]
        is None
    )
    assert "math_answer" in winnow("verifiers")[1]


@pytest.mark.usefixtures("here")
def test_what_could_not_be_checked_is_counted(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    body = {"instruction": "How much is 1 + 1?", "input": "", "output": "It is 2."}
    fill(session, dataset, lead, [Record(Kind.INSTRUCTION, body, external_id="open")])

    verb = ("verify", dataset.name, "math_answer")
    code, printed = winnow(*verb, "--set", "math_answer.reference=metadata.answer", "--wait")

    assert code == 0
    for said in ("rows 6", "verified 4", "refuted 1", "uncheckable 1"):
        assert said in printed
    assert "1 row could not be checked" in printed


@pytest.mark.usefixtures("here")
def test_what_is_wrong_on_the_command_line_is_said(dataset: Dataset) -> None:
    code, printed = winnow("verify", dataset.name, "math_answer", "--set", "other.x=1")
    assert (code, "--set takes math_answer.PARAM=VALUE" in printed) == (2, True)

    code, printed = winnow("verify", dataset.name, "truth")
    assert (code, "There is no verifier `truth`" in printed) == (1, True)
    assert winnow("verified", dataset.name, "--gate", "much")[0] == 1


def test_the_page_before_and_after_a_run(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    browser = browser_of(session, lead)
    page = browser.get(f"/datasets/{dataset.name}/verify")
    assert "Nothing is verified yet" in page.text
    token = BeautifulSoup(page.text, "html.parser").select_one("[name=csrf]")
    assert token is not None
    form = {
        "csrf": str(token["value"]),
        "verifier": "math_answer",
        "math_answer.tolerance": "0",
        "again": "true",
    }

    started = browser.post(f"/datasets/{dataset.name}/verify", data=form, follow_redirects=False)
    assert started.status_code == 303
    assert "Verify: Answer is mathematically right" in browser.get(started.headers["Location"]).text
    run_job(session, session.scalars(select(Job.id)).one())

    page = browser.get(started.headers["Location"])
    text = " ".join(BeautifulSoup(page.text, "html.parser").get_text(" ").split())
    assert "All verifiers together 4 1 0 80.0 %" in text
    assert "It answers `It is 3.`, `2` is right." in text
    wrong = session.scalars(select(Sample).where(Sample.external_id == "sum-1")).one()
    scores = browser.get(f"/datasets/{dataset.name}/scores?signal=math_answer").text
    assert f"/datasets/{dataset.name}/verify?verifier=math_answer" in scores
    sample = browser.get(f"/samples/{wrong.id}").text
    assert "refuted" in sample
    assert "`2` is right." in sample


def test_the_gate_on_the_page(session: Session, dataset: Dataset, lead: Principal) -> None:
    browser = browser_of(session, lead)
    page = browser.get(f"/datasets/{dataset.name}/verify").text
    token = BeautifulSoup(page, "html.parser").select_one("[name=csrf]")
    assert token is not None
    path = f"/datasets/{dataset.name}/verify/gate"

    for percent, gate in (("90", 0.9), ("", None)):
        browser.post(path, data={"csrf": str(token["value"]), "percent": percent})
        session.expire_all()
        assert session.get_one(Dataset, dataset.id).verified_at_least == gate
    bad = browser.post(path, data={"csrf": str(token["value"]), "percent": "900"})
    assert bad.status_code == 422


def test_an_annotator_sees_the_page_without_its_forms(
    session: Session, dataset: Dataset, annotator: Principal
) -> None:
    page = browser_of(session, annotator).get(f"/datasets/{dataset.name}/verify").text

    assert "There is no gate." in page
    assert 'id="run"' not in page


def test_what_workers_say_of_their_sandboxes_is_shown(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = settings().model_copy(update={"home": tmp_path})
    monkeypatch.setattr(reported, "settings", lambda: elsewhere)
    assert reported.everything() == []

    reported.report()
    reported.report()  # again: what was said before is replaced
    (reported._folder() / "broken.json").write_text("{")  # noqa: SLF001 - a file half written

    (said,) = api.get("/sandboxes").json()["items"]
    assert said["backend"] == strength.box().name
    assert "none" in said["kept"]["Network"]
    browser = browser_of(session, lead)
    assert said["kept"]["Verdict"] in browser.get("/settings").text
    assert said["machine"] in browser.get(f"/datasets/{dataset.name}/verify").text


def test_a_home_that_can_not_be_written_stops_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    elsewhere = settings().model_copy(update={"home": tmp_path / "file"})
    monkeypatch.setattr(reported, "settings", lambda: elsewhere)

    reported.report()

    assert reported.everything() == []


def test_without_a_sandbox_the_job_says_what_to_install(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise UnavailableError("Programs can't be run here. Install Bubblewrap.")

    monkeypatch.setattr(service, "box", refused)

    job = run_job(
        session, service.start(session, dataset, Order(verifier="code_tests"), by=lead).id
    )

    assert (job.status, job.error) == (
        JobStatus.FAILED,
        "Programs can't be run here. Install Bubblewrap.",
    )
