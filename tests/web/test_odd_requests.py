"""Requests that no client of ours sends: each is refused in words, none is a fault."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.settings import settings
from app.web.pagination import encode_cursor
from tests.conftest import browser_of
from tests.factories import fill, make_dataset, numbered, run_job

_NOBODY = "00000000-0000-0000-0000-000000000000"
_JSON = {"Content-Type": "application/json"}


@pytest.fixture
def mix(session: Session, lead: Principal, bells: list[str]) -> None:
    fill(session, make_dataset(session, lead), lead, numbered(5))


def problem(answer: Any, status: int = 422) -> str:
    """The sentence of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: str = answer.json()["detail"]
    return said


@pytest.mark.parametrize(
    "key",
    [
        ("2026", "x"),
        (None, None),
        (5, 5),
        ("2026-01-01T00:00:00", _NOBODY),  # at which hour that is depends on the place
        ("99999-01-01", _NOBODY),
        ("2026-01-01T00:00:00+00:00",),
    ],
)
def test_a_cursor_that_the_list_of_jobs_never_gave(api: TestClient, key: tuple[Any, ...]) -> None:
    assert "cursor" in problem(api.get("/jobs", params={"cursor": encode_cursor(*key)}))


@pytest.mark.parametrize("key", [None, "1", 1.5, True, [1], {}, -1, 2**63])
def test_a_cursor_without_an_id(
    api: TestClient, admin_api: TestClient, mix: None, key: Any
) -> None:
    cursor = {"cursor": encode_cursor(key)}

    problem(admin_api.get("/audit", params=cursor))
    samples = {"cursor": encode_cursor("-id", 1, key)}
    problem(api.get("/datasets/mix/samples", params=samples))


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("words", "x"),
        ("words", [1]),
        ("words", {}),
        ("words", True),
        ("changed", "x"),
        ("changed", 5),
        ("status", 5),
        ("kept", "true"),
    ],
)
def test_a_cursor_with_a_value_that_no_row_has(
    api: TestClient, mix: None, sort: str, value: Any
) -> None:
    asked = {"sort": sort, "cursor": encode_cursor(sort, value, 1)}

    assert "another list" in problem(api.get("/datasets/mix/samples", params=asked))


@pytest.mark.parametrize("sort", ["words", "-words", "changed", "status", "kept", "external_id"])
def test_every_order_reads_its_own_cursors(api: TestClient, mix: None, sort: str) -> None:
    asked = {"sort": sort, "limit": "2", "fields": "id"}
    first = api.get("/datasets/mix/samples", params=asked).json()
    second = api.get("/datasets/mix/samples", params={**asked, "cursor": first["next"]}).json()

    ids = [one["id"] for one in first["items"] + second["items"]]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("path", ["a\0b", "x" * 3000, "é" * 1300])
def test_a_path_that_no_file_can_have(api: TestClient, mix: None, path: str) -> None:
    settings().import_folder.mkdir(parents=True, exist_ok=True)

    assert "path" in problem(api.post("/datasets/mix/imports", json={"path": path}))


@pytest.mark.parametrize(
    "form", [{"map": "[]"}, {"map": '"x"'}, {"license": "no such"}, {"origin": "moon"}]
)
def test_files_of_a_refused_import_do_not_stay(
    api: TestClient, mix: None, form: dict[str, str]
) -> None:
    before = set(settings().uploads.glob("*"))
    files = {"file": ("a.jsonl", b'{"instruction": "a", "output": "b"}\n')}

    problem(api.post("/datasets/mix/imports", files=files, data=form))

    assert set(settings().uploads.glob("*")) == before


def test_an_upload_without_a_name_gets_one(session: Session, api: TestClient, mix: None) -> None:
    files = {"file": (".", b'{"instruction": "a", "output": "b"}\n')}

    job = api.post("/datasets/mix/imports", files=files).json()

    assert job["title"] == "Import upload"
    assert run_job(session, job["id"]).result["created"] == 1


@pytest.mark.parametrize("score", ["1e39", "-1e39", "1e400", "9" * 400, "true", '"1"'])
def test_a_score_that_no_signal_can_hold(api: TestClient, mix: None, score: str) -> None:
    row = f'{{"kind": "text", "body": {{"text": "a"}}, "scores": {{"edu": {score}}}}}'

    posted = api.post("/datasets/mix/samples", content=row, headers=_JSON).json()

    assert posted["created"] == 0
    assert "`scores.edu` must be a number" in posted["rejected"][0]["reason"]


def test_names_without_end(api: TestClient, mix: None) -> None:
    long = '{"kind": "text", "body": {"text": "a"}, "scores": {"%s": 1}}' % ("x" * 5000)
    language = '{"kind": "text", "body": {"text": "a"}, "language": "%s"}' % ("x" * 5000)

    for row in (long, language):
        posted = api.post("/datasets/mix/samples", content=row, headers=_JSON).json()
        assert "at most" in posted["rejected"][0]["reason"]


def test_thousands_of_words_are_not_searched(api: TestClient, mix: None) -> None:
    for where in ("a " * 1999, " OR ".join(["a"] * 60), "-(" + "b " * 51 + ")"):
        assert "at most 50" in problem(api.post("/datasets/mix/preview", json={"where": where}))
    many = api.post("/datasets/mix/preview", json={"where": "a " * 50})
    phrase = api.post("/datasets/mix/preview", json={"where": f'"{"a " * 1999}"'})
    assert many.status_code == phrase.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/keys", '{"user": "\\ud800@example.org", "role": "lead"}'),
        ("/keys", '{"user": "%s", "role": "lead"}' % ("x" * 200_000)),
        ("/datasets/mix/releases", '{"name": "one", "formats": ["\\ud800"]}'),
        ("/datasets/mix/releases", '{"name": "\\udfff", "formats": ["jsonl"]}'),
        ("/datasets/mix/preview", '{"where": "\\ud800"}'),
        ("/datasets/mix/preview", '{"where": NaN}'),
    ],
)
def test_texts_that_are_none_are_refused_in_few_words(
    admin_api: TestClient, mix: None, path: str, body: str
) -> None:
    answer = admin_api.post(path, content=body, headers=_JSON)

    problem(answer)
    assert len(answer.content) < 10_000


def test_a_body_nested_without_end(api: TestClient, mix: None) -> None:
    for body in ("[" * 100_000, '{"where":' * 100_000):
        problem(api.post("/datasets/mix/preview", content=body, headers=_JSON), 400)


def test_a_link_for_nobody(session: Session, admin: Principal) -> None:
    answer = browser_of(session, admin).post(f"/settings/people/{_NOBODY}/link")

    assert answer.status_code == 404
    assert "no such person" in answer.text


def test_an_origin_that_is_none_in_the_form(session: Session, lead: Principal, mix: None) -> None:
    files = {"file": ("a.jsonl", b'{"instruction": "a", "output": "b"}\n')}

    answer = browser_of(session, lead).post(
        "/datasets/mix/import", files=files, data={"origin": "moon"}
    )

    assert answer.status_code == 422
    assert "moon" in answer.text
