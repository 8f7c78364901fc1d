"""Classifiers end to end: a tiny model made here, its own pipeline as the measure, the signal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from transformers import pipeline

from app.accounts.policies import Principal
from app.classification import service
from app.classification.service import Order
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus, Queue
from app.providers import classifiers
from app.samples import registry
from app.samples.models import Sample
from app.scoring.models import ScoreNote
from tests import tiny_models
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

WORDS = [f"w{n}" for n in range(40)]
TEXTS = [" ".join(WORDS[n : n + 1 + n % 7]) for n in range(30)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.classifier(tmp_path_factory.mktemp("model"), WORDS, ["calm", "toxic"])


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction("Say it.", text) for text in TEXTS])
    return made


def values(session: Session, dataset: Dataset, name: str) -> list[float | None]:
    slot = next(one for one in registry.signals(session, dataset.id) if one.name == name).slot
    query = select(Sample.scores[slot + 1]).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def measure(session: Session, dataset: Dataset, by: Principal, **more: object) -> Job:
    order = Order.model_validate({"signal": "toxic", "label": "toxic", "part": "response", **more})
    return run_job(session, service.start(session, dataset, order, by=by).id)


def test_every_sample_gets_the_probability_that_the_models_own_pipeline_gives(
    session: Session, dataset: Dataset, lead: Principal, folder: Path
) -> None:
    job = measure(session, dataset, lead, model=str(folder))

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.GPU)
    theirs: Any = pipeline("text-classification", model=str(folder), top_k=None)
    wanted = [
        next(one["score"] for one in found if one["label"] == "toxic") for found in theirs(TEXTS)
    ]
    found = values(session, dataset, "toxic")
    assert np.ptp(wanted) > 0.2
    assert np.allclose(np.array(found, float), wanted, atol=1e-5)


def test_of_long_texts_the_beginning_is_read_and_said(
    session: Session, dataset: Dataset, lead: Principal, folder: Path
) -> None:
    start = " ".join(WORDS[:16])
    fill(
        session, dataset, lead, [instruction("Long.", start), instruction("Longer.", start + " w9")]
    )

    measure(session, dataset, lead, model=str(folder))

    *_, whole, cut = values(session, dataset, "toxic")
    assert whole == pytest.approx(cut)
    assert session.scalars(select(ScoreNote.note)).all() == ["16 of 17 tokens were read."]


def test_one_output_is_a_number_and_an_empty_text_has_none(
    session: Session, dataset: Dataset, lead: Principal, tmp_path: Path
) -> None:
    model = tiny_models.classifier(tmp_path, WORDS, ["quality"])
    fill(session, dataset, lead, [instruction("Nothing.", "  ")])

    measure(session, dataset, lead, model=str(model), signal="quality", label="")

    *numbers, nothing = values(session, dataset, "quality")
    assert nothing is None
    assert min(float(one or 0) for one in numbers) < 0  # no probability


def test_what_can_not_be_used_is_told_at_once(
    session: Session, dataset: Dataset, lead: Principal, folder: Path, tmp_path: Path
) -> None:
    causal = tiny_models.drawn(tmp_path, WORDS)
    for model, label, words in (
        (str(folder), "rude", "no label `rude`. There are calm, toxic"),
        (str(folder), "", "more than one label"),
        (str(causal), "toxic", "no classifier of texts"),
        ("/nowhere", "toxic", "no folder /nowhere"),
    ):
        with pytest.raises(InvalidError, match=words):
            measure(session, dataset, lead, model=model, label=label)
    with pytest.raises(ConflictError, match="something else"):
        measure(session, dataset, lead, model=str(folder), signal="words")


def test_a_name_on_the_hub_is_looked_at_by_the_worker(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    job = measure(session, dataset, lead, model="nobody/nothing")

    assert job.status is JobStatus.FAILED
    assert "nobody/nothing could not be read" in str(job.error)


def test_several_labels_at_once_are_sure_each_for_itself(tmp_path: Path) -> None:
    import json  # noqa: PLC0415

    model = tiny_models.classifier(tmp_path, WORDS, ["a", "b", "c"])
    config = json.loads((model / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (model / "config.json").write_text(json.dumps(config))

    sums = sum(classifiers.read(str(model), label, TEXTS).values for label in "abc")

    assert not np.allclose(sums, 1, atol=0.05)


def test_over_rest_in_the_browser_and_on_the_command_line(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_scorers.from_environment", lambda: Here(api, session))
    labels = api.get("/classifier-labels", params={"model": str(folder)}).json()["items"]
    hub = api.get("/classifier-labels", params={"model": "a/b"})
    browser = browser_of(session, lead)
    form = {"signal": "by_hand", "model": str(folder), "label": "calm", "part": "full"}

    sent = browser.post(f"/datasets/{dataset.name}/classify", data=form, follow_redirects=False)
    run_job(session, jobs.newest(session, dataset.id, 1)[0].id)
    code, printed = winnow(
        *("classify", dataset.name, "typed", "--model", folder, "--label", "toxic", "--wait")
    )

    assert labels == ["calm", "toxic"]
    assert (hub.status_code, sent.status_code, code) == (422, 303, 0), printed
    assert "By a classifier" in browser.get(f"/datasets/{dataset.name}/scores").text
    calm, toxic = (np.array(values(session, dataset, one), float) for one in ("by_hand", "typed"))
    assert np.allclose(calm + toxic, 1, atol=1e-5)
