"""What people do on the pages, as their browsers send it."""

import re
import uuid

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import ApiKey, Role, User
from app.accounts.policies import Principal
from app.accounts.service import review_keys
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.filtering import service as filtering
from app.jobs.models import Job
from app.releases.models import Release
from app.review.models import Decision, ReviewQueue
from app.samples import service as samples
from app.samples.models import Sample, SampleParent, SavedView, Status
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, numbered, run_job

SWAP = {"HX-Request": "true"}


@pytest.fixture
def browser(session: Session, lead: Principal, bells: list[str]) -> TestClient:
    return browser_of(session, lead)


@pytest.fixture
def admins(session: Session, admin: Principal, bells: list[str]) -> TestClient:
    return browser_of(session, admin)


@pytest.fixture
def dataset(session: Session, lead: Principal, bells: list[str]) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, numbered(60))
    return made


def newest_job(session: Session) -> Job:
    session.expire_all()
    job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()
    return run_job(session, job.id)


def first(session: Session) -> Sample:
    return session.scalars(select(Sample).order_by(Sample.id).limit(1)).one()


# --- settings ---------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_revoked(session: Session, browser: TestClient) -> None:
    form = {"role": "annotator", "name": "bot", "days": "3", "read_only": "true"}
    shown = browser.post("/settings/keys", data=form).text
    secret = re.search(r"wnw_[\w-]{40,}", shown)
    assert secret is not None
    assert secret.group() not in browser.get("/settings").text

    key = session.scalars(select(ApiKey)).one()
    assert (key.name, key.read_only) == ("bot", True)
    browser.post(f"/settings/keys/{key.id}/revoke")
    session.expire_all()
    assert session.scalars(select(ApiKey)).one().revoked_at is not None


def test_an_admin_adds_people_and_hands_them_a_link(
    session: Session, admins: TestClient, browser: TestClient
) -> None:
    form = {"email": "new@example.org", "role": "annotator"}
    added = admins.post("/settings/people", data=form).text
    assert re.search(r"/login/[\w-]{30,}", added)
    person = session.scalars(select(User).where(User.email == "new@example.org")).one()

    again = admins.post(f"/settings/people/{person.id}/link").text
    assert re.search(r"/login/[\w-]{30,}", again)
    admins.post(f"/settings/people/{person.id}", data={"role": "lead"})
    admins.post(f"/settings/people/{person.id}", data={"active": "false"})
    session.expire_all()
    assert (person.role, person.active) == (Role.LEAD, False)
    missing = uuid.uuid4()
    assert admins.post(f"/settings/people/{missing}", data={"role": "lead"}).status_code == 404
    assert browser.post("/settings/people", data=form).status_code == 403
    assert "The audit log" not in browser.get("/settings").text


def test_password_and_keys_are_ones_own(session: Session, browser: TestClient) -> None:
    assert browser.post("/settings/password", data={"password": "short"}).status_code == 422
    assert browser.post("/settings/password", data={"password": "long enough"}).status_code == 200
    keys = review_keys(session, None)
    assert browser.post("/settings/review-keys", data=keys | {"approve": "y"}).status_code == 200
    user = session.scalars(select(User).where(User.email == "lead@example.org")).one()
    session.refresh(user)
    assert review_keys(session, user.id)["approve"] == "y"
    for wrong in ({"approve": "r"}, {"approve": "g"}, {"approve": "?"}):
        assert browser.post("/settings/review-keys", data=keys | wrong).status_code == 422
    assert browser.post("/logout").url.path == "/login"


# --- catalog ----------------------------------------------------------------------------------


def test_the_catalog_in_pages_and_its_parts(dataset: Dataset, browser: TestClient) -> None:
    page = browser.get("/datasets/mix/samples?sort=-judge_score&columns=judge_score").text
    assert page.count("<tr>") > 50
    more = re.search(r'hx-get="([^"]+cursor[^"]+)"', page)
    assert more is not None
    rows = browser.get(more.group(1).replace("&amp;", "&"), headers=SWAP).text
    assert "<html" not in rows
    assert "Question number 9?" in rows

    assert "57" not in browser.get("/datasets/mix/facets?where=domain:math").text
    assert "domain:" in browser.get("/datasets/mix/complete?where=dom&at=3").text
    marked = browser.get('/datasets/mix/samples?where="number 7"').text
    assert "<mark class='hit'>number 7</mark>" in marked
    none = browser.get("/datasets/mix/samples?where=words>=999").text
    assert "No sample matches" in none
    wrong = browser.get("/datasets/mix/samples?where=jugde_score>=3")
    assert wrong.status_code == 422
    assert "Did you mean judge_score?" in wrong.text


def test_a_view_is_saved_and_forgotten(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    form = {"view": "High", "where": "judge_score>=3", "columns": "judge_score"}
    saved = browser.post("/datasets/mix/views", data=form)
    assert "judge_score" in str(saved.url.query)
    assert ">High</a>" in saved.text

    view = session.scalars(select(SavedView)).one()
    browser.post(f"/datasets/mix/views/{view.id}/delete")
    assert session.scalars(select(SavedView)).all() == []


def test_a_bulk_action_asks_then_does_then_undoes(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    asked = browser.post(
        "/datasets/mix/bulk/confirm", data={"action": "approve", "where": "judge_score>=50"}
    ).text
    assert "Approve : 10 samples?" in asked or "Approve  10" in asked or "10 samples?" in asked
    some = {"action": "tag", "argument": "x", "ids": [first(session).id], "scope": "chosen"}
    assert "1 samples?" in browser.post("/datasets/mix/bulk/confirm", data=some).text

    form = {"action": "approve", "where": "judge_score>=50", "confirmed": "10"}
    started = browser.post("/datasets/mix/bulk", data=form)
    assert "Approve: 10 samples" in started.text
    job = newest_job(session)
    row = browser.get(f"/jobs/{job.id}/row")
    assert row.headers["HX-Trigger"] == "refresh-nav, job-finished"
    assert "Undo" in browser.get("/datasets/mix/samples").text
    browser.post(f"/bulk/{job.result['action']}/undo")
    assert newest_job(session).result["changed"] == 10


def test_annotators_see_no_bulk_actions(
    session: Session, dataset: Dataset, annotator: Principal
) -> None:
    browser = browser_of(session, annotator)

    assert 'name="action"' not in browser.get("/datasets/mix/samples").text
    assert browser.post("/datasets/mix/bulk/confirm", data={"action": "approve"}).status_code == 403


# --- sample -----------------------------------------------------------------------------------


def test_a_sample_of_every_kind_is_shown_and_edited(
    session: Session, lead: Principal, browser: TestClient
) -> None:
    dataset = make_dataset(session, lead, "kinds")
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "**Hello**"}]
    code = {"signature": "def f():", "docstring": "Doc", "solution": "return 1", "tests": ""}
    rows = fill(
        session,
        dataset,
        lead,
        [
            Record(Kind.TEXT, {"text": "Plain <b>text</b> \u200b" + "long " * 2000}),
            instruction("```python\nprint(1)\n```\nWhat does it print?"),
            Record(Kind.CHAT, {"messages": turns}),
            Record(Kind.PREFERENCE, {"prompt": "Which?", "chosen": "This", "rejected": "That"}),
            Record(Kind.COMPLETION, code, tags=("hard",), metadata={"from": "here"}),
        ],
    )
    session.add(SampleParent(child_id=rows[0].id, parent_id=rows[1].id, relation="paraphrase"))
    session.commit()

    pages = [browser.get(f"/samples/{row.id}").text for row in rows]
    assert "Plain &lt;b&gt;text&lt;/b&gt;" in pages[0]
    assert "ZWSP" in pages[0]
    assert "more characters" in pages[0]
    assert "paraphrase" in pages[0]
    assert '<pre class="code">' in pages[1]
    assert "<strong>Hello</strong>" in pages[2]
    assert "hard" in pages[4]
    for row in rows:
        assert "editing revision 1" in browser.get(f"/samples/{row.id}?edit=true").text
    chat = {
        "revision": "1",
        "body.messages.0.role": "user",
        "body.messages.0.content": "Hey\r\nyou",
    }
    browser.post(f"/samples/{rows[2].id}/edit", data=chat | {"reason": "shorter"})
    session.expire_all()
    body = samples.body(session, samples.get(session, rows[2].id)).body
    assert body == {"messages": [{"role": "user", "content": "Hey\nyou"}]}
    stale = browser.post(f"/samples/{rows[2].id}/edit", data=chat)
    assert stale.status_code == 409


def test_an_edit_shows_its_difference_and_is_taken_back(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    sample = first(session)
    form = {"revision": "1", "body.instruction": "Question number none?", "body.output": "Yes."}
    page = browser.post(f"/samples/{sample.id}/edit", data=form).text
    assert "<del>0</del>" in page
    assert "<ins>none</ins>" in page
    old = browser.get(f"/samples/{sample.id}?revision=1").text
    assert "Question number 0?" in old

    back = browser.post(f"/samples/{sample.id}/revisions/1/restore", data={"seen": "2"}).text
    assert "revision 3: revision 1 restored" in back
    assert browser.get(f"/samples/{sample.id}?revision=9").status_code == 404


def test_a_dropped_sample_says_why_and_is_restored(
    session: Session, dataset: Dataset, lead: Principal, browser: TestClient
) -> None:
    conditions = [{"expression": "judge_score>=5", "enabled": True}]
    version = filtering.save(session, dataset, name="keep", conditions=conditions, by=lead)
    filtering.apply(session, version, by=lead)
    newest_job(session)
    sample = first(session)
    page = browser.get(f"/samples/{sample.id}").text
    assert "judge_score&gt;=5" in page
    assert "Dropped by keep version 1" in page

    assert "Restored" in browser.post(f"/samples/{sample.id}/restore").text
    session.expire_all()
    assert first(session).status is Status.PENDING


# --- filters, scores --------------------------------------------------------------------------


def test_filters_show_the_effect_of_the_address(dataset: Dataset, browser: TestClient) -> None:
    page = browser.get("/datasets/mix/filters?c=judge_score>=30&c=domain:math&at=1").text
    assert 'id="steps"' in page
    assert "At the cut" in page
    below = browser.get("/datasets/mix/filters?c=judge_score<=30&at=1").text
    assert "Keep up to" in below
    no_plot = browser.get("/datasets/mix/filters?c=domain:math&off=1").text
    assert "At the cut" not in no_plot
    wrong = browser.get("/datasets/mix/filters?c=judge_score>=3&c=nothing>=1").text
    assert "there is no field `nothing`" in wrong
    profile = browser.get("/datasets/mix/filters?profile=instruction&set=x")
    assert profile.status_code == 200


def test_filters_are_saved_applied_and_undone(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    form = {"set": "keep", "c": ["judge_score>=10", "(domain:math OR domain:code)"]}
    assert "version 1" in browser.post("/datasets/mix/filters", data=form).text
    applied = browser.post("/datasets/mix/filters", data=form | {"then": "apply", "off": ["2"]})
    assert "Apply keep version 2" in applied.text
    assert newest_job(session).result == {"dropped": 10, "restored": 0}
    page = browser.get("/datasets/mix/filters").text
    assert "10 rows dropped" in page
    [rules] = filtering.rule_sets(session, dataset.id)

    browser.post(f"/rules/{rules.id}/undo")
    assert newest_job(session).error is None
    assert browser.post(f"/rules/{rules.id}/undo").status_code == 409
    assert "undone" in browser.get("/datasets/mix/filters").text


def test_scores_are_measured_from_the_page(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    assert "judge_score" in browser.get("/datasets/mix/scores").text
    none = browser.post("/datasets/mix/scores", data={})
    assert none.status_code == 422
    browser.post("/datasets/mix/scores", data={"signal.refusal": "1", "signal.lengths": "1"})
    busy = browser.post("/datasets/mix/scores", data={"signal.refusal": "1"})
    assert busy.status_code == 409
    assert newest_job(session).error is None
    page = browser.get("/datasets/mix/scores?signal=response_words").text
    assert "60 samples" in page


# --- review -----------------------------------------------------------------------------------


def shown(page: str) -> int:
    found = re.search(r'data-sample="(\d+)"', page)
    assert found is not None
    return int(found.group(1))


def test_review_from_card_to_card(session: Session, dataset: Dataset, browser: TestClient) -> None:
    page = browser.get("/datasets/mix/review").text
    sample_id = shown(page)
    path = f"/datasets/mix/review/{sample_id}"

    following = browser.post(path, data={"verdict": "approve", "revision": "1", "note": "fine"})
    assert "<html" not in following.text
    assert shown(following.text) != sample_id
    assert '<b class="m">1</b> of 60' in following.text
    undone = browser.post("/datasets/mix/undo")
    assert shown(undone.text) == sample_id
    decision = session.scalars(select(Decision)).one()
    assert (decision.note, decision.undone_at is None) == ("fine", False)
    assert browser.post("/datasets/mix/undo").status_code == 409


def test_an_edit_in_review_is_saved_with_or_without_a_verdict(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    sample_id = shown(browser.get("/datasets/mix/review").text)
    path = f"/datasets/mix/review/{sample_id}"
    assert "Save and approve" in browser.get(f"{path}/edit").text
    edit = {"body.instruction": "New?", "body.input": "", "body.output": "Newer."}

    kept = browser.post(f"{path}/edit", data=edit | {"revision": "1"}).text
    assert shown(kept) == sample_id
    assert "revision 2" in kept
    assert "since revision 1" in kept
    stale = browser.post(f"{path}/edit", data=edit | {"revision": "1"})
    assert stale.status_code == 409
    conflict = browser.post(path, data=edit | {"revision": "1", "verdict": "approve"})
    assert conflict.status_code == 409
    assert conflict.headers["HX-Retarget"] == "#conflict"
    assert "Approve revision 2" in conflict.text
    done = browser.post(
        path, data=edit | {"body.output": "Newest.", "revision": "2", "verdict": "approve"}
    )
    assert shown(done.text) != sample_id
    session.expire_all()
    assert session.get_one(Sample, sample_id).revision == 3


def test_the_queue_and_its_guidelines_are_set_up_by_leads(
    session: Session, dataset: Dataset, browser: TestClient, annotator: Principal
) -> None:
    form = {"where": "judge_score>=50", "order_by": "-judge_score", "random_percent": "20"}
    browser.post("/datasets/mix/review-queue", data=form | {"blind": "true"})
    session.expire_all()
    queue = session.get_one(ReviewQueue, dataset.id)
    assert (queue.where, round(queue.random_share, 2), queue.blind) == (
        "judge_score>=50",
        0.2,
        True,
    )
    page = browser.get("/datasets/mix/review").text
    assert "Scores and source are hidden" in page
    browser.post("/datasets/mix/guidelines", data={"guidelines": "# Read\n\nCarefully."})
    assert "<h1>Read</h1>" in browser.get("/datasets/mix/review").text

    theirs = browser_of(session, annotator)
    assert theirs.post("/datasets/mix/review-queue", data=form).status_code == 403
    assert "Set up the queue" not in theirs.get("/datasets/mix/review").text


# --- releases, jobs, home ---------------------------------------------------------------------


def test_releases_are_made_compared_and_downloaded(
    session: Session, dataset: Dataset, lead: Principal, browser: TestClient
) -> None:
    for sample in session.scalars(select(Sample).limit(3)):
        samples.set_status(session, sample, Status.APPROVED, by=lead, action="test")
    session.commit()
    assert "Release 3 rows" in browser.get("/datasets/mix/releases").text
    building = browser.post(
        "/datasets/mix/releases", data={"release": "v1", "formats": ["jsonl"]}
    ).text
    assert "Building" in building
    assert newest_job(session).error is None
    release = session.scalars(select(Release)).one()
    page = browser.get(f"/releases/{release.id}").text
    assert "<h1>mix v1</h1>" in page
    lines = browser.get(f"/releases/{release.id}/download/jsonl.jsonl").text.splitlines()
    assert len(lines) == 3
    browser.post("/datasets/mix/releases", data={"release": "v2", "formats": ["parquet"]})
    newest_job(session)
    other = session.scalars(select(Release).where(Release.name == "v2")).one()
    assert "0 added" in browser.get(f"/releases/{other.id}?against={release.id}").text
    assert "no release yet" not in browser.get("/datasets/mix").text
    assert "v2" in browser.get("/datasets/mix/releases").text


def test_a_job_is_cancelled_and_retried_from_its_row(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    browser.post("/datasets/mix/scores", data={"signal.refusal": "1"})
    job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()

    assert "waits for a worker" in browser.get("/datasets/mix/jobs").text
    assert "stopping" in browser.post(f"/jobs/{job.id}/cancel").text
    run_job(session, job.id)
    assert "cancelled" in browser.get(f"/jobs/{job.id}/row").text
    assert "queued" in browser.post(f"/jobs/{job.id}/retry").text
    run_job(session, job.id)
    page = browser.get(f"/datasets/mix/jobs?job={job.id}").text
    assert "Nothing failed." in page
    assert browser.get(f"/jobs/{job.id}/dead-letters.csv").text.startswith("place,line,column")


def test_jobs_over_rest(session: Session, dataset: Dataset, api: TestClient) -> None:
    for key in ("refusal", "lengths"):
        assert api.post("/datasets/mix/scores", json={"signals": [{"key": key}]}).status_code == 202
    first_page = api.get("/jobs", params={"limit": 1}).json()
    second = api.get("/jobs", params={"limit": 1, "cursor": first_page["next"]}).json()
    assert "Lengths" in first_page["items"][0]["title"]
    job_id = second["items"][0]["id"]
    assert api.post(f"/jobs/{job_id}/cancel").status_code == 200
    assert run_job(session, job_id).status == "cancelled"
    assert api.post(f"/jobs/{job_id}/retry").json()["status"] == "queued"


def test_home_tells_what_waits(
    session: Session, dataset: Dataset, lead: Principal, browser: TestClient
) -> None:
    samples.set_status(session, first(session), Status.QUARANTINED, by=lead, action="test")
    session.commit()

    page = browser.get("/datasets/mix").text

    assert "Samples to review" in page
    assert "Flagged or quarantined" in page
    assert ">59<" in browser.get("/datasets/mix/nav").text
    assert "mix" in browser.get("/").text
