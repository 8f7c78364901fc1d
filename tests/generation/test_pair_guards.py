"""Pairs in another dataset stand under the guards of the dataset that their answers come from."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.pairs.sides import Side
from app.curation.records import Kind, Origin
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError
from app.generation import batches, guards, made_of, service
from app.generation.guards import CapIn
from app.generation.models import GenerationDraft, GenerationRun
from app.generation.service import Order
from app.preferences import service as preferences
from app.preferences.orders import Order as PairOrder
from app.releases import service as releases
from app.review import comparing
from app.review import service as review
from app.review.models import Verdict
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.samples.search import condition
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")
STORY = "The old lighthouse keeper climbed 112 steps every evening to light lamp {} for Bergen."


@pytest.fixture
def answers(session: Session, lead: Principal) -> Dataset:
    """Originals that people wrote, each with a copy that has errors."""
    made = make_dataset(session, lead, "answers", Purpose.SFT)
    records = [
        instruction(f"Tell story {n}.", STORY.format(n), origin=Origin.HUMAN) for n in range(4)
    ]
    fill(session, made, lead, records)
    order = Order.model_validate({"generator": "errors", "params": {"rate": 0.3}})
    run_job(session, service.start(session, made, order, by=lead).id)
    return made


@pytest.fixture
def pairs(session: Session, lead: Principal, answers: Dataset) -> Dataset:
    """Their pairs, all approved at once."""
    into = make_dataset(session, lead, "pairs", Purpose.PREFERENCE)
    order = PairOrder(by="errors", into="pairs")
    run_job(session, preferences.start(session, answers, order, by=lead).id)
    session.execute(
        update(Sample).where(Sample.dataset_id == into.id).values(status=Status.APPROVED)
    )
    session.commit()
    return into


def of(session: Session, dataset: Dataset) -> list[Sample]:
    session.expire_all()
    query = select(Sample).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def release(session: Session, dataset: Dataset, by: Principal, where: str = "") -> None:
    with session.begin_nested() as tried:
        releases.start(session, dataset, name="r", where=where, formats=["jsonl"], by=by)
        tried.rollback()


def the_run(session: Session) -> GenerationRun:
    return session.scalars(select(GenerationRun)).one()


def test_their_share_and_depth_count_though_nothing_was_generated_where_they_lie(
    session: Session, lead: Principal, pairs: Dataset
) -> None:
    found = guards.of_release(session, pairs, "")

    assert (found.guarded, found.standing, found.depths) == (True, "block", ((1, 4),))
    assert found.shares[0].share == 1
    with pytest.raises(ConflictError, match="100% of the words are synthetic, and the cap of pai"):
        release(session, pairs, lead)


def test_the_deeper_side_is_the_depth_of_a_pair(
    session: Session, answers: Dataset, pairs: Dataset
) -> None:
    session.execute(update(GenerationDraft).values(depth=3))
    session.commit()
    first = of(session, pairs)[0].id

    assert guards.of_dataset(session, pairs).deepest == 3
    assert guards.of_release(session, pairs, f"id:{first}").depths == ((3, 1),)
    assert guards.of_dataset(session, answers).depths == ((3, 4),)
    assert made_of.homes(session, condition(session, pairs.id, "")) == {answers.id}


def test_pairs_of_what_was_synthetic_when_it_came_are_their_owners_choice(
    session: Session, lead: Principal
) -> None:
    came = make_dataset(session, lead, "came", Purpose.ANY)
    records = [
        instruction("Why?", text, origin=Origin.SYNTHETIC, scores={"judge": score})
        for text, score in (("Since it is so, said Anna.", 5.0), ("It just is so!", 3.0))
    ]
    fill(session, came, lead, records)
    into = make_dataset(session, lead, "prefs", Purpose.PREFERENCE)
    order = PairOrder(by="scores:judge", into="prefs")
    run_job(session, preferences.start(session, came, order, by=lead).id)

    found = guards.of_dataset(session, into)

    assert (found.standing, found.guarded, found.depths) == ("block", False, ())


def test_pairs_of_a_batch_that_nobody_looked_at_are_released_once_somebody_did(
    session: Session, lead: Principal, pairs: Dataset
) -> None:
    guards.set_cap(session, pairs, CapIn(warn_at=1, block_at=1), by=lead)
    number = the_run(session).number
    words = f"4 pairs of answers of run {number} are approved though nobody looked at them"
    with pytest.raises(ConflictError, match=words) as refusal:
        release(session, pairs, lead)
    out = f"-metadata.rejected_run:{number}"
    assert str(refusal.value).endswith(f"review the pairs one by one, or leave them out: {out}")
    assert releases.approved(session, pairs, out) == 0

    seen, other, *_ = of(session, pairs)
    comparing.prefer(session, seen.id, side=Side.A, revision=1, by=lead)
    release(session, pairs, lead, f"id:{seen.id}")
    with pytest.raises(ConflictError, match="1 pairs of answers of run"):
        release(session, pairs, lead, f"id:{other.id}")
    rejected = samples.body(session, other).sample_metadata["rejected_sample"]
    review.decide(session, rejected, verdict=Verdict.APPROVE, revision=1, by=lead)
    release(session, pairs, lead, f"id:{seen.id},{other.id}")
    with pytest.raises(ConflictError, match="2 pairs of answers of run"):
        release(session, pairs, lead)

    session.execute(update(GenerationRun).values(review_share=0))
    release(session, pairs, lead)


def test_in_one_dataset_samples_and_pairs_of_a_run_are_told_apart(
    session: Session, lead: Principal, answers: Dataset
) -> None:
    answers.purpose = Purpose.ANY
    order = PairOrder(by="errors")
    run_job(session, preferences.start(session, answers, order, by=lead).id)
    session.execute(update(Sample).values(status=Status.APPROVED))
    guards.set_cap(session, answers, CapIn(warn_at=1, block_at=1), by=lead)
    session.commit()

    with pytest.raises(ConflictError, match=r"8 samples of run \d+ \(4 as pairs of answers\)"):
        batches.refuse_unseen(session, answers, "")


def test_a_pair_that_a_generator_made_is_a_draft_itself(
    session: Session, lead: Principal, answers: Dataset
) -> None:
    """Its own draft says how deep it is; its parents are not asked."""
    answers.purpose = Purpose.ANY
    params = {"rate": 0.3, "seed": 1, "form": "preference"}
    order = {"generator": "errors", "params": params, "where": "origin:human"}
    job = service.start(session, answers, Order.model_validate(order), by=lead)
    run_job(session, job.id)
    session.execute(update(Sample).values(status=Status.APPROVED))
    for draft in session.scalars(select(GenerationDraft).where(GenerationDraft.depth == 1)):
        sample = session.get_one(Sample, draft.sample_id)
        if sample.kind is Kind.INSTRUCTION:
            draft.sample_id, draft.depth = draft.parents[0], 5
    session.commit()

    assert guards.of_dataset(session, answers, "kind:preference").depths == ((1, 4),)
    assert guards.of_dataset(session, answers, "kind:instruction").depths == ((5, 4),)
    with pytest.raises(ConflictError, match=r"leave them out: -metadata.run:\d+$"):
        batches.refuse_unseen(session, answers, "kind:preference")
