"""Masking end to end: revisions, ledger, approval, the signal measured anew, undo, crashes."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.pii.kinds import KINDS
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.jobs.models import DeadLetter, Job, JobChunk, JobStatus
from app.ledger.service import ledger
from app.masking import measuring, preview, service
from app.review import service as review
from app.review.models import Verdict
from app.samples import registry
from app.samples import service as samples
from app.samples.models import BulkAction, Sample, SampleBody, Status
from app.scoring import service as scoring
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow, winnow_json
from workers.masking import stopped

pytestmark = pytest.mark.usefixtures("bells")

ROWS = [
    instruction("Write to jo@example.org.", "Done: jo@example.org and (212) 555-0101."),
    instruction("What is 2 + 2?", "4"),
    Record(Kind.CHAT, {"messages": [{"role": "user", "content": "Card 4111 1111 1111 1111"}]}),
    Record(Kind.PREFERENCE, {"prompt": "Server?", "chosen": "8.8.8.8", "rejected": "none"}),
    instruction("How are you?", "Fine."),
]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def mask(session: Session, dataset: Dataset, by: Principal, *kinds: str, where: str = "") -> Job:
    job = service.start(session, dataset, kinds=kinds, where=where, by=by)
    return run_job(session, job.id)


def undo(session: Session, dataset: Dataset, by: Principal) -> Job:
    return run_job(session, service.undo(session, dataset, by=by).id)


def bodies(session: Session, dataset: Dataset) -> list[dict[str, object]]:
    query = select(Sample).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return [samples.body(session, one).body for one in session.scalars(query)]


def scores(session: Session, dataset: Dataset, name: str) -> list[float | None]:
    slot = {one.name: one.slot for one in registry.signals(session, dataset.id)}[name]
    query = select(Sample.scores[slot + 1]).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def test_bodies_are_masked_in_place_and_the_signal_finds_nothing_more(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)

    job = mask(session, dataset, lead)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert job.result["changed"] == 3
    assert job.result["masked"] == {"email": 2, "phone": 1, "card": 1, "ipv4": 1}
    assert bodies(session, dataset) == [
        {
            "instruction": "Write to <EMAIL>.",
            "input": "",
            "output": "Done: <EMAIL> and <PHONE>.",
        },
        ROWS[1].body,
        {"messages": [{"role": "user", "content": "Card <CARD>"}]},
        {"prompt": "Server?", "chosen": "<IPV4>", "rejected": "none"},
        ROWS[4].body,
    ]
    assert scores(session, dataset, "pii") == [0] * 5
    run_job(
        session, scoring.start(session, dataset, [scoring.Wanted("pii_patterns", {})], by=lead).id
    )
    assert scores(session, dataset, "pii") == [0] * 5


def test_only_chosen_kinds_and_matching_samples_are_masked(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)

    job = mask(session, dataset, lead, "phone", "card", where="kind:instruction")

    assert job.result["masked"] == {"phone": 1}
    assert bodies(session, dataset)[0]["output"] == "Done: jo@example.org and <PHONE>."
    assert bodies(session, dataset)[2] == ROWS[2].body
    assert scores(session, dataset, "pii") == [2, 0, None, None, 0]


def test_the_ledger_tells_kinds_and_never_values(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = fill(session, dataset, lead, ROWS)[0]

    mask(session, dataset, lead)

    event = audit.of_sample(session, first.id)[-1]
    assert (event.action, event.after) == (
        "bulk.mask",
        {"revision": 2, "status": "pending", "masked": {"email": 2, "phone": 1}},
    )
    told = ledger(session, session.get_one(Sample, first.id))
    entry = next(one for one in told.entries if one.title == "Personal data masked")
    assert entry.detail == "revision 2: E-mail addresses: 2, Phone numbers: 1"
    assert told.whole
    assert "example.org" not in str(event.after) + entry.detail


def test_approval_is_taken_away_and_given_back_by_the_undo(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first, second = fill(session, dataset, lead, ROWS)[:2]
    for one in (first, second):
        review.decide(session, one.id, revision=1, verdict=Verdict.APPROVE, by=lead)
    session.commit()

    mask(session, dataset, lead)
    session.refresh(first)
    masked = (first.status, first.revision, second.status)
    job = undo(session, dataset, lead)
    session.refresh(first)

    assert masked == (Status.PENDING, 2, Status.APPROVED)
    assert (first.status, first.revision) == (Status.APPROVED, 1)
    assert job.result["changed"] == 3
    assert bodies(session, dataset) == [row.body for row in ROWS]
    assert scores(session, dataset, "pii") == [3, 0, 1, 1, 0]
    assert audit.of_sample(session, first.id)[-1].action == "bulk.unmask"
    assert ledger(session, first).whole


def test_masking_again_writes_nothing(session: Session, dataset: Dataset, lead: Principal) -> None:
    fill(session, dataset, lead, ROWS)
    mask(session, dataset, lead)

    again = mask(session, dataset, lead)

    assert again.result["changed"] == 0
    assert session.scalar(select(func.count()).select_from(SampleBody)) == 8


def test_a_worker_that_dies_is_followed_by_one_that_goes_on(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    job = mask(session, dataset, lead)
    chunk = session.scalars(select(JobChunk).where(JobChunk.job_id == job.id)).one()
    chunk.status, chunk.state, job.status = JobStatus.QUEUED, {}, JobStatus.QUEUED
    session.commit()

    run_job(session, job.id)

    assert session.scalar(select(func.count()).select_from(SampleBody)) == 8
    action = session.scalars(select(BulkAction)).one()
    assert action.affected == 3


def test_masked_and_undone_and_masked_anew(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    mask(session, dataset, lead)
    undo(session, dataset, lead)

    mask(session, dataset, lead)

    first = session.scalars(select(Sample).order_by(Sample.id).limit(1)).one()
    assert first.revision == 3
    assert scores(session, dataset, "pii") == [0] * 5


def test_what_was_edited_since_is_not_undone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = fill(session, dataset, lead, ROWS)[0]
    mask(session, dataset, lead)
    samples.edit(session, first.id, {"instruction": "New"}, revision=2, by=lead)
    session.commit()

    job = undo(session, dataset, lead)

    assert job.result["changed"] == 2
    assert bodies(session, dataset)[0]["instruction"] == "New"


def test_samples_that_would_say_the_same_are_masked_with_a_number(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = [instruction(f"Write to {name}@example.org.") for name in ("ann", "bob", "cy")]
    fill(session, dataset, lead, rows)

    job = mask(session, dataset, lead)

    assert (job.result["changed"], job.result["alike"]) == (3, 2)
    first, *others = (body["instruction"] for body in bodies(session, dataset))
    assert first == "Write to <EMAIL>."
    assert all(re.fullmatch(r"Write to <EMAIL-[A-Z]+>\.", str(text)) for text in others)
    assert len(set(others)) == 2
    assert scores(session, dataset, "pii") == [0, 0, 0]
    assert undo(session, dataset, lead).result["changed"] == 3
    assert bodies(session, dataset)[1]["instruction"] == "Write to bob@example.org."


def test_an_undo_makes_no_twins_either(session: Session, dataset: Dataset, lead: Principal) -> None:
    fill(session, dataset, lead, ROWS[:2])
    mask(session, dataset, lead)
    fill(session, dataset, lead, ROWS[:1])  # the text is free, so it lands again

    job = undo(session, dataset, lead)

    assert job.result["changed"] == 0
    letter = session.scalars(select(DeadLetter).where(DeadLetter.job_id == job.id)).one()
    assert "With its old text it would say the same" in letter.reason


def test_a_sample_edited_meanwhile_is_left_alone(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fill(session, dataset, lead, ROWS[:2])[0]
    measured = measuring.measure

    def edited(run: Session, dataset_id: int, page: object) -> object:
        values = measured(run, dataset_id, page)  # type: ignore[arg-type]
        samples.edit(run, first.id, {"instruction": "bob@example.org"}, revision=1, by=lead)
        return values

    monkeypatch.setattr("app.masking.applying.measure", edited)

    job = mask(session, dataset, lead)

    assert job.result["changed"] == 0
    assert bodies(session, dataset)[0]["instruction"] == "bob@example.org"


def test_what_is_refused(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    with pytest.raises(InvalidError, match=r"no kind of personal data `face`\. There are email"):
        service.start(session, dataset, kinds=["face"], where="", by=lead)
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, kinds=[], where="", by=annotator)
    with pytest.raises(NotFoundError, match="Nothing was masked"):
        service.undo(session, dataset, by=lead)
    service.start(session, dataset, kinds=[], where="", by=lead)
    with pytest.raises(ConflictError, match="being masked"):
        service.start(session, dataset, kinds=[], where="", by=lead)


def test_a_cancelled_job_can_be_undone(session: Session, dataset: Dataset, lead: Principal) -> None:
    fill(session, dataset, lead, ROWS)
    job = mask(session, dataset, lead)
    session.scalars(select(BulkAction)).one().affected = 0
    stopped(session, job)
    session.commit()

    assert session.scalars(select(BulkAction)).one().affected == 3
    job.params = {**job.params, "undo": True}
    stopped(session, job)
    assert session.scalars(select(BulkAction)).one().undone_at is None


def test_over_rest_and_by_command_line(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(session, dataset, lead, ROWS)
    monkeypatch.setattr("app.cli_flags.from_environment", lambda: Here(api, session))
    url = f"/datasets/{dataset.name}/mask"

    before = winnow_json("mask", dataset.name, "--preview")
    unmeasured = winnow("mask", dataset.name, "--preview")[1]
    code, printed = winnow("mask", dataset.name, "--kinds", "email, card", "--wait")
    after = winnow_json("mask", dataset.name, "--preview")
    listed = winnow("mask", dataset.name, "--preview")[1]
    refused = winnow("mask", dataset.name, "--undo", "--preview")
    back = winnow_json("mask", dataset.name, "--undo", "--wait")
    answer = api.post(f"{url}", json={"kinds": ["nose"]})
    job = api.post(f"{url}", json={"where": "kind:chat"})

    assert (before["measured"], before["rows"], len(before["examples"])) == (0, 0, 3)
    assert before["examples"][0]["after"].startswith("Write to <EMAIL>.")
    assert "None of the 5 samples is measured" in unmeasured
    assert code == 0
    assert "2 samples have a new revision." in printed
    assert (after["matches"], after["measured"], after["rows"]) == (5, 5, 2)
    counts = {one["kind"]: (one["rows"], one["places"]) for one in after["kinds"]}
    assert set(counts) == set(KINDS)
    assert (counts["phone"], counts["ipv4"], counts["email"]) == ((1, 1), (1, 1), (0, 0))
    assert [one["after"] for one in after["examples"]][1] == "Server?\n\n<IPV4>\n\nnone"
    assert "2 of 5 samples would change" in listed
    assert refused[0] == 2
    assert back["result"]["changed"] == 2
    assert answer.status_code == 422
    assert job.status_code == 202
    assert job.headers["Location"] == f"/api/v1/jobs/{job.json()['id']}"


def test_in_the_browser(session: Session, dataset: Dataset, lead: Principal) -> None:
    fill(session, dataset, lead, ROWS)
    browser = browser_of(session, lead)
    here = f"/datasets/{dataset.name}/personal-data"

    empty = browser.get(here)
    wrong = browser.get(here, params={"kinds": ["nose"]})
    browser.post(here, data={"kinds": ["email", "card"]})
    running = browser.get(here)
    run_job(session, session.scalars(select(Job.id)).one())
    done = browser.get(here, params={"kinds": ["ipv4"], "where": "kind:preference"})
    browser.post(f"{here}/undo")
    undone = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()

    assert "Nothing is measured yet" in empty.text
    assert "<del>jo@example" in empty.text or "<ins>&lt;EMAIL&gt;" in empty.text
    assert "There is no kind of personal data `nose`" in wrong.text
    assert "Mask email, card" in running.text
    assert "1 of 1 samples would change" in done.text
    assert "Undo: 2 samples masked" in done.text
    assert undone.params["undo"] is True


def test_a_dataset_measured_before_there_was_a_total_can_be_previewed(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [instruction("Write to jo@example.org.", scores={})])
    specs = [registry.SignalSpec("pii_emails", "E-mail", "pii_patterns", "old")]
    registry.claim_slots(session, dataset.id, specs, None)
    session.commit()

    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/personal-data")

    assert page.status_code == 200
    assert "Nothing is measured yet" in page.text
    assert "&lt;EMAIL&gt;" in page.text


def test_an_example_begins_with_a_word(session: Session, dataset: Dataset, lead: Principal) -> None:
    rows = [f"{'wordy ' * 30}jo@example.org", f"{'x' * 200}; jo@example.org, {'y' * 100}"]
    fill(session, dataset, lead, [instruction(row) for row in rows])

    found = preview.preview(session, dataset, kinds=["email"], where="")

    assert found.examples[0].before.startswith("wordy wordy")
    assert found.examples[1].before.startswith("jo@example.org,")


def test_nothing_to_show_says_so(session: Session, dataset: Dataset, lead: Principal) -> None:
    fill(session, dataset, lead, [instruction(f"Question {n}?") for n in range(3)])

    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/personal-data")

    assert "No personal data here" in page.text


def test_at_most_ten_examples(session: Session, dataset: Dataset, lead: Principal) -> None:
    rows = [instruction(f"Write to jo{n}@example.org about {n}.") for n in range(15)]
    fill(session, dataset, lead, rows)

    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/personal-data")

    assert page.text.count('class="chg"') == 10


def test_it_is_undone_like_any_bulk_action_and_once(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    fill(session, dataset, lead, ROWS)
    action = mask(session, dataset, lead).result["action"]

    job = api.post(f"/bulk/{action}/undo")
    busy = api.post(f"/bulk/{action}/undo")
    run_job(session, job.json()["id"])
    again = api.post(f"/bulk/{action}/undo")
    catalog = browser_of(session, lead).get(f"/datasets/{dataset.name}/samples")

    assert (job.status_code, job.json()["kind"]) == (202, "mask")
    assert (busy.status_code, again.status_code) == (409, 409)
    assert bodies(session, dataset) == [row.body for row in ROWS]
    assert catalog.status_code == 200
