"""Calibration of signals of a dataset: against decisions, against ratings, badges."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.accounts.service import now
from app.calibration import service
from app.datasets.models import Dataset
from app.errors import InvalidError, NotFoundError
from app.review import service as review
from app.review.models import Verdict
from app.samples import registry
from app.samples.models import DatasetSignal, Sample
from app.scoring import trust
from app.scoring.trust import Badge
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    records = [
        instruction(
            f"Question {n}?",
            "word " * (n % 9 + 1),
            domain="math" if n % 2 else "code",
            scores={"judge": float(n % 6), "rating": float((n % 6 + (n % 7 == 0)) % 6)},
        )
        for n in range(120)
    ]
    fill(session, made, lead, records)
    return made


def decide(session: Session, dataset: Dataset, by: Principal, count: int) -> None:
    """Approve what the judge gives 3 and more, but for every tenth."""
    for place, sample in enumerate(
        session.query(Sample).filter_by(dataset_id=dataset.id).order_by(Sample.id).limit(count)
    ):
        good = (place % 6 >= 3) != (place % 10 == 0)
        verdict = Verdict.APPROVE if good else Verdict.REJECT
        review.decide(session, sample.id, verdict=verdict, revision=1, by=by)
    session.commit()


def test_a_judge_is_compared_with_decisions(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    decide(session, dataset, lead, 110)

    found = service.report(session, dataset, "judge")

    assert found.calibration.count == 110
    assert found.calibration.suggested.at == 3.0
    assert found.calibration.trusted
    assert len(found.disagreements) == 11
    assert found.disagreements[0].distance >= found.disagreements[-1].distance


def test_ratings_are_labels_too(session: Session, dataset: Dataset) -> None:
    found = service.report(session, dataset, "judge", against="rating")

    assert found.calibration.count == 120
    assert found.calibration.kappa.value > 0.8
    assert found.calibration.leniency == pytest.approx(-0.14, abs=0.2)


def test_the_page_opens_on_what_people_said(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    browser = browser_of(session, lead)
    address = f"/datasets/{dataset.name}/calibration?signal=judge"

    assert '<option value="rating" selected>' in browser.get(address).text
    decide(session, dataset, lead, 110)
    assert '<option value="decisions" selected>' in browser.get(address).text


def test_what_can_not_be_compared_is_told(session: Session, dataset: Dataset) -> None:
    with pytest.raises(InvalidError, match="No sample has both"):
        service.report(session, dataset, "judge")
    with pytest.raises(NotFoundError, match="no signal `nobody`"):
        service.report(session, dataset, "nobody")
    with pytest.raises(NotFoundError, match="no signal `nobody`"):
        service.report(session, dataset, "judge", against="nobody")


def test_the_badge_holds_until_the_signal_is_measured_in_another_way(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    assert trust.badges(session, dataset.id) == {}
    decide(session, dataset, lead, 110)

    made = api.post("/datasets/mix/calibrations", json={"signal": "judge"})

    assert (made.status_code, made.json()["trusted"]) == (201, True)
    assert trust.badges(session, dataset.id) == {"judge": Badge.CALIBRATED}
    poor = api.post("/datasets/mix/calibrations", json={"signal": "judge", "cut": 0})
    assert poor.json()["trusted"] is False
    listed = api.get("/datasets/mix/calibrations").json()["items"]
    assert listed == [{"signal": "judge", "badge": "not calibrated"}]
    spec = registry.SignalSpec("judge", "judge", registry.IMPORTED, "another")
    registry.claim_slots(session, dataset.id, [spec], None)
    assert trust.badges(session, dataset.id) == {"judge": Badge.STALE}


def test_annotators_look_but_do_not_record(annotator_api: TestClient, dataset: Dataset) -> None:
    looked = annotator_api.get("/datasets/mix/calibration?signal=judge&against=rating")
    recorded = annotator_api.post(
        "/datasets/mix/calibrations", json={"signal": "judge", "against": "rating"}
    )

    assert looked.status_code == 200
    assert recorded.status_code == 403


def test_filters_and_releases_say_whether_a_judge_is_calibrated(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    signal = session.query(DatasetSignal).filter_by(dataset_id=dataset.id, name="judge").one()
    signal.key = "judge"
    decide(session, dataset, lead, 110)
    browser = browser_of(session, lead)
    before = browser.get("/datasets/mix/filters?c=judge>=3&c=words>0&set=keep")
    api.post("/datasets/mix/calibrations", json={"signal": "judge"})

    after = browser.get("/datasets/mix/filters?c=judge>=3&c=words>0&set=keep")
    release = browser.get("/datasets/mix/releases?where=judge>=3")

    assert before.text.count("not calibrated</span>") == 1
    assert after.text.count(">calibrated</span>") == 1
    assert release.text.count(">calibrated</span>") == 1


def test_what_was_learned_from_labels_is_not_calibrated_against_them(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    signal = next(one for one in registry.signals(session, dataset.id) if one.name == "judge")
    signal.key, signal.params = "learned", {"labels": "rating"}
    session.flush()

    with pytest.raises(InvalidError, match="was learned from `rating`"):
        service.report(session, dataset, "judge", "rating")

    decide(session, dataset, lead, 60)
    signal.params, signal.measured_at = {"labels": "decisions"}, now()
    session.flush()
    with pytest.raises(InvalidError, match="No sample has both"):
        service.report(session, dataset, "judge")
    ids = [one.id for one in session.query(Sample).filter_by(dataset_id=dataset.id).limit(80)]
    for place, sample_id in enumerate(sorted(ids)[60:]):
        verdict = Verdict.APPROVE if place % 2 else Verdict.REJECT
        review.decide(session, sample_id, verdict=verdict, revision=1, by=lead)
    assert service.report(session, dataset, "judge").calibration.count == 20


def test_a_judge_that_gives_everybody_the_same_is_shown(session: Session, lead: Principal) -> None:
    made = make_dataset(session, lead, "even")
    rows = [
        instruction(f"Question {n}?", scores={"judge": 2.0, "rating": float(n % 3)})
        for n in range(60)
    ]
    fill(session, made, lead, rows)

    page = browser_of(session, lead).get("/datasets/even/calibration?signal=judge&against=rating")

    assert page.status_code == 200
    assert "<span>Spearman</span><b>–" in page.text
