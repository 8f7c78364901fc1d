"""Pairs inherit what was found in their answers: nothing of a benchmark is released in a pair."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.contamination import verdicts
from app.contamination.inheriting import refuse_inherited
from app.contamination.models import Judgement
from app.contamination.verdicts import Filter, VerdictIn
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError
from app.preferences import service
from app.preferences.orders import Order
from app.releases import service as releases
from app.samples.models import Sample, Status
from tests.contamination.test_contamination import LONG, look
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def answers(session: Session, lead: Principal) -> Dataset:
    """Two questions with two answers each, one of them that of a benchmark."""
    quiz = make_dataset(session, lead, "quiz", Purpose.BENCHMARK)
    fill(session, quiz, lead, [instruction(LONG, "28")])
    made = make_dataset(session, lead, "answers", Purpose.SFT)
    records = [
        instruction(question, text, scores={"judge": score})
        for question in (LONG, "How is bread baked?")
        for text, score in (("Slowly, as always.", 5.0), ("With a machine.", 2.0))
    ]
    fill(session, made, lead, records)
    return made


@pytest.fixture
def pairs(session: Session, lead: Principal, answers: Dataset) -> Dataset:
    into = make_dataset(session, lead, "pairs", Purpose.PREFERENCE)
    order = Order(by="scores:judge", into="pairs")
    run_job(session, service.start(session, answers, order, by=lead).id)
    query = update(Sample).where(Sample.dataset_id == into.id)
    session.execute(query.values(status=Status.APPROVED))
    session.commit()
    return into


@pytest.mark.parametrize("verdict", [None, Judgement.REMOVE, Judgement.QUARANTINE])
def test_what_was_found_in_an_answer_and_not_allowed_holds_its_pair_back(
    session: Session, lead: Principal, answers: Dataset, pairs: Dataset, verdict: Judgement | None
) -> None:
    look(session, answers, lead, "ngram13")
    if verdict is not None:
        verdicts.decide(session, answers, VerdictIn(verdict=verdict, all_of=Filter()), by=lead)
    tainted, clean = session.scalars(
        select(Sample.id).where(Sample.dataset_id == pairs.id).order_by(Sample.id)
    )

    words = f"1 approved pairs have an answer of answers in which .* the pairs: id:{tainted}$"
    with pytest.raises(ConflictError, match=words):
        releases.start(session, pairs, name="v1", where="", formats=["jsonl"], by=lead)
    release, _ = releases.start(
        session, pairs, name="v1", where=f"id:{clean}", formats=["jsonl"], by=lead
    )
    assert release.name == "v1"


@pytest.mark.parametrize("where", ["answers", "pairs"])
def test_what_was_allowed_in_the_answers_or_in_the_pair_is_released(
    session: Session, lead: Principal, answers: Dataset, pairs: Dataset, where: str
) -> None:
    for dataset in (answers, pairs):
        look(session, dataset, lead, "ngram13")
    allowed = VerdictIn(verdict=Judgement.ALLOW, reason="a common question", all_of=Filter())
    assert verdicts.decide(session, {"answers": answers, "pairs": pairs}[where], allowed, by=lead)

    refuse_inherited(session, pairs, "")


def test_answers_of_what_became_a_benchmark_are_held_back_whatever_was_allowed(
    session: Session, lead: Principal, answers: Dataset, pairs: Dataset
) -> None:
    refuse_inherited(session, pairs, "")
    answers.purpose = Purpose.BENCHMARK
    session.commit()

    with pytest.raises(ConflictError, match="2 approved rows are made of samples of answers, whi"):
        releases.start(session, pairs, name="v1", where="", formats=["jsonl"], by=lead)
