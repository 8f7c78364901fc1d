"""What a release is made of unasked: formats that fit its rows, tags that people gave."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.campaigns.models import Campaign, Labeller
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset
from app.generation import batches, guards
from app.generation import service as generation
from app.generation.guards import CapIn
from app.generation.models import GenerationRun
from app.generation.service import Order
from app.releases.formats import FORMATS, usual
from app.releases.models import Release
from app.samples.models import Sample, Status
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

pytestmark = pytest.mark.usefixtures("bells")
PAIR = Record(Kind.PREFERENCE, {"prompt": "Why?", "chosen": "Since it is.", "rejected": "No."})


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def approved(
    session: Session, dataset: Dataset, by: Principal, records: Sequence[Record]
) -> list[Sample]:
    made = fill(session, dataset, by, records)
    session.execute(
        update(Sample).where(Sample.dataset_id == dataset.id).values(status=Status.APPROVED)
    )
    session.commit()
    return made


@pytest.mark.parametrize(
    ("kinds", "formats"),
    [
        ([Kind.PREFERENCE], ["jsonl-dpo", "jsonl-dpo-messages"]),
        ([Kind.CHAT, Kind.INSTRUCTION], ["jsonl", "jsonl-messages"]),
        ([Kind.COMPLETION], ["jsonl", "jsonl-messages"]),
        ([Kind.TEXT], ["jsonl"]),
        ([Kind.PREFERENCE, Kind.CHAT], ["jsonl"]),
        ([], ["jsonl"]),
    ],
)
def test_the_usual_formats_hold_all_rows_of_the_kinds(
    kinds: list[Kind], formats: list[str]
) -> None:
    assert usual(kinds) == formats
    assert set(formats) <= set(FORMATS)


def ticked(page: str) -> set[str]:
    return {one for one in FORMATS if f'name="formats" value="{one}" checked' in page}


def test_what_is_ticked_and_made_unasked_fits_what_the_filter_holds(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient, monkeypatch: Any
) -> None:
    approved(session, dataset, lead, [PAIR, instruction("Why?")])
    browser = browser_of(session, lead)
    page = "/datasets/mix/releases"
    assert ticked(browser.get(page).text) == {"jsonl"}
    pairs = browser.get(page, params={"where": "kind:preference"}).text
    assert ticked(pairs) == {"jsonl-dpo", "jsonl-dpo-messages"}
    others = browser.get(page, params={"where": "-kind:preference"}).text
    assert ticked(others) == {"jsonl", "jsonl-messages"}

    made = api.post(page, json={"name": "pairs", "where": "kind:preference"}).json()
    assert run_job(session, made["id"]).error is None
    assert api.get("/releases/pairs").json()["formats"] == ["jsonl-dpo", "jsonl-dpo-messages"]
    assert api.post(page, json={"name": "none", "formats": []}).status_code == 422

    monkeypatch.setattr("app.cli_work.from_environment", lambda: Here(api, session))
    code, said = winnow("release", "mix", "chats", "--where", "-kind:preference", "--wait")
    assert (code, said) == (0, said)
    assert api.get("/releases/chats").json()["formats"] == ["jsonl", "jsonl-messages"]


def test_what_is_exported_unasked_is_there(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient, monkeypatch: Any
) -> None:
    approved(session, dataset, lead, [PAIR])
    made = api.post("/datasets/mix/releases", json={"name": "v1"}).json()
    run_job(session, made["id"])
    session.expire_all()
    monkeypatch.setattr("app.cli_work.from_environment", lambda: Here(api, session))

    refused = winnow("export", "v1", "--format", "parquet", "-o", "x.parquet")
    assert "has no parquet; it has jsonl-dpo, jsonl-dpo-messages" in refused[1]
    asked: list[str] = []
    took: Callable[..., None] = lambda _self, path, *_rest: asked.append(path)  # noqa: E731
    monkeypatch.setattr(Here, "download", took, raising=False)
    assert winnow("export", "v1", "-o", "x.jsonl")[0] == 0
    assert asked == ["/releases/v1/files/jsonl-dpo.jsonl"]


def test_tags_by_which_winnow_finds_samples_again_are_left_out(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    text, human = "There was a keeper of a light.", Origin.HUMAN
    seeds = [instruction(f"Tell story {n}.", text, origin=human) for n in range(6)]
    fill(session, dataset, lead, seeds)
    order = Order(generator="noise", review_share=0.5)
    run_job(session, generation.start(session, dataset, order, by=lead).id)
    run = session.scalars(select(GenerationRun)).one()
    look = batches.tag_of(run)
    drawn = select(Sample.id).where(Sample.tags.contains([look]))
    assert len(session.scalars(drawn).all()) == 3
    how = {"size": 3, "labeller": Labeller.PEOPLE, "how": {}, "clusters": 0, "seed": 0}
    session.add(Campaign(dataset_id=dataset.id, name="gold", where="", **how))
    own = f"look-{run.number + 1}"  # what somebody else called it so
    for sample in session.scalars(select(Sample).where(Sample.origin == "synthetic")):
        sample.tags = [*(sample.tags or []), "gold", own]
    run.review_share = 0
    guards.set_cap(session, dataset, CapIn(override_reason="a test"), by=lead)
    approved(session, dataset, lead, [instruction("Why?", tags=("kept", look))])

    made = api.post("/datasets/mix/releases", json={"name": "v1"}).json()
    assert run_job(session, made["id"]).error is None

    rows = [json.loads(one) for one in api.get("/releases/v1/files/jsonl.jsonl").text.splitlines()]
    tags = [one.get("tags") for one in rows]
    assert sorted(tags, key=str) == sorted([None] * 6 + [[own]] * 6 + [["kept"]], key=str)
    paged = api.get("/releases/v1/rows").json()["items"]
    assert [one.get("tags") for one in paged] == tags
    release = session.scalars(select(Release)).one()
    said = json.dumps(release.manifest) + api.get("/releases/v1/files/README.md").text
    assert look not in said
    assert look in api.get(f"/samples/{session.scalars(drawn).first()}").json()["tags"]
