"""Review: nobody is given the same sample, decisions are never lost, undo is exact."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError
from app.filtering import service as filtering
from app.review import queue, service, tally
from app.review.models import Decision, ReviewItem, Verdict
from app.samples import service as samples
from app.samples.models import Sample, Status
from tests.factories import fill, make_dataset, numbered, run_job


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, numbered(30))
    return made


def lease(session: Session, dataset: Dataset, who: Principal, count: int = 1) -> list[int]:
    items = queue.lease_next(session, dataset, by=who, count=count)
    session.commit()
    return [item.sample_id for item in items]


def test_two_people_never_hold_the_same_sample(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    mine = lease(session, dataset, lead, 10)
    theirs = lease(session, dataset, annotator, 10)

    assert len({*mine, *theirs}) == 20


def test_asking_again_gives_the_same_samples(
    session: Session, dataset: Dataset, annotator: Principal
) -> None:
    assert lease(session, dataset, annotator, 3) == lease(session, dataset, annotator, 3)


def test_a_lease_that_ran_out_is_given_to_others(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    mine = lease(session, dataset, lead, 2)
    session.execute(update(ReviewItem).values(leased_until=datetime.now(UTC) - timedelta(1)))

    assert lease(session, dataset, annotator, 2) == mine


def test_a_sample_somebody_else_holds_is_not_decided(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    [sample_id] = lease(session, dataset, lead)

    with pytest.raises(ConflictError, match="Somebody else is reading"):
        service.decide(session, sample_id, verdict=Verdict.APPROVE, revision=1, by=annotator)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.APPROVE, Status.APPROVED),
        (Verdict.REJECT, Status.REJECTED),
        (Verdict.FLAG, Status.QUARANTINED),
        (Verdict.SKIP, Status.PENDING),
    ],
)
def test_a_decision_moves_the_sample_and_undo_puts_it_back(
    session: Session, dataset: Dataset, annotator: Principal, verdict: Verdict, status: Status
) -> None:
    [sample_id] = lease(session, dataset, annotator)

    decision = service.decide(
        session, sample_id, verdict=verdict, revision=1, note="because", by=annotator
    )
    assert session.get_one(Sample, sample_id).status is status
    assert service.last_of(session, dataset.id, annotator) is decision

    service.undo(session, decision.id, by=annotator)
    assert session.get_one(Sample, sample_id).status is Status.PENDING
    assert lease(session, dataset, annotator) == [sample_id]
    with pytest.raises(ConflictError, match="taken back already"):
        service.undo(session, decision.id, by=annotator)


def test_what_a_person_skipped_comes_to_others_alone(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    [skipped] = lease(session, dataset, annotator)
    service.decide(session, skipped, verdict=Verdict.SKIP, revision=1, by=annotator)

    assert skipped not in lease(session, dataset, annotator, 5)
    assert lease(session, dataset, lead) == [skipped]


def test_a_decision_on_an_edited_sample_is_refused_and_nothing_is_stored(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    [sample_id] = lease(session, dataset, annotator)
    edited = {"instruction": "Another question?", "input": "", "output": "Another answer."}
    samples.edit(session, sample_id, edited, revision=1, by=lead)

    with pytest.raises(ConflictError) as refusal:
        service.decide(session, sample_id, verdict=Verdict.APPROVE, revision=1, by=annotator)

    assert refusal.value.extra == {"revision": 2}
    assert session.scalars(select(Decision)).all() == []
    assert session.get_one(Sample, sample_id).status is Status.PENDING


def test_an_edit_with_a_decision_is_one_step_and_undone_with_it(
    session: Session, dataset: Dataset, annotator: Principal
) -> None:
    [sample_id] = lease(session, dataset, annotator)
    before = samples.body(session, session.get_one(Sample, sample_id)).body
    edited = {**before, "output": "A better answer."}

    decision = service.decide(
        session, sample_id, verdict=Verdict.APPROVE, revision=1, body=edited, by=annotator
    )
    sample = session.get_one(Sample, sample_id)
    assert (sample.revision, decision.revision, decision.edited_from) == (2, 2, 1)
    assert samples.body(session, sample).body["output"] == "A better answer."

    service.undo(session, decision.id, by=annotator)
    assert samples.body(session, sample).body == before
    assert len(samples.revisions(session, sample_id)) == 3


def test_an_undo_does_not_undo_what_came_after(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    [sample_id] = lease(session, dataset, annotator)
    decision = service.decide(session, sample_id, verdict=Verdict.APPROVE, revision=1, by=annotator)
    sample = samples.locked(session, sample_id)
    samples.set_status(session, sample, Status.REJECTED, by=lead, action="test")

    with pytest.raises(ConflictError, match="has changed since"):
        service.undo(session, decision.id, by=annotator)


def test_only_leads_take_back_decisions_of_others(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    [sample_id] = lease(session, dataset, lead)
    decision = service.decide(session, sample_id, verdict=Verdict.REJECT, revision=1, by=lead)

    with pytest.raises(ForbiddenError):
        service.undo(session, decision.id, by=annotator)


def test_the_queue_is_ordered_by_a_signal_and_filtered(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    queue.configure(
        session,
        dataset,
        by=lead,
        where="judge_score:10..20",
        order_by="-judge_score",
        random_share=0,
        blind=False,
    )

    ids = lease(session, dataset, lead, 5)

    scores = [session.get_one(Sample, one).scores for one in ids]
    assert scores == [[20.0], [19.0], [18.0], [17.0], [16.0]]
    assert tally.read(session, queue.queue_of(session, dataset)).waiting == 11


def test_a_share_is_drawn_at_random_from_all_that_match(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_REFILL", 10)
    queue.configure(
        session, dataset, by=lead, where="", order_by="judge_score", random_share=0.4, blind=False
    )
    lease(session, dataset, lead, 10)

    items = session.scalars(select(ReviewItem).order_by(ReviewItem.position)).all()

    assert sum(item.random for item in items) == 4
    ordered = [item.sample_id for item in items if not item.random]
    assert ordered == sorted(ordered)[:6]


def test_what_a_lead_sends_to_review_comes_first(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    last = session.scalars(select(Sample).order_by(Sample.id.desc()).limit(1)).one()
    samples.set_status(session, last, Status.IN_REVIEW, by=lead, action="test")

    assert lease(session, dataset, annotator) == [last.id]


def test_a_wrong_queue_is_refused(session: Session, dataset: Dataset, lead: Principal) -> None:
    for where, order, share in [("nothing>=3", "", 0), ("", "nothing", 0), ("", "", 2)]:
        with pytest.raises(InvalidError):
            queue.configure(
                session,
                dataset,
                by=lead,
                where=where,
                order_by=order,
                random_share=share,
                blind=False,
            )


def test_every_sample_is_given_once_until_none_is_left(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_REFILL", 7)
    given = []

    while ids := lease(session, dataset, lead):
        given += ids
        service.decide(session, ids[0], verdict=Verdict.APPROVE, revision=1, by=lead)

    assert len(given) == len(set(given)) == 30
    assert tally.read(session, queue.queue_of(session, dataset)).waiting == 0


def test_blind_review_leaves_scores_and_source_out_of_the_answer(
    session: Session, dataset: Dataset, lead: Principal, annotator_api: TestClient, api: TestClient
) -> None:
    setting = {"where": "", "order_by": "", "random_share": 0.0, "blind": True}
    assert api.put("/datasets/mix/review-queue", json=setting).json() == setting

    shown = annotator_api.get("/review/next", params={"dataset": "mix"}).json()["sample"]

    assert shown["scores"] == {}
    assert shown["source"] == ""


def test_review_over_rest(dataset: Dataset, annotator_api: TestClient) -> None:
    shown = annotator_api.get("/review/next", params={"dataset": "mix"}).json()
    assert shown["remaining"] == 30
    path = f"/samples/{shown['sample']['id']}/decisions"

    stale = annotator_api.post(path, json={"verdict": "approve", "revision": 7})
    assert stale.status_code == 409
    assert stale.headers["content-type"] == "application/problem+json"
    assert stale.json()["revision"] == 1

    done = annotator_api.post(path, json={"verdict": "flag", "revision": 1, "note": "odd"})
    assert done.status_code == 201
    undone = annotator_api.post(f"/decisions/{done.json()['id']}/undo")
    assert undone.json()["undone_at"] is not None
    assert annotator_api.post("/decisions/999999/undo").status_code == 404


def test_an_empty_queue_says_so(
    session: Session, lead: Principal, annotator_api: TestClient
) -> None:
    make_dataset(session, lead, "empty")

    answer = annotator_api.get("/review/next", params={"dataset": "empty"}).json()

    assert answer == {"sample": None, "held_until": None, "remaining": 0}


def test_every_decision_is_in_the_audit_log(
    session: Session, dataset: Dataset, annotator: Principal
) -> None:
    [sample_id] = lease(session, dataset, annotator)

    service.decide(
        session, sample_id, verdict=Verdict.REJECT, revision=1, note="wrong", by=annotator
    )

    event = session.scalars(select(AuditEvent).where(AuditEvent.sample_id == sample_id)).one()
    assert (event.actor, event.action) == ("annotator@example.org", "review.reject")
    assert event.before == {"status": "pending"}
    assert event.after is not None
    assert event.after["note"] == "wrong"


def test_undoing_a_decision_on_a_dropped_sample_puts_its_drop_back(
    session: Session, dataset: Dataset, lead: Principal, bells: list[str]
) -> None:
    conditions = [{"expression": "judge_score>=5", "enabled": True}]
    version = filtering.save(session, dataset, name="keep", conditions=conditions, by=lead)
    application, job = filtering.apply(session, version, by=lead)
    run_job(session, job.id)
    dropped = session.scalars(select(Sample).where(Sample.status == Status.DROPPED)).first()
    assert dropped is not None

    decision = service.decide(session, dropped.id, verdict=Verdict.APPROVE, revision=1, by=lead)
    service.undo(session, decision.id, by=lead)
    run_job(session, filtering.undo(session, application, by=lead).id)

    assert session.get_one(Sample, dropped.id).status is Status.PENDING


def test_what_is_left_counts_a_sample_once_however_often_it_is_decided(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_CHEAP_MS", 0.0)
    monkeypatch.setattr(tally, "_LASTS", 10**9)
    review_queue = queue.queue_of(session, dataset)
    before = tally.read(session, review_queue)
    first = session.scalars(select(Sample).order_by(Sample.id)).first()
    assert first is not None

    for verdict in (Verdict.APPROVE, Verdict.REJECT, Verdict.APPROVE):
        last = service.decide(session, first.id, verdict=verdict, revision=1, by=lead)

    after = tally.read(session, review_queue)
    assert after.waiting == before.waiting - 1
    assert after.decided == {Verdict.APPROVE: 2, Verdict.REJECT: 1}
    service.undo(session, last.id, by=lead)
    assert tally.read(session, review_queue).decided == {Verdict.APPROVE: 1, Verdict.REJECT: 1}
