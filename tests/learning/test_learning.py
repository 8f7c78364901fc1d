"""Learning end to end: labels in the database, the job as a worker runs it, scores of all rows."""

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import backup
from app.accounts.policies import Principal
from app.backup import Snapshot
from app.curation.learners.bench import Cut, lowest_with
from app.curation.learners.metrics import auroc
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs.models import Job, JobStatus
from app.learning import files, labels, service
from app.learning.models import LearnedScorer
from app.learning.service import Order
from app.review import service as review
from app.review.models import Verdict
from app.samples import registry
from app.samples.models import Sample
from app.settings import settings
from tests.curation.conftest import real_data
from tests.factories import fill, instruction, make_dataset, run_job
from tests.learning.planted import educational, two_styles
from tests.shell import Here, winnow, winnow_json

__all__ = ["real_data"]  # the fixture

pytestmark = pytest.mark.usefixtures("bells")

WORDS = {True: "The theorem follows by induction", False: "lol buy cheap pills now"}


def row(number: int, good: bool, label: float | None) -> Record:
    scores = {} if label is None else {"grade": label}
    return instruction(f"Question {number}", f"{WORDS[good]} {number}.", scores=scores)


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """60 rows, 40 of them with a grade: 5 for good ones, 1 for bad ones."""
    made = make_dataset(session, lead)
    rows = [row(n, n % 2 == 0, (5.0 if n % 2 == 0 else 1.0) if n < 40 else None) for n in range(60)]
    fill(session, made, lead, rows)
    return made


def learn(session: Session, dataset: Dataset, by: Principal, **more: object) -> Job:
    given = {"signal": "quality", "labels": "grade", "cut": 3.0, "learner": "logistic", **more}
    return run_job(session, service.start(session, dataset, Order(**given), by=by).id)  # type: ignore[arg-type]


def scores(session: Session, dataset: Dataset, name: str) -> np.ndarray:
    slots = {one.name: one.slot for one in registry.signals(session, dataset.id)}
    column = Sample.scores[slots[name] + 1]
    query = select(column).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return np.array(session.scalars(query).all(), float)


@pytest.mark.parametrize("learner", ["forest", "ridge", "logistic", "boosting", "contrastive"])
def test_every_row_gets_a_score_from_the_labels_of_some(
    session: Session, dataset: Dataset, lead: Principal, learner: str
) -> None:
    job = learn(session, dataset, lead, learner=learner)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    found = scores(session, dataset, "quality")
    assert np.isfinite(found).all()
    assert found[40::2].min() > found[41::2].max()
    assert job.result["auroc"][0] == 1
    row = session.scalars(select(LearnedScorer)).one()
    assert (row.labelled, row.version, row.signal) == (40, 1, "quality")
    assert {"at", "kept", "precision", "recall", "kept_of_all"} <= row.bench[0].keys()


def test_what_needs_no_learning_is_rated_beside_it(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    job = api.post("/datasets/mix/scores", json={"signals": [{"key": "lengths"}]}).json()
    run_job(session, job["id"])

    beside = learn(session, dataset, lead).result["beside"]

    assert beside.pop("words")[0] == 0.5  # all rows have as many words
    ((name, (value, low, high)),) = beside.items()
    assert name in session.scalars(select(LearnedScorer)).one().features
    assert 0.5 < low <= value <= high <= 1


def test_answers_to_one_question_are_validated_together(session: Session, lead: Principal) -> None:
    made = make_dataset(session, lead, "twice")
    rows = [
        instruction(f"Question {n // 2}", f"Answer {n} of it.", scores={"grade": n % 2})
        for n in range(40)
    ]
    fill(session, made, lead, [*rows, Record(Kind.TEXT, {"text": "alone"}, scores={"grade": 1})])

    found = labels.read(session, made.id, "grade", None)

    assert found.questions is not None
    assert found.questions.tolist() == [*(n // 2 for n in range(40)), 20]


def test_grades_without_a_cut_are_learned_as_numbers(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = learn(session, dataset, lead, cut=None, learner="ridge")

    assert job.result["spearman"][0] > 0.8
    assert scores(session, dataset, "quality")[40::2].mean() > 3.5
    assert session.scalars(select(LearnedScorer)).one().bench == []


def test_decisions_are_labels_and_the_newest_that_stands_counts(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    ids = session.scalars(select(Sample.id).order_by(Sample.id)).all()
    for place, sample_id in enumerate(ids[:30]):
        verdict = Verdict.APPROVE if place % 2 == 0 else Verdict.REJECT
        review.decide(session, sample_id, verdict=verdict, revision=1, by=lead)
    wrong = review.decide(session, ids[0], verdict=Verdict.REJECT, revision=1, by=lead)
    review.undo(session, wrong.id, by=lead)
    review.decide(session, ids[30], verdict=Verdict.SKIP, revision=1, by=lead)

    job = learn(session, dataset, lead, labels="decisions", cut=None)

    assert (job.result["labels"], job.result["auroc"][0]) == (30, 1)


def test_learning_again_writes_beside_and_the_same_labels_change_nothing(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    learn(session, dataset, lead)
    first = scores(session, dataset, "quality")
    assert learn(session, dataset, lead).result["signal"] == "quality"
    assert learn(session, dataset, lead, learner="ridge").result["signal"] == "quality_v2"

    assert np.array_equal(scores(session, dataset, "quality"), first)
    known = service.versions(session, dataset.id, "quality")
    assert [(one.version, one.learner) for one in known] == [(2, "ridge"), (1, "logistic")]
    assert known[0].fingerprint != known[1].fingerprint


def test_a_file_that_was_changed_is_not_used(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    learn(session, dataset, lead)
    row = session.scalars(select(LearnedScorer)).one()
    path = files._path(row.file_sha256)  # noqa: SLF001
    path.write_bytes(path.read_bytes() + b"x")

    with pytest.raises(ConflictError, match="missing or damaged"):
        service.load(row)
    assert learn(session, dataset, lead).status is JobStatus.SUCCEEDED
    assert files.is_whole(row.file_sha256)


def test_a_backup_holds_what_was_learned(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    learn(session, dataset, lead)
    row = session.scalars(select(LearnedScorer)).one()

    found, missing = backup._files(settings().home, Snapshot("", {}, [], []))  # noqa: SLF001

    assert f"models/learned/{row.file_sha256}.npz" in {name for name, _ in found}
    assert missing == []


def test_heuristics_are_features_and_imported_columns_are_not(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    job = api.post("/datasets/mix/scores", json={"signals": [{"key": "lengths"}]}).json()
    run_job(session, job["id"])

    learn(session, dataset, lead)

    names = session.scalars(select(LearnedScorer)).one().features
    assert "response_words" in names
    assert "grade" not in names


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"labels": "nothing"}, "no label `nothing` here. There are: decisions, ladder, grade"),
        ({"labels": "decisions", "cut": None}, "0 rows have a label; learning takes 20"),
        ({"labels": "decisions"}, "a cut is for labels of a signal"),
        ({"cut": 9.0}, "All 40 labels say bad"),
        ({"cut": None}, "Give a cut"),
        ({"learner": "oracle"}, "no learner `oracle`"),
        ({"signal": "Bad Name"}, "small letters"),
        ({"params": {"strength": -1}}, "strength must be more than 0[.]"),
    ],
)
def test_what_can_not_be_learned_is_said(
    session: Session, dataset: Dataset, lead: Principal, given: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidError, match=words):
        learn(session, dataset, lead, **given)


@pytest.mark.parametrize("name", ["grade", "words"])
def test_a_taken_name_is_refused(
    session: Session, dataset: Dataset, lead: Principal, name: str
) -> None:
    with pytest.raises(ConflictError, match="something else"):
        learn(session, dataset, lead, signal=name)


def test_the_same_content_with_opposite_labels_is_refused(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    twin = instruction("question 0", f"{WORDS[True]} 0.", scores={"grade": 1.0})
    fill(session, dataset, lead, [twin])

    with pytest.raises(InvalidError, match="say the same and have opposite labels"):
        learn(session, dataset, lead)


def test_a_pool_unlike_the_labels_raises_the_alarm(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    assert learn(session, dataset, lead).result["drift_alarm"] is False
    fill(session, dataset, lead, [row(n, False, None) for n in range(100, 400)])

    assert learn(session, dataset, lead).result["drift_alarm"] is True


def test_the_verb_and_the_list(
    session: Session,
    dataset: Dataset,
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_derived.from_environment", lambda: Here(api, session))

    code, printed = winnow(
        *("learn", "mix", "quality", "--labels", "grade", "--cut", 3, "--learner", "contrastive"),
        "--wait",
    )
    again = winnow_json(
        "learn", "mix", "other", "--labels", "grade", "--learner", "ridge", "--wait"
    )
    listed = api.get("/datasets/mix/learned").json()["items"]

    assert code == 0, printed
    assert "quality, learned from 40 labels; out of fold:" in printed
    assert "auroc" in printed
    assert again["result"]["spearman"][0] > 0.5
    assert [one["signal"] for one in listed] == ["other", "quality"]
    assert "held_out" not in listed[0]["metrics"]
    assert len(api.get("/learners").json()["items"]) == 5


def test_a_forest_finds_a_quarter_of_good_documents(
    session: Session, lead: Principal, real_data: Path
) -> None:
    """200 labels of 2,000 documents, 25 % of them good."""
    made = make_dataset(session, lead, "web")
    planted = educational(real_data, 500, 1500)
    assert len(planted) == 2000
    labelled = set(np.random.default_rng(5).permutation(2000)[:200].tolist())
    fill(
        session,
        made,
        lead,
        [
            Record(Kind.TEXT, {"text": text}, scores={"edu": 5.0 * good} if n in labelled else {})
            for n, (text, good) in enumerate(planted)
        ],
    )

    job = learn(session, made, lead, signal="edu_forest", labels="edu", learner="forest")

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    rest = np.array([n for n in range(2000) if n not in labelled])
    good = np.array([good for _, good in planted], float)[rest]
    found = scores(session, made, "edu_forest")[rest]
    assert auroc(good, found) >= 0.95
    bench = session.scalars(select(LearnedScorer)).one().bench
    names = ("at", "kept", "precision", "recall")
    cut = lowest_with([Cut(*(one[name] for name in names)) for one in bench], 0.9)
    assert cut is not None
    kept = found >= np.float32(cut.at)
    assert good[kept].mean() >= 0.9
    predicted = next(one["kept_of_all"] for one in bench if one["at"] == cut.at)
    assert abs(predicted - kept.mean()) <= 0.03
    assert abs(cut.kept[0] - kept.mean()) <= 0.03


def test_a_contrastive_head_tells_two_styles_apart(
    session: Session, lead: Principal, real_data: Path
) -> None:
    """100 decisions of 2,000 samples."""
    made = make_dataset(session, lead, "styles")
    planted = two_styles(real_data, 1000)
    samples = fill(session, made, lead, [instruction(one, other) for one, other, _ in planted])
    good = np.array([good for _, _, good in planted], float)
    assert len(samples) == 2000
    for sample, (_, _, helpful) in list(zip(samples, planted, strict=True))[:100]:
        verdict = Verdict.APPROVE if helpful else Verdict.REJECT
        review.decide(session, sample.id, verdict=verdict, revision=1, by=lead)

    job = learn(session, made, lead, labels="decisions", cut=None, learner="contrastive")

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    found = scores(session, made, "quality")[100:]
    assert auroc(good[100:], found) >= 0.9
    best = np.argsort(-found)[: len(found) // 5]
    assert good[100:][best].mean() >= 0.95
