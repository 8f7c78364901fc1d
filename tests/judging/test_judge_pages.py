"""Judges and providers in the browser."""

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.jobs import service as jobs
from app.judging import rubrics, service
from app.llm import service as llm
from app.llm.service import ProviderIn
from tests.conftest import browser_of
from tests.endpoint import Answer, graded, serving
from tests.factories import fill, instruction, make_dataset, run_job


def _form(browser: TestClient, session: Session, name: str) -> dict[str, str]:
    from app.judging.pages import _as_form  # noqa: PLC0415

    return _as_form(rubrics.get(session, name).rubric)


def test_a_rubric_is_tried_saved_and_judged_by(
    session: Session, lead: Principal, admin: Principal, bells: list[str]
) -> None:
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction(f"Question {n}?") for n in range(8)])
    browser = browser_of(session, lead)
    with serving(lambda _: graded(3, "It explains <b>why</b>.")) as endpoint:
        given = ProviderIn(name="local", url=endpoint.url, model="tiny")
        llm.save(session, given, by=admin)
        session.commit()
        form = _form(browser, session, "accuracy_judge") | {"criteria": "It is right.\nIt is true."}

        tried = browser.post("/datasets/mix/judges/try", data={**form, "provider": "local"})
        saved = browser.post("/datasets/mix/judges/rubric", data=form)
        started = browser.post(
            "/datasets/mix/judges",
            data={"rubric": "accuracy_judge", "provider": "local", "sample": "5", "budget": "1"},
        )
        job = jobs.newest(session, made.id, 1)[0]
        run_job(session, job.id)

    assert tried.text.count("It explains &lt;b&gt;") == 5
    assert "version 2" in saved.text
    assert started.status_code == 200
    assert "It is true." in endpoint.requests[-1]["messages"][0]["content"]
    assert [one.name for one in service.signals(session, made)] == ["accuracy_judge"]
    assert service.signals(session, made)[0].version == 2


def test_an_older_version_is_opened_compared_and_tried_once(
    session: Session, lead: Principal, admin: Principal
) -> None:
    fill(session, make_dataset(session, lead), lead, [instruction("Question?")])
    browser = browser_of(session, lead)
    form = _form(browser, session, "accuracy_judge") | {"criteria": "It is right.\nIt is true."}
    browser.post("/datasets/mix/judges/rubric", data=form)

    page = browser.get("/datasets/mix/judges?rubric=accuracy_judge&version=1").text

    assert "From version 1 to 2" in page
    assert "<ins>" in page
    assert "Save as version 3" in page
    assert "It is true." not in page.split("From version")[0]
    assert "additionalProperties" in page
    gone = browser.get("/datasets/mix/judges?rubric=accuracy_judge&version=7")
    assert gone.status_code == 404
    with serving(lambda _: Answer("busy", status=503)) as endpoint:
        given = ProviderIn(name="local", url=endpoint.url, model="tiny")
        llm.save(session, given, by=admin)
        session.commit()
        tried = browser.post("/datasets/mix/judges/try", data={**form, "provider": "local"})
    assert "503" in tried.text
    assert len(endpoint.requests) == 1  # who waits for a page is told at once


def test_a_wrong_rubric_is_refused_in_words(
    session: Session, lead: Principal, bells: list[str]
) -> None:
    make_dataset(session, lead)
    browser = browser_of(session, lead)
    form = _form(browser, session, "accuracy_judge") | {"criteria": ""}

    answer = browser.post("/datasets/mix/judges/rubric", data=form)

    assert answer.status_code == 422
    assert "rubric.criteria" in answer.text


def test_providers_are_added_tested_and_removed(session: Session, admin: Principal) -> None:
    browser = browser_of(session, admin)
    with serving(lambda _: graded(1)) as endpoint:
        data = {"name": "local", "url": endpoint.url, "model": "tiny", "key": "sk-hidden"}
        page = browser.post("/settings/providers", data=data)
        tested = browser.post("/settings/providers/test", data={"name": "local"})
    edited = browser.get("/settings/providers?edit=local").text
    gone = browser.post("/settings/providers/test", data={"name": "local"})
    removed = browser.post("/settings/providers/remove", data={"name": "local"})

    assert "tiny" in page.text
    assert "sk-hidden" not in page.text
    assert "It answered" in tested.text
    assert "Change local" in edited
    assert f'value="{endpoint.url}"' in edited
    assert "sk-hidden" not in edited
    assert "can&#39;t be reached" in gone.text
    assert "No model yet" in removed.text


def test_a_wrong_provider_is_shown_again_without_its_key(
    session: Session, admin: Principal
) -> None:
    browser = browser_of(session, admin)
    data = {"name": "x", "url": "ftp://nowhere", "model": "m", "key": "sk-hidden"}

    answer = browser.post("/settings/providers", data=data)

    assert answer.status_code == 422
    assert "http:// or https://" in answer.text
    assert "sk-hidden" not in answer.text
