"""Perplexity end to end: n-grams that a job counts, a transformer, bands in filters."""

from pathlib import Path

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from torch.nn.functional import log_softmax
from transformers import AutoModelForCausalLM, AutoTokenizer

from app.accounts.policies import Principal
from app.curation.text.surprise import Pairs
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus, Queue
from app.learning import files
from app.perplexity import service
from app.perplexity.service import Order
from app.providers import causal_losses, local_models
from app.samples import registry
from app.samples.models import Sample
from app.samples.search import condition
from app.scoring.models import ScoreNote
from tests import tiny_models
from tests.conftest import browser_of
from tests.curation.text.test_ngram_lm import planted
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")

WORDS = ["red", "green", "blue", "one", "two", "three", "sun", "moon", "star", "sea"]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    pairs = planted(300, seed=1)
    both = zip(pairs.prompts, pairs.answers, strict=True)
    fill(session, made, lead, [instruction(one, other) for one, other in both])
    return made


def measure(session: Session, dataset: Dataset, by: Principal, **order: object) -> Job:
    given = Order.model_validate(order)
    return run_job(session, service.start(session, dataset, given, by=by).id)


def column(session: Session, dataset: Dataset, name: str) -> list[float | None]:
    known = registry.signals(session, dataset.id)
    slot = next(one.slot for one in known if one.name == name)
    query = select(Sample.scores[slot + 1]).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def test_n_grams_of_the_dataset_read_it_and_the_band_keeps_the_middle(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = measure(session, dataset, lead)

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.CPU)
    assert job.result["signals"] == ["perplexity", "ifd", "ifd_ppl"]
    values = np.array(column(session, dataset, "perplexity"), np.float32)
    low, high = (np.float32(job.result[name]) for name in ("p10", "p90"))
    inside = int(((values >= low) & (values <= high)).sum())
    kept = select(func.count()).where(condition(session, dataset.id, job.result["band"]))
    assert session.scalar(kept) == inside
    assert {low, high} <= set(values)
    assert inside == pytest.approx(0.8 * len(values), abs=2)
    ifd = np.array(column(session, dataset, "ifd"), np.float32)
    assert job.result["above_1"] == pytest.approx((ifd > 1).mean(), abs=1e-4)
    signal = next(one for one in registry.signals(session, dataset.id) if one.name == "perplexity")
    assert job.result["band"] in signal.help
    assert "not the lowest" in signal.help
    assert signal.measured_at is not None


def test_the_same_rows_are_the_same_version_and_other_rows_another_one(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = measure(session, dataset, lead)
    again = measure(session, dataset, lead)
    half = measure(session, dataset, lead, on_where="harbour1 OR violin OR the", size=2)

    assert (first.result["version"], again.result["version"]) == (1, 1)
    assert half.result["signals"] == ["perplexity_v2", "ifd_v2", "ifd_ppl_v2"]
    versions = service.versions(session, dataset.id)
    assert [one.version for one in versions] == [2, 1]
    assert versions[0].trained_where == "harbour1 OR violin OR the"


def test_another_dataset_may_be_counted_and_some_rows_alone_read(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    other = make_dataset(session, lead, "other")
    mine = ["Explain the harbour3.", "Explain the tide."]
    fill(session, other, lead, [instruction(one, "Of the harbour3 it is.") for one in mine])

    job = measure(session, other, lead, on="mix", where="tide")

    assert job.result["trained_rows"] == 300
    assert [one is None for one in column(session, other, "ifd")] == [True, False]


def test_a_file_that_is_lost_is_counted_anew(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    measure(session, dataset, lead)
    before = column(session, dataset, "perplexity")
    sha256 = service.versions(session, dataset.id)[0].file_sha256
    files._path(sha256).unlink()  # noqa: SLF001 - what a careless admin does
    service._halves.cache_clear()  # noqa: SLF001

    job = measure(session, dataset, lead)

    assert job.status is JobStatus.SUCCEEDED
    assert column(session, dataset, "perplexity") == before


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"on_where": "nothing_like_it"}, "n-grams take 100 at least"),
        ({"on": "nowhere"}, "nowhere"),
        ({"where": "perplexity>>1"}, ""),
        ({"model": "/nowhere/at/all"}, "There is no folder"),
        ({"model": "gpt2", "on_where": "status:approved"}, "is trained already"),
    ],
)
def test_what_can_t_be_read_by_is_refused(
    session: Session, dataset: Dataset, api: TestClient, order: dict[str, str], words: str
) -> None:
    answer = api.post(f"/datasets/{dataset.name}/perplexity", json=order)

    assert answer.status_code in {404, 422}
    assert words in answer.json()["detail"]


def test_one_job_at_a_time_and_annotators_start_none(
    session: Session, dataset: Dataset, api: TestClient, annotator_api: TestClient
) -> None:
    first = api.post(f"/datasets/{dataset.name}/perplexity", json={})
    second = api.post(f"/datasets/{dataset.name}/perplexity", json={})
    refused = annotator_api.post(f"/datasets/{dataset.name}/perplexity", json={})

    assert first.status_code == 202
    assert first.headers["Location"].endswith(first.json()["id"])
    assert second.status_code == 409
    assert refused.status_code == 403


def test_an_imported_column_keeps_its_name(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [instruction("One more?", scores={"ifd": 3.0})])

    job = measure(session, dataset, lead)

    assert job.result["signals"] == ["perplexity_v2", "ifd_v2", "ifd_ppl_v2"]


# --- transformers -------------------------------------------------------------------------------


def by_hand(folder: Path, before: str, text: str) -> np.ndarray:
    """Losses of a text's tokens after others, one after the other."""
    known, model = (
        AutoTokenizer.from_pretrained(folder),
        AutoModelForCausalLM.from_pretrained(folder),
    )
    ids = [known.eos_token_id, *known(before)["input_ids"]]
    losses = []
    for token in known(text)["input_ids"]:
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        losses.append(-float(log_softmax(logits.double(), 0)[token]))
        ids.append(token)
    return np.array(losses)


PROMPTS = ["red green", "sun moon star sea one", "", "blue"]
ANSWERS = ["blue one", "two three sun moon red red green sea", "star sea sun", ""]


def test_losses_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)

    read = causal_losses.read(str(folder), Pairs(PROMPTS, ANSWERS))

    for place in range(2):
        given = by_hand(folder, PROMPTS[place], ANSWERS[place]).mean()
        alone = by_hand(folder, "", ANSWERS[place]).mean()
        whole = by_hand(folder, "", f"{PROMPTS[place]} {ANSWERS[place]}").mean()
        assert read.found.ifd[place] == pytest.approx(given / alone, rel=1e-4)
        assert read.found.ratio[place] == pytest.approx(np.exp(given - alone), rel=1e-4)
        assert read.found.perplexity[place] == pytest.approx(np.exp(whole), rel=1e-4)
    text = by_hand(folder, "", ANSWERS[2])
    assert read.found.perplexity[2] == pytest.approx(np.exp(text.mean()), rel=1e-4)
    assert np.isnan(read.found.ifd[2:]).all()
    assert (read.read == read.there).all()


def test_batches_and_short_memory_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 20))) for _ in range(40)]
    pairs = Pairs(texts, texts[::-1])
    whole = causal_losses.read(str(folder), pairs)
    held = local_models.load(str(folder))
    forward, sizes = held.model.forward, []

    def little_room(ids: torch.Tensor, **more: torch.Tensor) -> object:
        if len(ids) > 3:
            raise RuntimeError("CUDA out of memory.")
        sizes.append(len(ids))
        return forward(ids, **more)

    monkeypatch.setattr(held.model, "forward", little_room)
    halved = causal_losses.read(str(folder), pairs)

    assert max(sizes) == 3 or max(sizes) == 2
    assert np.allclose(whole.found.ifd, halved.found.ifd, rtol=1e-4)
    assert np.allclose(whole.found.perplexity, halved.found.perplexity, rtol=1e-4)


def test_a_transformer_reads_a_dataset_and_tells_what_it_cut(
    session: Session, lead: Principal, tmp_path: Path
) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS, length=32)
    made = make_dataset(session, lead)
    long = " ".join(WORDS * 10)
    rows = [instruction("red green", "blue one"), instruction("sun", long), instruction(long, long)]
    fill(session, made, lead, rows)

    job = measure(session, made, lead, model=str(folder))

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.GPU)
    given = by_hand(folder, "red green", "blue one").mean()
    alone = by_hand(folder, "", "blue one").mean()
    assert column(session, made, "ifd")[0] == pytest.approx(given / alone, rel=1e-4)
    assert all(one is not None for one in column(session, made, "ifd"))
    notes = session.scalars(select(ScoreNote.note).order_by(ScoreNote.sample_id)).all()
    assert notes == ["31 of 101 tokens were read.", "31 of 200 tokens were read."]
    version = service.versions(session, made.id)[0]
    assert (version.model, version.trained_rows) == (str(folder), 0)


def test_a_model_that_is_gone_fails_the_job_with_a_sentence(
    session: Session, dataset: Dataset, lead: Principal, tmp_path: Path
) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)
    order = Order(model=str(folder))
    job = service.start(session, dataset, order, by=lead)
    (folder / "config.json").unlink()

    found = run_job(session, job.id)

    assert found.status is JobStatus.FAILED
    assert "config.json is missing" in str(found.error)


# --- the page -----------------------------------------------------------------------------------


def test_it_is_measured_in_the_browser_and_over_rest(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    browser = browser_of(session, lead)
    empty = browser.get(f"/datasets/{dataset.name}/perplexity")

    form = {"on": dataset.name, "size": "2", "model": "", "where": "", "on_where": ""}
    browser.post(f"/datasets/{dataset.name}/perplexity", data=form)
    run_job(session, jobs.newest(session, dataset.id, 1)[0].id)
    page = browser.get(f"/datasets/{dataset.name}/perplexity")
    (found,) = api.get(f"/datasets/{dataset.name}/perplexity").json()["items"]

    assert "Nothing is measured yet" in empty.text
    assert "2-grams of mix" in page.text
    assert f"{found['found']['p10']} to {found['found']['p90']}" in page.text
    assert found["signals"] == ["perplexity", "ifd", "ifd_ppl"]
