"""Search by meaning: against numpy, with filters, with the index, on real data."""

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.embeddings import indexing, service
from app.embeddings.nearest import Like, search
from app.errors import ConflictError, InvalidError, NotFoundError
from app.providers.embedders import Tier
from app.samples import service as samples
from app.samples.models import SampleBody
from tests.alpaca import alpaca
from tests.curation.conftest import real_data
from tests.factories import fill, instruction, make_dataset, run_job

__all__ = ["real_data"]  # the fixture

pytestmark = pytest.mark.usefixtures("bells")

QUESTION = "How do plants make food?"
ROWS = 1500


@pytest.fixture
def dataset(session: Session, lead: Principal, real_data: Path) -> Dataset:
    """Rows of Alpaca, embedded."""
    made = make_dataset(session, lead)
    records = [
        instruction(row["instruction"], row["output"], domain="abc"[n % 3])
        for n, row in enumerate(alpaca(real_data, ROWS))
    ]
    fill(session, made, lead, records)
    run_job(session, service.start(session, made, Tier.STATIC, by=lead).id)
    return made


def brute_force(session: Session, dataset: Dataset, question: str, count: int) -> list[int]:
    """The nearest by numpy."""
    rows = session.execute(
        select(SampleBody.sample_id, SampleBody.text).order_by(SampleBody.sample_id)
    ).all()
    embedder = service.embedder(Tier.STATIC)
    near = embedder.embed([row.text for row in rows]) @ embedder.embed([question])[0]
    return [rows[place].sample_id for place in np.argsort(-near)[:count]]


@pytest.mark.parametrize("large", [True, False], ids=["by index", "one by one"])
def test_the_nearest_are_found(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    wanted = brute_force(session, dataset, QUESTION, 20)
    if large:
        monkeypatch.setattr(indexing, "LARGE", 100)
        indexing.build(session, dataset.id, service.model_of(session, Tier.STATIC), 10)
        session.execute(text("SET LOCAL enable_seqscan = off"))

    found = search(session, dataset, Like(QUESTION), limit=20)

    ids = [one.sample.id for one in found]
    near = [one.similarity for one in found]
    assert len(set(ids) & set(wanted)) >= 19
    assert near == sorted(near, reverse=True)
    assert 0.5 < near[0] <= 1


@pytest.mark.parametrize("large", [True, False], ids=["by index", "one by one"])
def test_a_filter_costs_no_results(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """As many as asked for, however few of the nearest match."""
    if large:
        monkeypatch.setattr(indexing, "LARGE", 100)
        indexing.build(session, dataset.id, service.model_of(session, Tier.STATIC), 10)
        session.execute(text("SET LOCAL enable_seqscan = off"))

    found = search(session, dataset, Like(QUESTION), where="domain:b words>=20", limit=100)

    assert len(found) == 100
    assert {one.sample.domain for one in found} == {"b"}
    assert min(one.sample.words for one in found) >= 20


def test_the_index_is_used(session: Session, dataset: Dataset) -> None:
    model = service.model_of(session, Tier.STATIC)
    indexing.build(session, dataset.id, model, 10)
    zeros = ",".join(["0.1"] * model.width)
    plan = session.scalars(
        text(
            "EXPLAIN SELECT sample_id FROM sample_embeddings "
            f"WHERE {indexing.covered(dataset.id, model)} "
            f"ORDER BY (vector::halfvec({model.width})) <=> '[{zeros}]' LIMIT 5"
        )
    )
    assert indexing.name(dataset.id, model) in "\n".join(plan)


def test_a_sample_is_like_others_but_not_in_its_own_list(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    first = brute_force(session, dataset, QUESTION, 1)[0]

    found = api.get("/datasets/mix/search", params={"like_sample": first, "limit": 5}).json()

    ids = [one["id"] for one in found["items"]]
    assert len(ids) == 5
    assert first not in ids
    assert {"similarity", "body", "scores", "status"} <= found["items"][0].keys()


def test_an_edited_sample_is_found_by_its_new_text_alone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = brute_force(session, dataset, QUESTION, 1)[0]
    body = {"instruction": "Repair a bicycle chain.", "input": "", "output": "With a chain tool."}
    samples.edit(session, first, body, revision=1, by=lead)
    session.commit()

    assert first not in {one.sample.id for one in search(session, dataset, Like(QUESTION))}
    with pytest.raises(ConflictError, match="edited since"):
        search(session, dataset, Like(sample_id=first))
    run_job(session, service.start(session, dataset, Tier.STATIC, by=lead).id)
    nearest = search(session, dataset, Like("a bicycle chain tool"), limit=1)[0]
    assert nearest.sample.id == first


@pytest.mark.parametrize(
    ("like", "error", "words"),
    [
        (Like(), InvalidError, "Give either a text"),
        (Like("both", 1), InvalidError, "Give either a text"),
        (Like("?!"), InvalidError, "no word"),
        (Like(sample_id=2**60), NotFoundError, "no sample"),
    ],
)
def test_what_can_not_be_looked_for(
    session: Session, dataset: Dataset, like: Like, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        search(session, dataset, like)


def test_nothing_embedded_is_said(session: Session, lead: Principal, api: TestClient) -> None:
    make_dataset(session, lead, "bare")

    answer = api.get("/datasets/bare/search", params={"like": "words"})

    assert answer.status_code == 409
    assert "winnow embed bare --wait" in answer.json()["detail"]
