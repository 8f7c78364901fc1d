"""A queue that shows first what teaches most."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.embeddings import service as embeddings
from app.errors import InvalidError
from app.providers.embedders import Tier
from app.review import queue
from app.review import service as review
from app.review.models import ReviewItem, Verdict
from app.samples import registry
from app.samples.models import Sample, Status
from app.scoring.models import CalibrationRecord
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

COUNT = 40


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """40 rows: `first` is a probability that rises, `second` agrees but for rows 3 and 30."""
    made = make_dataset(session, lead)
    rows = []
    for number in range(COUNT):
        second = {3: 39, 30: 0}.get(number, number)
        scores = {"first": number / COUNT, "second": float(second)}
        rows.append(instruction(f"Question {number}?", scores=scores if number < 38 else {}))
    fill(session, made, lead, rows)
    return made


def ids(session: Session, dataset: Dataset) -> list[int]:
    query = select(Sample.id).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return list(session.scalars(query))


def order(
    session: Session, dataset: Dataset, by: Principal, order_by: str, random: float = 0.0
) -> list[int]:
    """The places of the samples as the queue holds them."""
    queue.configure(
        session, dataset, by=by, where="", order_by=order_by, random_share=random, blind=False
    )
    queue.refill(session, queue.queue_of(session, dataset))
    places = {one: place for place, one in enumerate(ids(session, dataset))}
    query = select(ReviewItem.sample_id).order_by(ReviewItem.position)
    return [places[one] for one in session.scalars(query)]


def test_the_least_certain_come_first(session: Session, dataset: Dataset, lead: Principal) -> None:
    found = order(session, dataset, lead, "uncertain:first")

    assert set(found[:3]) == {19, 20, 21}
    assert set(found[-2:]) == {38, 39}  # without a score, last


def test_the_threshold_is_the_one_that_was_calibrated(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    assert set(order(session, dataset, lead, "uncertain:second")[:2]) <= {17, 18, 19, 20}
    session.add(
        CalibrationRecord(
            dataset_id=dataset.id,
            signal="second",
            fingerprint="x",
            against="decisions",
            labels=30,
            cut=7.2,
            kappa=0.7,
            trusted=True,
        )
    )
    session.flush()

    assert order(session, dataset, lead, "uncertain:second")[0] == 7


def test_what_scorers_differ_on_comes_first(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    assert set(order(session, dataset, lead, "disagreement:first,second")[:2]) == {3, 30}


def test_what_was_sent_to_review_by_hand_stays_in_front(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    session.get_one(Sample, ids(session, dataset)[5]).status = Status.IN_REVIEW
    session.flush()

    assert order(session, dataset, lead, "uncertain:first")[0] == 5


def test_a_share_is_drawn_by_chance_beside_any_order(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [instruction(f"More {n}?") for n in range(100)])

    found = order(session, dataset, lead, "uncertain:first", random=0.25)

    drawn = session.scalars(select(ReviewItem).where(ReviewItem.random)).all()
    assert (len(found), len(drawn)) == (100, 25)


def test_what_is_unlike_everything_decided_comes_first(
    session: Session, lead: Principal, bells: list[str]
) -> None:
    made = make_dataset(session, lead, "new")
    rows = [instruction(f"How do I sort list {n}?", f"Call sort on list {n}.") for n in range(9)]
    fill(session, made, lead, [*rows, instruction("Soup?", "Boil carrots and leeks with salt.")])
    if embeddings.known(session, Tier.STATIC) is None:
        with pytest.raises(InvalidError, match="embed the samples first"):
            order(session, made, lead, "novel")
    run_job(session, embeddings.start(session, made, Tier.STATIC, by=lead).id)
    first = ids(session, made)[0]
    review.decide(session, first, verdict=Verdict.APPROVE, revision=1, by=lead)

    assert order(session, made, lead, "novel")[0] == 9


@pytest.mark.parametrize(
    ("order_by", "says"),
    [
        ("uncertain:nothing", "There is no signal `nothing`"),
        ("uncertain", "Write `uncertain:SIGNAL`"),
        ("uncertain:first,second", "Write `uncertain:SIGNAL`"),
        ("disagreement", "takes two scores"),
        ("nothing", "no field `nothing`"),
    ],
)
def test_an_order_that_can_not_be_is_refused(
    api: TestClient, dataset: Dataset, order_by: str, says: str
) -> None:
    answer = api.put("/datasets/mix/review-queue", json={"order_by": order_by})

    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_the_newest_version_of_what_was_learned_is_asked(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    for name, version in (("first", 1), ("second", 2)):
        signal = next(s for s in registry.signals(session, dataset.id) if s.name == name)
        signal.key, signal.version, signal.params = "learned", version, {"name": "quality"}
    session.flush()

    assert set(order(session, dataset, lead, "uncertain:first")[:2]) <= {17, 18, 19, 20}
    assert set(order(session, dataset, lead, "disagreement")[:2]) == {3, 30}


def test_on_the_command_line(
    session: Session, api: TestClient, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli_work.from_environment", lambda: Here(api, session))

    code, said = winnow(
        *("review", "queue", "mix", "--order", "uncertain:first", "--random", "0.1", "--blind")
    )

    assert (code, "uncertain:first" in said) == (0, True)
    found = queue.queue_of(session, dataset)
    assert (found.order_by, round(found.random_share, 3), found.blind) == (
        "uncertain:first",
        0.1,
        True,
    )
