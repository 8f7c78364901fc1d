"""Pairs in review: the better answer is chosen blindly, what was said is kept and undone."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.pairs.sides import Side, chosen_first
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.review import comparing, service
from app.review.models import Decision
from app.samples import service as samples
from app.samples.models import Sample, Status
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset

KNOWN = {"chosen_score": 5.0, "rejected_score": 2.0, "margin": 3.0, "pair_by": "scores:judge"}


def pair(number: int) -> Record:
    body = {"prompt": f"Why {number}?", "chosen": f"Since {number}.", "rejected": f"No {number}."}
    return Record(Kind.PREFERENCE, body, metadata=KNOWN)


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def made(session: Session, dataset: Dataset, lead: Principal) -> list[Sample]:
    return fill(session, dataset, lead, [pair(number) for number in range(8)])


def side_of(sample: Sample, who: Principal, *, chosen: bool) -> Side:
    return Side.A if chosen_first(sample.id, who.id) == chosen else Side.B


def prefer(session: Session, sample: Sample, side: Side, by: Principal, note: str = "") -> Decision:
    return comparing.prefer(
        session, sample.id, side=side, revision=sample.revision, by=by, note=note
    )


def test_the_answers_stand_in_ones_own_order(
    session: Session, made: list[Sample], lead: Principal, annotator: Principal
) -> None:
    orders = {}
    for who in (lead, annotator):
        found = [comparing.sides(one, samples.body(session, one), who) for one in made]
        assert [{one.a, one.b} for one in found] == [
            {f"Since {number}.", f"No {number}."} for number in range(8)
        ]
        orders[who.email] = [one.a.startswith("Since") for one in found]
        assert orders[who.email] == [chosen_first(one.id, who.id) for one in made]


def test_who_agrees_approves(session: Session, made: list[Sample], annotator: Principal) -> None:
    sample = made[0]

    decision = prefer(session, sample, side_of(sample, annotator, chosen=True), annotator, "clear")

    assert (sample.status, sample.revision) == (Status.APPROVED, 1)
    assert (decision.preferred, decision.note) == ("chosen", "clear")
    assert decision.place == side_of(sample, annotator, chosen=True)


def test_who_prefers_the_other_one_changes_the_sides_and_undo_changes_them_back(
    session: Session, made: list[Sample], annotator: Principal
) -> None:
    sample = made[0]

    decision = prefer(session, sample, side_of(sample, annotator, chosen=False), annotator)

    body = samples.body(session, sample)
    assert (sample.status, sample.revision, body.author_id) == (Status.APPROVED, 2, annotator.id)
    assert body.body == {"prompt": "Why 0?", "chosen": "No 0.", "rejected": "Since 0."}
    assert body.sample_metadata == {
        "pair_by": "scores:judge",
        "chosen_score": 2.0,
        "rejected_score": 5.0,
        "margin": -3.0,
        "swapped": True,
    }
    assert (decision.preferred, decision.note) == ("rejected", "sides swapped")

    service.undo(session, decision.id, by=annotator)

    body = samples.body(session, sample)
    assert sample.status is Status.PENDING
    assert body.body == {"prompt": "Why 0?", "chosen": "Since 0.", "rejected": "No 0."}
    assert body.sample_metadata == KNOWN


def test_where_the_other_order_is_there_already_the_pair_is_rejected(
    session: Session, dataset: Dataset, made: list[Sample], lead: Principal, annotator: Principal
) -> None:
    other = {"prompt": "Why 0?", "chosen": "No 0.", "rejected": "Since 0."}
    twin = fill(session, dataset, lead, [Record(Kind.PREFERENCE, other)])[-1]

    decision = prefer(session, made[0], side_of(made[0], annotator, chosen=False), annotator)

    assert (made[0].status, made[0].revision) == (Status.REJECTED, 1)
    assert (decision.preferred, decision.note) == (
        "rejected",
        f"the other order is sample {twin.id}",
    )


def test_neither_rejects(session: Session, made: list[Sample], annotator: Principal) -> None:
    first = prefer(session, made[0], Side.TIE, annotator)
    second = prefer(session, made[1], Side.TIE, annotator, "both are wrong")

    assert (made[0].status, first.note, first.preferred) == (Status.REJECTED, "tie", "tie")
    assert second.note == "tie: both are wrong"
    service.undo(session, first.id, by=annotator)
    assert made[0].status is Status.PENDING


def test_what_is_no_pair_or_was_edited_is_refused(
    session: Session, dataset: Dataset, made: list[Sample], lead: Principal, annotator: Principal
) -> None:
    single = fill(session, dataset, lead, [instruction("Why?")])[-1]
    with pytest.raises(InvalidError, match="no pair of answers"):
        prefer(session, single, Side.A, annotator)
    edited = {"prompt": "Why?", "chosen": "Since.", "rejected": "No."}
    samples.edit(session, made[0].id, edited, revision=1, by=lead)

    with pytest.raises(ConflictError, match="edited while you were reading"):
        comparing.prefer(session, made[0].id, side=Side.A, revision=1, by=annotator)

    assert session.scalars(select(Decision)).all() == []


def test_over_rest_one_is_shown_sides_and_says_which_is_better(
    session: Session, made: list[Sample], annotator: Principal, annotator_api: TestClient
) -> None:
    shown = annotator_api.get(f"/samples/{made[0].id}/sides").json()
    better = "a" if shown["a"].startswith("No") else "b"

    said = annotator_api.post(
        f"/samples/{made[0].id}/preferences",
        json={"preferred": better, "revision": shown["revision"]},
    )

    assert said.status_code == 201
    assert (said.json()["preferred"], said.json()["place"]) == ("rejected", better)
    session.expire_all()
    assert samples.body(session, samples.get(session, made[0].id)).body["chosen"] == "No 0."
    undone = annotator_api.post(f"/decisions/{said.json()['id']}/undo")
    assert undone.status_code == 200


def test_the_page_tells_nothing_that_would_lead(
    session: Session, made: list[Sample], annotator: Principal
) -> None:
    browser = browser_of(session, annotator)

    page = browser.get("/datasets/mix/review").text

    shown = page[page.index('id="bench"') : page.index('id="guidelines"')]
    first = re.search(r'aria-label="Answer A">.*?(Since|No)', shown, re.DOTALL)
    assert first is not None
    assert (first.group(1) == "Since") == chosen_first(made[0].id, annotator.id)
    for word in ("chosen", "rejected<", "margin", "3.0"):
        assert word not in shown.lower()
    for name in ("Prefer A", "Prefer B", "Neither"):
        assert name in shown


def test_on_the_page_a_preference_brings_the_next_pair(
    session: Session, dataset: Dataset, made: list[Sample], annotator: Principal
) -> None:
    browser = browser_of(session, annotator)
    browser.get("/datasets/mix/review")
    swap = {"HX-Request": "true"}

    side = side_of(made[0], annotator, chosen=False)
    form = {"verdict": side.value, "revision": "1", "note": "look"}
    answer = browser.post(f"/datasets/mix/review/{made[0].id}", data=form, headers=swap)

    assert answer.status_code == 200
    assert "Why 1?" in answer.text
    last = service.last_of(session, dataset.id, annotator)
    assert last is not None
    assert (last.preferred, last.note) == ("rejected", "sides swapped: look")
    again = browser.post(f"/datasets/mix/review/{made[0].id}", data=form, headers=swap)
    assert again.status_code == 409
    assert "it is at 2" in again.text
    editor = browser.get(f"/datasets/mix/review/{made[1].id}/edit", headers=swap).text
    assert re.search(r'aria-label="A"', editor)
    assert "Save and approve" not in editor
