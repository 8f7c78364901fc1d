"""Embedding end to end: the job as a worker runs it, vectors in the table, what changes later."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.embeddings import indexing, service, storing
from app.embeddings.models import EmbeddingModel, Part, SampleEmbedding
from app.errors import ConflictError, ForbiddenError
from app.jobs.models import Job, JobStatus
from app.providers import embedders
from app.providers.embedders import Tier
from app.samples import service as samples
from app.samples.models import Sample
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow, winnow_json

pytestmark = pytest.mark.usefixtures("bells")

TOPICS = ("Bake bread with flour.", "Sort a list of numbers.", "Plant a tree in spring.")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    rows = [instruction(f"{TOPICS[n % 3]} Way {n}", f"Answer {n}.") for n in range(12)]
    fill(session, made, lead, [*rows, instruction("???", "!!!")])
    return made


def embed(session: Session, dataset: Dataset, by: Principal, tier: Tier = Tier.STATIC) -> Job:
    return run_job(session, service.start(session, dataset, tier, by=by).id)


def stored(session: Session, part: Part = Part.FULL) -> int:
    return session.scalar(select(func.count()).where(SampleEmbedding.part == part)) or 0


def ids_of(session: Session, dataset: Dataset) -> list[int]:
    query = select(Sample.id).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return list(session.scalars(query))


def test_every_sample_gets_the_vector_of_its_text(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = embed(session, dataset, lead)

    assert (job.status, job.error, job.total) == (JobStatus.SUCCEEDED, None, 13)
    assert job.result["width"] == 256
    model = service.model_of(session, Tier.STATIC)
    ids = ids_of(session, dataset)
    vectors = storing.read(session, model, Part.FULL, ids, [1] * 13)
    wanted = service.embedder(Tier.STATIC).embed([f"{TOPICS[0]} Way 0\n\nAnswer 0."])[0]
    assert np.allclose(vectors[0], wanted, atol=1e-3)
    assert not vectors[12].any()
    assert stored(session) == 13


def test_a_second_run_does_what_changed_and_nothing_else(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    embed(session, dataset, lead)
    first = ids_of(session, dataset)[0]
    new = {"instruction": "Fly to the moon.", "input": "", "output": "In a rocket."}
    samples.edit(session, first, new, revision=1, by=lead)
    session.commit()

    assert embed(session, dataset, lead).total == 1
    assert embed(session, dataset, lead).total == 0
    assert stored(session) == 13
    revision = session.scalar(
        select(SampleEmbedding.revision).where(SampleEmbedding.sample_id == first)
    )
    assert revision == 2


def test_a_vector_of_an_older_revision_never_replaces_a_newer_one(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    embed(session, dataset, lead)
    model = service.model_of(session, Tier.STATIC)
    first = ids_of(session, dataset)[0]

    storing.write(session, model, Part.FULL, [first], [0], np.ones((1, 256), np.float32))

    kept = storing.read(session, model, Part.FULL, [first], [1])
    assert np.linalg.norm(kept[0]) == pytest.approx(1, abs=1e-2)


def test_vectors_of_two_models_are_never_mixed(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    embed(session, dataset, lead)
    other = EmbeddingModel(fingerprint="other", tier="static", width=3)
    session.add(other)
    session.flush()

    assert service.count_missing(session, dataset.id, other, Part.FULL) == 13
    with pytest.raises(ConflictError, match="never mixed"):
        service.vectors(session, other, Part.FULL, ids_of(session, dataset), [1] * 13)


def test_parts_are_made_when_they_are_asked_for(session: Session, dataset: Dataset) -> None:
    model = service.model_of(session, Tier.STATIC)
    ids = ids_of(session, dataset)

    prompts = service.vectors(session, model, Part.PROMPT, ids, [1] * 13)
    again = service.vectors(session, model, Part.PROMPT, ids[::-1], [1] * 13)

    assert np.array_equal(prompts, again[::-1])
    assert np.linalg.norm(prompts[:12], axis=1) == pytest.approx(np.ones(12), abs=1e-2)
    assert not prompts[12].any()
    assert (stored(session, Part.PROMPT), stored(session)) == (13, 0)


def test_both_tiers_stand_side_by_side(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    for tier in Tier:
        assert embed(session, dataset, lead, tier).status is JobStatus.SUCCEEDED

    found = api.get("/datasets/mix/embeddings").json()["items"]

    assert [(one["tier"], one["embedded"], one["total"]) for one in found] == [
        ("static", 13, 13),
        ("transformer", 13, 13),
    ]
    assert stored(session) == 26


def test_one_run_at_a_time_and_leads_alone(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    service.start(session, dataset, Tier.STATIC, by=lead)

    with pytest.raises(ConflictError, match="right now"):
        service.start(session, dataset, Tier.STATIC, by=lead)
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, Tier.STATIC, by=annotator)


def test_vectors_go_with_their_sample_and_the_index_with_its_dataset(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "LARGE", 5)
    embed(session, dataset, lead)
    model = service.model_of(session, Tier.STATIC)
    named = "SELECT count(*) FROM pg_indexes WHERE indexname = :name"
    name = {"name": indexing.name(dataset.id, model)}
    assert session.scalar(text(named), name) == 1

    session.execute(delete(Sample).where(Sample.id == ids_of(session, dataset)[0]))
    assert stored(session) == 12
    indexing.drop_all(session, dataset.id)
    assert session.scalar(text(named), name) == 0


def test_the_verbs(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_models.from_environment", lambda: Here(api, session))

    found = winnow_json("search", "mix", "--like", "a loaf of bread", "--limit", 2)
    job = winnow_json("embed", "mix", "--wait")
    code, table = winnow("search", "mix", "--like-sample", found["items"][0]["id"])

    assert len(found["items"]) == 2
    assert "bread" in found["items"][0]["body"]["instruction"]
    assert (job["status"], job["total"]) == ("succeeded", 0)
    assert code == 0
    assert table.startswith("similarity")
    assert winnow("search", "mix")[0] == 2


def test_the_name_of_the_model_is_shown() -> None:
    assert embedders.name_of("") == "all-MiniLM-L6-v2"
    assert embedders.name_of("org/model") == "org/model"
