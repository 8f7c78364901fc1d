"""Sources ranked by what their samples are worth."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset
from app.samples import registry
from app.samples.loading import add_batch
from app.samples.models import Sample, Status
from app.samples.packing import Target
from app.scoring import service as scoring
from app.sources import service as sources
from tests.conftest import browser_of
from tests.factories import make_dataset, run_job
from tests.shell import Here, winnow

ERRORS = {"careful": 0.05, "mixed": 0.2, "careless": 0.5}
ROWS = 100
GOOD = "A stack gives back last what came in last; a queue gives back first what came in first."
BAD = "As an AI language model, I cannot help with"


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """Three sources; 5, 20 and 50 of a hundred answers of each are refusals that break off."""
    made = make_dataset(session, lead)
    slots = registry.claim_slots(session, made.id, [registry.imported_spec("stars", "stars")], None)
    for name, share in sorted(ERRORS.items()):
        source = sources.find_or_add(
            session, name=name, origin=Origin.WEB, license_="CC0-1.0", by=lead
        )
        records = [
            Record(
                Kind.INSTRUCTION,
                {
                    "instruction": f"What is a stack? Say it for {name} number {number}.",
                    "input": "",
                    "output": f"{BAD if number < share * ROWS else GOOD}",
                },
                domain="code",
                scores={"stars": 1.0 if number < share * ROWS else 4.0} if number % 2 else {},
            )
            for number in range(ROWS)
        ]
        target = Target(made.id, source, None, {one.name: one for one in slots})
        add_batch(session, target, records)
    session.commit()
    return made


def names(api: TestClient, **query: str) -> list[str]:
    answer = api.get("/datasets/mix/league", params=query)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


def test_sources_come_in_the_order_of_their_planted_errors(
    session: Session, api: TestClient, lead: Principal, bells: list[str], dataset: Dataset
) -> None:
    wanted = [scoring.Wanted("refusal", {}), scoring.Wanted("truncated", {})]
    run_job(session, scoring.start(session, dataset, wanted, by=lead).id)

    assert names(api, rank="refusal:0 truncated:0") == ["careful", "mixed", "careless"]
    assert names(api, rank="-refusal") == ["careful", "mixed", "careless"]
    assert names(api, rank="refusal") == ["careless", "mixed", "careful"]
    best = api.get("/datasets/mix/league?rank=refusal:0").json()["items"][0]
    assert (best["value"], best["rows"], best["measured"]) == (0.95, 100, 100)
    assert 0.88 < best["low"] < 0.95 < best["high"] < 0.98


def test_means_have_intervals_and_what_was_not_measured_does_not_count(
    api: TestClient, dataset: Dataset
) -> None:
    first, *_ = api.get("/datasets/mix/league?rank=stars").json()["items"]

    assert (first["name"], first["measured"]) == ("careful", 50)
    assert first["low"] < first["value"] < first["high"] <= 4.2


def test_what_people_decided_ranks_and_undecided_ones_are_last(
    session: Session, api: TestClient, dataset: Dataset
) -> None:
    for number, sample in enumerate(session.scalars(select(Sample).order_by(Sample.id))):
        if number // ROWS == 0:  # careful
            sample.status = Status.REJECTED if number % 4 == 0 else Status.APPROVED
        elif number // ROWS == 2:  # mixed
            sample.status = Status.DROPPED if number % 2 else Status.APPROVED
    session.commit()

    found = api.get("/datasets/mix/league").json()["items"]

    assert [one["name"] for one in found] == ["mixed", "careful", "careless"]
    assert (found[0]["approved"], found[0]["dropped"], found[0]["value"]) == (50, 50, 1.0)
    assert (found[1]["rejected"], found[1]["value"]) == (25, 0.75)
    assert found[2]["value"] is None
    assert names(api, by="domain") == ["code"]


@pytest.mark.parametrize("query", ["rank=", "rank=nothing>3", "by=weather", "rank=(("])
def test_a_league_that_can_not_be_is_refused(api: TestClient, dataset: Dataset, query: str) -> None:
    assert api.get(f"/datasets/mix/league?{query}").status_code == 422


def test_in_the_browser_and_on_the_command_line(
    session: Session,
    api: TestClient,
    lead: Principal,
    bells: list[str],
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = browser_of(session, lead)
    page = browser.get("/datasets/mix/scores?signal=stars").text
    assert page.index(">careful<") < page.index(">mixed<") < page.index(">careless<")
    low = browser.get("/datasets/mix/scores?signal=stars&low_first=true").text
    assert low.index(">careless<") < low.index(">careful<")
    assert "By domain" in browser.get("/datasets/mix/scores?signal=stars&by=domain").text
    assert "By source" in browser.get("/datasets/mix/scores?signal=stars&by=weather").text

    monkeypatch.setattr("app.cli_catalog.from_environment", lambda: Here(api, session))
    code, said = winnow("league", "mix", "--rank", "-stars")
    assert code == 0
    assert said.index("careless") < said.index("mixed") < said.index("careful")
