"""Looking for duplicates end to end: signatures, pairs, clusters, signals."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobChunk, JobStatus
from app.matching import deciding, keeping, marking, service
from app.matching.models import MatchCluster, MatchMember, MatchPair, MatchSignature
from app.releases import service as releases
from app.samples import bulk, registry
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.samples.search import condition
from tests.conftest import browser_of
from tests.factories import fill, make_dataset, run_job
from tests.matching.texts import plain, planted

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def match(
    session: Session, dataset: Dataset, by: Principal, key: str = "minhash", **given: object
) -> Job:
    params = given.pop("params", {})
    job = service.start(session, dataset, key, params, by=by, **given)  # type: ignore[arg-type]
    return run_job(session, job.id)


def test_planted_pairs_are_found_and_unrelated_ones_are_not(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [*planted(30, 0.9), *planted(10, 0.3, seed=2)])

    job = match(session, dataset, lead)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert job.result["clusters"] == job.result["pairs"] == job.result["members"] == 30


def scores(session: Session, dataset: Dataset, name: str) -> list[float | None]:
    slot = {one.name: one.slot for one in registry.signals(session, dataset.id)}[name]
    query = select(Sample.scores[slot + 1]).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def counted(session: Session, dataset: Dataset, where: str) -> int:
    return len(
        session.scalars(select(Sample.id).where(condition(session, dataset.id, where))).all()
    )


def test_every_sample_gets_the_signals_and_filters_read_them(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [*planted(2, 0.9), plain("alone here"), plain("!?")])

    match(session, dataset, lead)

    assert scores(session, dataset, "near_duplicate") == [0, 1, 0, 1, 0, 0]
    assert scores(session, dataset, "duplicate_cluster_size") == [2, 2, 2, 2, 1, 1]
    assert all(one is not None for one in scores(session, dataset, "duplicate_similarity"))
    assert counted(session, dataset, "near_duplicate:false") == 4
    assert counted(session, dataset, "near_duplicate:true duplicate_similarity>=0.8") == 2


def test_only_what_is_new_or_edited_is_signed_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = fill(session, dataset, lead, planted(3, 0.9))
    first = match(session, dataset, lead)
    samples.edit(session, rows[0].id, {"text": "other words"}, revision=1, by=lead)
    fill(session, dataset, lead, [plain("something new")])

    second = match(session, dataset, lead)

    assert (first.total, second.total) == (6, 2)
    assert second.result["clusters"] == 2
    assert session.scalar(select(func.count()).select_from(MatchSignature)) == 7
    runs = service.runs(session, dataset.id)
    assert [one.job_id for one in runs] == [second.id]
    assert session.scalar(select(func.count()).select_from(MatchCluster)) == 2


def test_another_threshold_signs_nothing(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, planted(40, 0.85))
    match(session, dataset, lead, params={"threshold": 0.95})

    lower = match(session, dataset, lead, params={"threshold": 0.7})

    assert lower.total == 0
    assert lower.result["clusters"] >= 38


def test_a_worker_killed_in_the_middle_goes_on_and_doubles_nothing(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(session, dataset, lead, planted(20, 0.9))
    whole = marking.mark

    def dies(*_given: Any) -> int:
        raise OSError("killed")

    monkeypatch.setattr(marking, "mark", dies)
    job = match(session, dataset, lead)
    assert job.status is JobStatus.FAILED
    assert session.scalar(select(func.count()).select_from(MatchPair)) == 0
    monkeypatch.setattr(marking, "mark", whole)

    jobs.retry(session, job.id, by=lead)
    job = run_job(session, job.id)

    assert (job.status, job.result["clusters"]) == (JobStatus.SUCCEEDED, 20)
    assert session.scalar(select(func.count()).select_from(MatchCluster)) == 20
    assert session.scalar(select(func.count()).select_from(MatchMember)) == 20
    assert session.scalar(select(func.count()).select_from(MatchSignature)) == 40


def test_a_finished_chunk_that_runs_again_changes_nothing(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, planted(5, 0.9))
    job = match(session, dataset, lead)
    session.execute(update(JobChunk).values(status=JobStatus.QUEUED))
    job.status = JobStatus.QUEUED

    again = run_job(session, job.id)

    assert again.result["clusters"] == 5
    assert session.scalar(select(func.count()).select_from(MatchMember)) == 5
    assert session.scalar(select(func.count()).select_from(MatchPair)) == 5


def released(session: Session, dataset: Dataset, by: Principal) -> None:
    for one in session.scalars(select(Sample).where(Sample.dataset_id == dataset.id)):
        samples.set_status(session, one, Status.APPROVED, by=by, action="test")
    _, job = releases.start(session, dataset, name="v1", where="", formats=["jsonl"], by=by)
    assert run_job(session, job.id).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("home", ["mix", "older"])
def test_against_a_release_what_was_released_stays(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient, home: str
) -> None:
    """Of the dataset itself, or of another one; what was dropped since is not looked at."""
    pairs = planted(3, 0.9, seed=5)
    of = dataset if home == "mix" else make_dataset(session, lead, home)
    *_, last = fill(session, of, lead, [*pairs[::2], plain("alone and released here")])
    released(session, of, lead)
    samples.set_status(session, last, Status.DROPPED, by=lead, action="test")
    fill(session, dataset, lead, [*pairs[1::2], plain("alone and new here")])

    body = {"matcher": "minhash", "against": f"{home}@v1"}
    job = run_job(session, api.post(f"/datasets/{dataset.name}/matches", json=body).json()["id"])

    found = (job.status, job.result["clusters"], job.result["members"])
    assert found == (JobStatus.SUCCEEDED, 3, 3)
    keepers = [
        session.get_one(Sample, one) for one in session.scalars(select(MatchCluster.keeper_id))
    ]
    assert {one.dataset_id for one in keepers} == {of.id}
    assert {one.status for one in keepers} == {Status.APPROVED}
    assert scores(session, dataset, "near_duplicate")[-4:] == [1, 1, 1, 0]
    (listed,) = api.get(f"/datasets/{dataset.name}/matches").json()["items"]
    assert listed["against"] == f"{home}@v1"
    path = f"/datasets/{dataset.name}/duplicates"
    clusters = f"/datasets/{dataset.name}/clusters"
    assert len(api.get(clusters, params={"against": f"{home}@v1"}).json()["items"]) == 3
    assert api.get(clusters, params={"against": f"{home}@v2"}).status_code == 404
    what = deciding.chosen(session, service.needed(session, dataset, against=f"{home}@v1"))
    deciding.start(session, dataset, bulk.DROP_DUPLICATES, what, by=lead)
    session.expire_all()
    new = select(Sample.status).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    assert session.scalars(new).all()[-4:] == [*[Status.DROPPED] * 3, Status.PENDING]
    assert {one.status for one in keepers} == {Status.APPROVED}
    assert f"<option>{home}@v1</option>" in browser_of(session, lead).get(path).text


def test_against_another_dataset_its_samples_stay(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [*planted(3, 0.9, seed=5), plain("alone here")])
    other = make_dataset(session, lead, "held-out")
    fill(session, other, lead, planted(3, 0.9, seed=5)[::2])
    assert counted(session, other, "") == 3

    job = match(session, dataset, lead, against="held-out")

    clusters = session.scalars(select(MatchCluster)).all()
    assert job.result["members"] == 6
    assert {session.get_one(Sample, one.keeper_id).dataset_id for one in clusters} == {other.id}
    assert scores(session, dataset, "near_duplicate") == [1, 1, 1, 1, 1, 1, 0]


def test_policies_choose_which_one_stays(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    base, near = planted(1, 0.9)
    low = replace(base, scores={"judge": 1.0})
    high = replace(near, scores={"judge": 4.0})
    rows = fill(session, dataset, lead, [low, high])

    keepers = {}
    for policy in ("signal:judge", "lowest:judge", "oldest", "newest", "human"):
        match(session, dataset, lead, keep=[policy])
        keepers[policy] = session.scalars(select(MatchCluster.keeper_id)).one()

    assert keepers["signal:judge"] == keepers["newest"] == rows[1].id
    assert keepers["lowest:judge"] == keepers["oldest"] == keepers["human"] == rows[0].id
    rows[1].status = Status.APPROVED
    session.commit()
    match(session, dataset, lead, keep=["oldest"])
    assert session.scalars(select(MatchCluster.keeper_id)).one() == rows[1].id


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("nothing", {}, "There is no matcher"),
        ("minhash", {"params": {"bands": 0}}, "minhash.bands"),
        ("minhash", {"keep": ["best"]}, "says nothing about which sample stays"),
        ("minhash", {"keep": ["signal:none"]}, "There is no signal `none`"),
        ("minhash", {"against": "mix"}, "by itself"),
        ("minhash", {"where": "nothing:here"}, "there is no field"),
    ],
)
def test_wrong_orders_are_refused(
    session: Session, dataset: Dataset, lead: Principal, key: str, given: Any, words: str
) -> None:
    with pytest.raises(InvalidError, match=words):
        service.start(session, dataset, key, given.pop("params", {}), by=lead, **given)


def test_one_matcher_at_a_time_and_only_by_leads(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    service.start(session, dataset, "minhash", {}, by=lead)

    with pytest.raises(ConflictError, match="right now"):
        service.start(session, dataset, "minhash", {"threshold": 0.5}, by=lead)
    service.start(session, dataset, "exact", {}, by=lead)
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, "exact", {}, by=annotator)


def test_an_empty_dataset_has_no_duplicates(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = match(session, dataset, lead)

    assert (job.status, job.result["rows"], job.result["clusters"]) == (JobStatus.SUCCEEDED, 0, 0)


def test_by_meaning_vectors_are_made_first_and_kept(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    same = "How do I bake bread with flour and water at home?"
    rows = [plain(same), plain(same + "?"), plain("Sort a list of numbers."), plain("!?")]
    other = make_dataset(session, lead, "held-out")
    fill(session, other, lead, [plain("Sort a list of numbers")])
    held = fill(session, dataset, lead, rows)

    first = match(session, dataset, lead, "semantic")
    against = match(session, dataset, lead, "semantic", against="held-out")
    cluster = session.scalars(select(MatchCluster).order_by(MatchCluster.id)).first()
    assert cluster is not None
    keeping.keep(session, cluster.id, held[1].id, by=lead)

    assert (first.total, first.result["clusters"], first.result["compared"]) == (4, 1, 3)
    assert (against.total, against.result["clusters"]) == (1, 1)
    assert (cluster.keeper_id, cluster.size) == (held[1].id, 2)
    last = session.scalars(select(MatchCluster).order_by(MatchCluster.id.desc())).first()
    assert last is not None
    with pytest.raises(ConflictError, match="other dataset stay"):
        keeping.keep(session, last.id, held[2].id, by=lead)


@pytest.mark.parametrize("key", ["lines", "records", "code"])
def test_signatures_of_any_length_are_stored(
    session: Session, dataset: Dataset, lead: Principal, key: str
) -> None:
    program = "def area(r):\n    total = 0\n    return total + 3.14 * r ** 2 + len(str(r))\n"
    rows = [plain(program), plain(program + "\n\n"), plain("nothing of the kind here at all")]
    rows = [replace(one, metadata={"title": one.body["text"]}) for one in rows]
    held = fill(session, dataset, lead, rows)

    job = match(session, dataset, lead, key)
    samples.edit(session, held[1].id, {"text": "other words"}, revision=1, by=lead)

    assert (job.status, job.result["clusters"]) == (JobStatus.SUCCEEDED, 1)
