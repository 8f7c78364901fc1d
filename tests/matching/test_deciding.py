"""Deciding on duplicates: what goes and why, what stays, what comes back."""

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.jobs.models import JobStatus
from app.ledger.service import ledger
from app.matching import deciding, keeping, reading, service
from app.matching.models import MatchCluster, MatchException, MatchMember
from app.matching.reading import Order, State
from app.review import service as review
from app.review.models import Verdict
from app.samples import bulk
from app.samples import service as samples
from app.samples.models import BulkAction, Sample, SampleDrop, Status
from tests.conftest import browser_of
from tests.factories import fill, make_dataset, make_source, run_job
from tests.matching.test_matching import match, scores
from tests.matching.texts import plain, planted

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    pairs = [planted(1, near, seed=seed) for seed, near in enumerate((0.9, 0.92, 0.95, 0.97))]
    fill(session, made, lead, [*(one for pair in pairs for one in pair), plain("alone here")])
    match(session, made, lead)
    return made


def statuses(session: Session, dataset: Dataset) -> list[Status]:
    session.expire_all()
    query = select(Sample.status).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return list(session.scalars(query))


def rows(session: Session, dataset: Dataset) -> list[Sample]:
    query = select(Sample).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return list(session.scalars(query))


def decide(
    session: Session,
    dataset: Dataset,
    by: Principal,
    action: str = bulk.DROP_DUPLICATES,
    *,
    least: float = 0.0,
    source: str = "",
    clusters: list[int] | None = None,
) -> BulkAction:
    run = service.needed(session, dataset)
    what = deciding.chosen(session, run, least=least, source=source, clusters=clusters)
    row, job = deciding.start(session, dataset, action, what, by=by)
    if job is not None:
        assert run_job(session, job.id).status is JobStatus.SUCCEEDED
    session.commit()
    return row


def test_a_dropped_row_names_the_row_it_matched_and_how_closely(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    decide(session, dataset, lead)

    first, second, *_ = rows(session, dataset)
    drop = session.get_one(SampleDrop, second.id)
    found = ledger(session, second)
    entry = next(one for one in found.entries if one.kind == "dropped")
    assert statuses(session, dataset) == [Status.PENDING, Status.DROPPED] * 4 + [Status.PENDING]
    assert (drop.matched_id, drop.condition) == (first.id, "MinHash, Jaccard")
    assert drop.value == pytest.approx(0.9, abs=0.03)
    assert f"the same as #{first.id}, MinHash, Jaccard 0.9" in entry.detail or "0.8" in entry.detail
    assert found.whole
    assert audit.first_broken(session) is None
    assert scores(session, dataset, "near_duplicate") == [0, 1] * 4 + [0]


@pytest.mark.parametrize("at_once", [0, 2000])
def test_undo_brings_back_exactly_what_went(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deciding, "AT_ONCE", at_once)
    held = rows(session, dataset)
    review.decide(session, held[7].id, verdict=Verdict.REJECT, revision=1, by=lead)
    before = statuses(session, dataset)
    row = decide(session, dataset, lead)
    assert row.affected == 3

    _, job = deciding.undo(session, dataset, by=lead)
    if job is not None:
        run_job(session, job.id)

    assert statuses(session, dataset) == before
    assert session.scalars(select(SampleDrop)).all() == []
    with pytest.raises(NotFoundError):
        deciding.undo(session, dataset, by=lead)


def test_nothing_is_decided_while_the_same_matcher_looks_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    decide(session, dataset, lead)
    job = service.start(session, dataset, "minhash", {}, by=lead)

    for doing in (
        lambda: decide(session, dataset, lead),
        lambda: deciding.undo(session, dataset, by=lead),
    ):
        with pytest.raises(ConflictError, match="`minhash` is looking for duplicates here"):
            doing()
    run_job(session, job.id)
    deciding.undo(session, dataset, by=lead)
    assert Status.DROPPED not in statuses(session, dataset)


def test_what_was_restored_stays_and_is_not_taken_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    decide(session, dataset, lead)
    second = rows(session, dataset)[1]

    samples.restore(session, second.id, by=lead)
    again = decide(session, dataset, lead)

    assert again.affected == 0
    assert statuses(session, dataset)[1] is Status.PENDING


def test_decided_and_edited_rows_are_left_alone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    held = rows(session, dataset)
    review.decide(session, held[1].id, verdict=Verdict.APPROVE, revision=1, by=lead)
    samples.edit(session, held[3].id, {"text": "other words"}, revision=1, by=lead)
    samples.edit(session, held[4].id, {"text": "more other words"}, revision=1, by=lead)
    review.decide(session, held[6].id, verdict=Verdict.REJECT, revision=1, by=lead)

    # Of the fourth pair the one that was to stay is rejected: its twin is no twin of a kept row.
    assert decide(session, dataset, lead).affected == 0


def test_a_choice_is_by_cluster_similarity_and_source(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    clusters = session.scalars(select(MatchCluster).order_by(MatchCluster.id)).all()
    most = max(one.most for one in clusters)

    assert decide(session, dataset, lead, clusters=[clusters[0].id]).affected == 1
    assert decide(session, dataset, lead, least=most).affected <= 1
    with pytest.raises(InvalidError, match="There is no source nobody"):
        decide(session, dataset, lead, source="nobody")
    assert decide(session, dataset, lead, source="written").affected >= 2


def test_what_is_no_duplicate_is_never_offered_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    cluster = session.scalars(select(MatchCluster).order_by(MatchCluster.id)).first()
    assert cluster is not None
    decide(session, dataset, lead, bulk.NOT_DUPLICATES, clusters=[cluster.id])

    assert scores(session, dataset, "near_duplicate") == [0, 0, 0, 1, 0, 1, 0, 1, 0]
    assert len(session.scalars(select(MatchException)).all()) == 1
    assert match(session, dataset, lead).result["clusters"] == 3
    assert decide(session, dataset, lead).affected == 3

    deciding.undo(session, dataset, by=lead)
    deciding.undo(session, dataset, by=lead)

    assert session.scalars(select(MatchException)).all() == []
    assert match(session, dataset, lead).result["clusters"] == 4


def test_keeping_another_one_compares_all_with_it(session: Session, lead: Principal) -> None:
    dataset = make_dataset(session, lead, "chain")
    words = [f"w{number}" for number in range(220)]
    texts = [" ".join(words[start : start + 200]) for start in (0, 10, 20)]
    held = fill(session, dataset, lead, [plain(texts[1]), plain(texts[0]), plain(texts[2])])
    match(session, dataset, lead, params={"threshold": 0.85})
    cluster = session.scalars(select(MatchCluster)).one()
    assert (cluster.keeper_id, cluster.size) == (held[0].id, 3)

    keeping.keep(session, cluster.id, held[1].id, by=lead)

    members = session.scalars(select(MatchMember.sample_id)).all()
    assert (cluster.keeper_id, cluster.size, members) == (held[1].id, 2, [held[0].id])
    decide(session, dataset, lead)
    assert statuses(session, dataset) == [Status.DROPPED, Status.PENDING, Status.PENDING]
    with pytest.raises(ConflictError, match="restore it first"):
        keeping.keep(session, cluster.id, held[0].id, by=lead)
    with pytest.raises(NotFoundError):
        keeping.keep(session, cluster.id, held[2].id, by=lead)
    assert keeping.keep(session, cluster.id, held[1].id, by=lead) is cluster


def test_two_matchers_that_disagree_leave_one_of_each(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    both = [plain("The very same words."), plain("the very SAME words")]
    fill(session, dataset, lead, both)
    match(session, dataset, lead, keep=["oldest"])
    match(session, dataset, lead, "exact", keep=["newest"])

    near = scores(session, dataset, "near_duplicate")
    minhash = service.needed(session, dataset, "minhash")
    exact = service.needed(session, dataset, "exact")
    for run in (minhash, exact):
        what = deciding.chosen(session, run)
        deciding.start(session, dataset, bulk.DROP_DUPLICATES, what, by=lead)

    assert sum(near[-2:]) == 1  # type: ignore[arg-type]
    assert statuses(session, dataset)[-2:].count(Status.DROPPED) == 1


def test_a_run_that_is_gone_drops_nothing(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    old = deciding.chosen(session, service.needed(session, dataset))
    row = decide(session, dataset, lead, least=1.0)
    match(session, dataset, lead)

    with pytest.raises(ConflictError, match="newer run"):
        deciding.apply_range(session, row, old, lead, 0, 2**62)
    with pytest.raises(NotFoundError, match="winnow match"):
        service.needed(session, make_dataset(session, lead, "bare"))


def test_lists_are_by_state_and_order(session: Session, dataset: Dataset, lead: Principal) -> None:
    what = deciding.chosen(session, service.needed(session, dataset))
    first = reading.clusters(session, what, order=Order.SIMILARITY)
    decide(session, dataset, lead, clusters=[first[0].id])

    open_ = reading.clusters(session, what, order=Order.LEAST)
    settled = reading.clusters(session, what, state=State.SETTLED)
    assert [one.most for one in first] == sorted((one.most for one in first), reverse=True)
    assert {one.id for one in settled} == {first[0].id}
    assert [one.id for one in open_] == [one.id for one in reversed(first[1:])]
    assert reading.totals(session, what) == reading.Totals(4, 4, 3)


def test_only_leads_decide(session: Session, dataset: Dataset, annotator: Principal) -> None:
    with pytest.raises(ForbiddenError):
        decide(session, dataset, annotator)
    with pytest.raises(ForbiddenError):
        deciding.undo(session, dataset, by=annotator)


def test_the_page_shows_pairs_and_decides(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    browser = browser_of(session, lead)
    here = f"/datasets/{dataset.name}/duplicates"
    run = service.needed(session, dataset)
    other = Record(Kind.TEXT, {"text": "Of another dataset."})
    make_source(session, lead, "elsewhere")
    fill(session, make_dataset(session, lead, "other"), lead, [other])

    shown = browser.get(here).text
    assert "4 clusters" in shown
    assert "Drop all 4" in shown
    choices = BeautifulSoup(shown, "html.parser").select("#d-source option")
    assert [one.get_text() for one in choices] == ["all sources", "written"]
    assert shown.count('<mark class="same">') >= 2
    assert "<ins>" in browser.get(here, params={"marks": "changes"}).text
    cluster = session.scalars(select(MatchCluster).order_by(MatchCluster.id)).first()
    assert cluster is not None
    form = {"action": "drop", "run": str(run.id), "cluster": str(cluster.id), "back": "?state=all"}
    answer = browser.post(here, data=form, follow_redirects=False)
    assert answer.headers["location"] == f"{here}?state=all"
    assert statuses(session, dataset).count(Status.DROPPED) == 1
    dropped = next(one for one in rows(session, dataset) if one.status is Status.DROPPED)
    assert "it says the same as" in browser.get(f"/samples/{dropped.id}").text
    browser.post(f"{here}/undo")
    assert statuses(session, dataset).count(Status.DROPPED) == 0
    member = session.scalars(
        select(MatchMember.sample_id).where(MatchMember.cluster_id == cluster.id)
    ).one()
    browser.post(here, data={**form, "action": "keep", "sample": str(member)})
    session.expire_all()
    assert session.get_one(MatchCluster, cluster.id).keeper_id == member
    browser.post(here, data={**form, "action": "dismiss", "cluster": "0", "back": "//evil"})
    assert "All clusters are settled" not in browser.get(here).text
    settled = browser.get(here).text
    assert "0 clusters" in settled
    assert "Nothing to drop: no duplicates here." in settled
    assert "Drop all" not in settled
    assert browser.get(here, params={"cluster": 10**9}).status_code == 404
    assert browser.post(here, data={**form, "run": "none"}).status_code == 404


def test_the_page_of_a_dataset_without_runs_starts_one(
    session: Session, lead: Principal, bells: list[str]
) -> None:
    dataset = make_dataset(session, lead, "bare")
    browser = browser_of(session, lead)
    here = f"/datasets/{dataset.name}/duplicates"

    assert "Nobody has looked for duplicates yet" in browser.get(here).text
    form = {"matcher": "minhash", "minhash.preset": "short", "keep": "longest, oldest"}
    browser.post(f"{here}/look", data=form)
    assert run_job(session, bells[-1]).status is JobStatus.SUCCEEDED
    assert service.needed(session, dataset).keep == ["longest", "oldest"]
    assert "Every sample says something of its own" in browser.get(here).text


def test_hostile_text_is_shown_as_text(session: Session, lead: Principal) -> None:
    dataset = make_dataset(session, lead, "hostile")
    text = "<script>alert(1)</script> \u202eevil one two three four five six seven"
    fill(session, dataset, lead, [plain(text), plain(text + "!")])
    match(session, dataset, lead)

    shown = browser_of(session, lead).get(f"/datasets/{dataset.name}/duplicates").text

    assert "<script>alert" not in shown
    assert "alert" in shown
    assert "\u202e" not in shown


def test_rest_finds_decides_and_undoes(session: Session, dataset: Dataset, api: TestClient) -> None:
    base = f"/datasets/{dataset.name}"

    page = api.get(f"{base}/pairs", params={"matcher": "minhash", "limit": 3}).json()
    rest = api.get(f"{base}/pairs", params={"limit": 3, "cursor": page["next"]}).json()
    pair = page["items"][0]
    assert (page["total"], len(rest["items"]), rest["next"]) == (4, 1, None)
    assert pair["evidence"]["spans"]["a"]
    assert pair["evidence"]["method"] == "minhash"
    first, second = (session.get_one(Sample, pair[side]["id"]) for side in "ab")
    spans = [pair["evidence"]["spans"][side] for side in "ab"]
    said = [
        [samples.body(session, one).text[start:end] for start, end in places]
        for one, places in zip((first, second), spans, strict=True)
    ]
    assert said[0] == said[1]
    assert api.get(f"{base}/pairs", params={"min_similarity": 1}).json()["items"] == []
    assert api.get(f"{base}/pairs", params={"matcher": "none"}).status_code == 422
    assert {one["key"] for one in api.get("/matchers").json()["items"]} >= {"exact", "minhash"}
    clusters = api.get(f"{base}/clusters", params={"limit": 3}).json()
    following = api.get(f"{base}/clusters", params={"cursor": clusters["next"]}).json()
    assert (len(clusters["items"]), len(following["items"]), following["next"]) == (3, 1, None)
    opened = api.get(f"/clusters/{clusters['items'][0]['id']}").json()
    assert len(opened["members"]) == 1
    assert sum(api.get(f"{base}/similarities").json()["counts"]) == 4
    runs = api.get(f"{base}/matches").json()["items"]
    assert [(one["matcher"], one["against"]) for one in runs] == [("minhash", None)]
    done = api.post(f"{base}/duplicates/drop", json={"min_similarity": 0.5}).json()
    assert (done["changed"], done["job"]) == (4, None)
    assert api.post(f"{base}/duplicates/undo").json()["action"] == done["action"]
    kept = opened["members"][0]["id"]
    answer = api.post(f"/clusters/{clusters['items'][0]['id']}/keep", json={"sample": kept})
    assert answer.json()["keeper"]["id"] == kept
    dismissed = api.post(f"{base}/duplicates/dismiss", json={"matcher": "minhash"}).json()
    assert dismissed["changed"] == 4
    assert api.get(f"{base}/pairs").json()["total"] == 0
    assert api.post(f"{base}/matches", json={"matcher": "exact"}).status_code == 202
