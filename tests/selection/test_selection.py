"""Ensembles and selections end to end: over REST, in the browser, on the command line."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.learners.base import Floats
from app.datasets.models import Dataset
from app.jobs.models import JobStatus
from app.samples import registry
from app.samples.models import Sample
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

COUNT = 400


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """400 rows, three quarters of them code; `first` rises, `second` falls, ten lack `second`."""
    made = make_dataset(session, lead)
    rows = [
        instruction(
            f"Question {number}?",
            domain="math" if number % 4 == 0 else "code",
            scores={"first": float(number)}
            | ({} if number < 10 else {"second": float(-number) ** 3}),
        )
        for number in range(COUNT)
    ]
    fill(session, made, lead, rows)
    return made


def column(session: Session, dataset: Dataset, name: str) -> Floats:
    slots = {one.name: one.slot for one in registry.signals(session, dataset.id)}
    query = select(Sample.scores[slots[name] + 1]).where(Sample.dataset_id == dataset.id)
    return np.array(session.scalars(query.order_by(Sample.id)).all(), float)


def run(session: Session, api: TestClient, path: str, body: dict[str, object]) -> dict[str, object]:
    answer = api.post(f"/datasets/mix/{path}", json=body)
    assert answer.status_code == 202, answer.text
    job = run_job(session, answer.json()["id"])
    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    return job.result


def test_an_ensemble_takes_the_highest_bucket_or_the_mean_of_them(
    session: Session, api: TestClient, dataset: Dataset
) -> None:
    scores = ["first", "second"]
    run(session, api, "ensembles", {"signal": "best", "signals": scores})
    run(session, api, "ensembles", {"signal": "middle", "signals": scores, "by": "mean"})

    rising = np.arange(COUNT) // 20
    falling = np.r_[np.zeros(10), (np.arange(390) * 20 // 390)[::-1]]
    assert np.array_equal(column(session, dataset, "best"), np.maximum(rising, falling))
    assert np.allclose(column(session, dataset, "middle")[10:], (rising + falling)[10:] / 2)
    assert np.array_equal(column(session, dataset, "middle")[:10], rising[:10])


def test_the_best_rows_are_chosen_and_the_others_told_apart_from_those_not_asked(
    session: Session, api: TestClient, dataset: Dataset
) -> None:
    body = {"signal": "pick", "score": "second", "count": 40, "where": "domain:code"}
    result = run(session, api, "selections", body)

    found = column(session, dataset, "pick")
    code = np.arange(COUNT) % 4 != 0
    assert result == {"signal": "pick", "rows": int((code[10:]).sum()), "chosen": 40}
    assert np.flatnonzero(found == 1).tolist() == (np.flatnonzero(code[10:]) + 10)[:40].tolist()
    assert np.isnan(found[~code]).all()
    assert np.isnan(found[:10]).all()
    page = api.get("/datasets/mix/samples?where=pick:1&limit=100").json()
    assert len(page["items"]) == 40


def test_quotas_keep_the_mix_that_the_top_alone_shifts(
    session: Session, api: TestClient, dataset: Dataset
) -> None:
    body = {"signal": "fair", "score": "first", "count": 100, "selector": "quota"}
    run(session, api, "selections", body)
    equal = {**body, "signal": "alike", "params": {"share": "equal", "tau": 2.0}, "seed": 7}
    run(session, api, "selections", equal)
    first = column(session, dataset, "alike")
    run(session, api, "selections", equal)

    math = np.arange(COUNT) % 4 == 0
    assert column(session, dataset, "fair")[math].sum() == 25
    assert np.array_equal(np.flatnonzero(column(session, dataset, "fair") == 1)[-1:], [COUNT - 1])
    assert column(session, dataset, "alike")[math].sum() == 50
    assert np.array_equal(column(session, dataset, "alike"), first)


def test_quotas_go_by_source_too(session: Session, api: TestClient, dataset: Dataset) -> None:
    body = {"signal": "pick", "score": "first", "count": 9, "selector": "quota", "group": "source"}
    assert run(session, api, "selections", body)["chosen"] == 9


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("ensembles", {"signals": ["first", "first"]}, "named twice"),
        ("ensembles", {"signals": ["first", "nothing"]}, "There is no signal `nothing` here."),
        ("ensembles", {"signals": ["first", "second"], "signal": "first"}, "something else here"),
        ("ensembles", {"signals": ["first", "second"], "signal": "No"}, "small letters"),
        ("selections", {"score": "nothing", "count": 1}, "There is no signal `nothing` here."),
        ("selections", {"score": "first", "count": 1, "selector": "luck"}, "no selector `luck`"),
        (
            "selections",
            {"score": "first", "count": 1, "selector": "quota", "params": {"tau": -1}},
            "quota.tau",
        ),
        ("selections", {"score": "first", "count": 1, "where": "nothing>1"}, "nothing"),
    ],
)
def test_what_is_wrong_is_said_before_a_job_starts(
    api: TestClient, dataset: Dataset, path: str, body: dict[str, object], says: str
) -> None:
    answer = api.post(f"/datasets/mix/{path}", json={"signal": "made", **body})

    assert answer.status_code in {404, 409, 422}
    assert says in answer.json()["detail"]


def test_one_job_per_signal_and_only_by_leads(
    session: Session, api: TestClient, annotator_api: TestClient, dataset: Dataset
) -> None:
    body = {"signal": "pick", "score": "first", "count": 3}
    assert annotator_api.post("/datasets/mix/selections", json=body).status_code == 403
    first = api.post("/datasets/mix/selections", json=body)
    assert api.post("/datasets/mix/selections", json=body).status_code == 409

    run_job(session, first.json()["id"])
    assert api.get("/datasets/mix/derived").json()["items"][0]["recipe"]["count"] == 3


def test_a_score_that_went_meanwhile_fails_the_job_with_a_sentence(
    session: Session, api: TestClient, dataset: Dataset
) -> None:
    body = {"signal": "pick", "score": "first", "count": 3}
    started = api.post("/datasets/mix/selections", json=body).json()
    slot = next(one for one in registry.signals(session, dataset.id) if one.name == "first")
    session.delete(slot)

    job = run_job(session, started["id"])

    assert (job.status, job.error) == (
        JobStatus.FAILED,
        "`first` is gone meanwhile. Choose another score.",
    )


def test_in_the_browser(
    session: Session, lead: Principal, bells: list[str], dataset: Dataset
) -> None:
    browser = browser_of(session, lead)
    assert "Nothing was chosen yet" in browser.get("/datasets/mix/select").text
    form = {"signal": "pick", "score": "first", "count": "8", "selector": "quota"}
    sent = browser.post(
        "/datasets/mix/select", data=form | {"quota.share": "equal"}, follow_redirects=False
    )
    assert sent.status_code == 303
    run_job(session, bells[-1])
    combine = {"signal": "both", "of.first": "1", "of.second": "1", "by": "mean"}
    browser.post("/datasets/mix/select/ensemble", data=combine)
    assert "Combine first, second as both" in browser.get("/datasets/mix/select").text
    run_job(session, bells[-1])

    page = browser.get("/datasets/mix/select?signal=pick").text
    assert "Keep only these" in page
    assert "math</td>" in page
    assert "50.0 %" in page  # four of eight rows, of a quarter before
    assert "Set a threshold" in browser.get("/datasets/mix/select?signal=both").text
    wrong = browser.post("/datasets/mix/select", data=form | {"count": "none"})
    assert (wrong.status_code, "selection.count" in wrong.text) == (422, True)
    alone = browser.post("/datasets/mix/select/ensemble", data={"signal": "x", "by": "max"})
    assert (alone.status_code, "ensemble.signals" in alone.text) == (422, True)


def test_on_the_command_line(
    session: Session, api: TestClient, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli_derived.from_environment", lambda: Here(api, session))

    code, said = winnow("combine", "mix", "both", "first", "second", "--by", "mean", "--wait")
    assert (code, "rows 400" in said) == (0, True)
    code, said = winnow(
        *("select", "mix", "pick", "--by", "both", "--count", "10", "--selector", "temperature"),
        *("--set", "tau=0.5", "--where", "domain:math", "--wait"),
    )
    assert (code, "chosen 10" in said) == (0, True)
