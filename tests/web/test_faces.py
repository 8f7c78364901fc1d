"""Errors with three faces, and what every answer carries."""

import pytest
from fastapi.testclient import TestClient
from psycopg.errors import AdminShutdown
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts import login
from app.accounts.models import Role, User
from app.accounts.policies import Principal
from app.accounts.service import add_user
from tests.conftest import browser_of
from tests.factories import make_dataset


@pytest.fixture
def browser(session: Session, lead: Principal, bells: list[str]) -> TestClient:
    return browser_of(session, lead)


def test_the_same_refusal_as_json_toast_and_page(browser: TestClient, api: TestClient) -> None:
    problem = api.get("/datasets/nothing")
    toast = browser.get("/datasets/nothing", headers={"HX-Request": "true"})
    page = browser.get("/datasets/nothing")

    assert problem.status_code == toast.status_code == page.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["detail"] == "There is no dataset `nothing`."
    assert toast.headers["hx-retarget"] == "#toasts"
    assert "<html" not in toast.text
    assert "There is no dataset `nothing`." in toast.text
    assert "<title>Not found" in page.text


def test_a_fault_tells_the_request_id_and_nothing_else(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_session: Session) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("app.datasets.service.everything", broken)

    answer = browser.get("/", headers={"X-Request-Id": "abc-123"})

    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "abc-123" in answer.text


def test_while_the_database_is_away_it_says_so(
    browser: TestClient, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_session: Session) -> None:
        raise OperationalError("SELECT 1", {}, AdminShutdown("terminating connection"))

    monkeypatch.setattr("app.datasets.service.everything", away)
    monkeypatch.setattr("app.accounts.idempotency._reserve", lambda *_: away(_[0]))
    key = {"Idempotency-Key": "once"}

    answers = [browser.get("/"), api.get("/datasets"), api.post("/datasets", headers=key)]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all("database can&#39;t be reached" in one.text.replace("'", "&#39;") for one in answers)


def test_a_wrong_body_names_each_bad_field(api: TestClient) -> None:
    answer = api.post("/datasets", json={"name": 7, "purpose": "nothing"})

    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["body.name", "body.purpose"]


def test_every_answer_has_safe_headers(browser: TestClient) -> None:
    headers = browser.get("/").headers

    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]
    assert "HX-Request" in headers["vary"]


def test_who_is_not_signed_in_is_sent_to_the_login(session: Session, browser: TestClient) -> None:
    browser.cookies.clear()

    page = browser.get("/datasets/mix?x=1", follow_redirects=False)
    fragment = browser.get("/datasets/mix", headers={"HX-Request": "true"})

    assert page.status_code == 303
    assert page.headers["location"].endswith("/login?next=%2Fdatasets%2Fmix%3Fx%3D1")
    assert "/login" in fragment.headers["hx-redirect"]
    shown = {"HX-Request": "true", "HX-Current-URL": "http://testserver/datasets/mix/generate?a=b"}
    part = browser.get("/jobs/7/row", headers=shown)
    assert part.headers["hx-redirect"].endswith("next=%2Fdatasets%2Fmix%2Fgenerate%3Fa%3Db")


def test_a_form_without_its_token_is_refused(browser: TestClient) -> None:
    del browser.headers["X-CSRF-Token"]

    assert browser.post("/datasets", data={"name": "mix"}).status_code == 403
    assert browser.post("/datasets", data={"name": "mix", "csrf": "wrong"}).status_code == 403


def test_signing_in_by_password_goes_on_where_one_wanted(
    session: Session, browser: TestClient, admin: Principal
) -> None:
    add_user(session, email="x@example.org", role=Role.LEAD, password="long enough pw", by=admin)
    session.commit()
    browser.cookies.clear()
    form = {"email": "x@example.org", "password": "wrong password", "next": "//evil.example"}

    wrong = browser.post("/login", data=form)
    right = browser.post("/login", data=form | {"password": "long enough pw"})

    assert wrong.status_code == 401
    assert "don&#39;t belong together" in wrong.text
    assert right.history[0].headers["location"] == "/"
    assert browser.post("/logout").status_code == 403  # a new login has a new token


def test_a_link_signs_in(session: Session, browser: TestClient, lead: Principal) -> None:
    browser.cookies.clear()
    token = login.make_login_link(session, session.get_one(User, lead.id))
    session.commit()

    answer = browser.get(f"/login/{token}?next=/settings")

    assert answer.url.path == "/settings"
    assert browser.get(f"/login/{token}").status_code == 401


def test_machines_ask_how_it_does(session: Session, browser: TestClient) -> None:
    assert browser.get("/healthz").json() == {"status": "ok"}
    assert browser.get("/readyz").json() == {"status": "ok"}
    metrics = browser.get("/metrics").text
    assert "winnow_requests_total" in metrics
    assert "# TYPE winnow_jobs gauge" in metrics


def test_the_api_describes_itself(browser: TestClient) -> None:
    page = browser.get("/api/docs")

    assert page.status_code == 200
    assert "/api/v1/datasets/{name}/samples" in page.text


PAGES = [
    "/",
    "/datasets/mix",
    "/datasets/mix/samples",
    "/datasets/mix/facets",
    "/datasets/mix/complete?where=sta&at=3",
    "/datasets/mix/scores",
    "/datasets/mix/filters",
    "/datasets/mix/review",
    "/datasets/mix/import",
    "/datasets/mix/releases",
    "/datasets/mix/jobs",
    "/datasets/mix/nav",
    "/menu/datasets?current=mix",
    "/settings",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_with_no_data(
    session: Session, lead: Principal, browser: TestClient, path: str
) -> None:
    make_dataset(session, lead)

    assert browser.get(path).status_code == 200


def test_a_form_that_a_script_sent_is_told_in_words_where_it_stands(browser: TestClient) -> None:
    stay = {"X-Form": "stay"}

    refused = browser.post("/datasets", data={"name": "a b", "purpose": "sft"}, headers=stay)
    missing = browser.post("/datasets", data={}, headers=stay)
    made = browser.post("/datasets", data={"name": "mix", "purpose": "sft"}, headers=stay)

    assert (refused.status_code, missing.status_code) == (422, 422)
    assert refused.headers["content-type"] == "application/problem+json"
    assert "a b" in refused.json()["detail"] or "name" in refused.json()["detail"]
    assert "body.name" in missing.json()["detail"]
    assert (made.status_code, made.text) == (204, "")
    assert made.headers["location"].endswith("/datasets/mix/import")


def test_without_a_script_the_page_leads_back_to_the_form(browser: TestClient) -> None:
    def back(referer: str) -> str:
        return browser.post("/datasets", data={}, headers={"Referer": referer}).text

    assert '<a class="btn primary" href="/?x=1">Back to the form</a>' in back(
        f"{browser.base_url}/?x=1"
    )
    assert "Back to the form" not in back("https://elsewhere.example/")
    assert "Back to the form" not in browser.get("/datasets/nothing").text
