"""Who decides on all that was made from a sample sees what that is: texts, status, gates."""

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Origin
from app.datasets.models import Dataset, Purpose
from app.generation import account, service
from app.generation.account import Gates
from app.generation.models import GenerationDraft
from app.generation.service import Order
from app.preferences import service as preferences
from app.preferences.orders import Order as PairOrder
from app.samples import lineage
from app.samples import service as samples
from app.samples.bulk import Action
from app.samples.models import Sample, SampleParent, Status
from app.samples.texts import SHOWN
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

pytestmark = pytest.mark.usefixtures("bells")
STORY = "The old lighthouse keeper climbed 112 steps every evening <b>to light</b> the lamp."


@pytest.fixture
def parent(session: Session, lead: Principal) -> Sample:
    """An original with three copies that have errors, one rejected, and a pair elsewhere."""
    made = make_dataset(session, lead)
    (seed,) = fill(session, made, lead, [instruction("Tell.", STORY, origin=Origin.HUMAN)])
    for number in range(3):
        params = {"rate": 0.3, "seed": number}
        given = {"generator": "errors", "params": params, "where": "origin:human"}
        run_job(session, service.start(session, made, Order.model_validate(given), by=lead).id)
    make_dataset(session, lead, "pairs", Purpose.PREFERENCE)
    order = PairOrder(by="errors", into="pairs")
    run_job(session, preferences.start(session, made, order, by=lead).id)
    first = session.scalars(select(SampleParent.child_id).order_by(SampleParent.child_id)).first()
    assert first is not None
    sample = samples.get(session, first)
    samples.set_status(session, sample, Status.REJECTED, by=lead, action="test")
    session.commit()
    return seed


@pytest.fixture
def dataset(session: Session, parent: Sample) -> Dataset:
    return session.get_one(Dataset, parent.dataset_id)


def test_children_come_open_ones_first_with_text_status_and_gates(
    session: Session, parent: Sample, lead: Principal
) -> None:
    found = lineage.children_of(session, parent.id)

    assert [(one.status, one.elsewhere) for one in found] == [
        *[(Status.PENDING, False)] * 2,
        (Status.PENDING, True),
        (Status.REJECTED, False),
    ]
    assert [one.relation for one in found] == ["errors", "errors", "chosen", "errors"]
    assert lineage.open_children(session, parent.id) == 2
    ids = [one.id for one in found]
    (draft, *_) = session.scalars(
        select(GenerationDraft).where(GenerationDraft.sample_id == ids[0])
    )
    draft.gates = [{"name": "a", "passed": True}, {"name": "b", "passed": False}]
    session.commit()
    gates = account.gates_of(session, ids)
    assert gates[ids[0]] == Gates(1, 2)
    assert ids[2] not in gates

    page = browser_of(session, lead).get(f"/samples/{parent.id}").text
    shown = BeautifulSoup(page, "html.parser").select("ol[aria-label='What was made from it'] li")
    assert [f"#{one}" in item.text for one, item in zip(ids, shown, strict=True)] == [True] * 4
    assert "1 of 2 gates passed" in shown[0].text
    for child, item in zip(found, shown, strict=True):
        text = item.select_one("p.two")
        assert text is not None
        assert text.text == child.text  # hostile, and shown as it is
        assert child.status.value.replace("_", " ") in item.text.lower()
    assert "in another dataset" in shown[2].text
    assert "Approve its 2 open children" in page


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("Why is it so?", "Why is it not?", "Why is it not?"),
        ("word " * 40 + "right", "word " * 40 + "wrong", "… " + "word " * 6 + "wrong"),
        ("word " * 40, "word " * 30, "word " * 30),
        ("word " * 40 + "right", "word " * 40 + "wrong " * 99, None),
        ("x" * 200 + "a", "x" * 200 + "b", "x" * 200 + "b"),
    ],
)
def test_a_text_is_shown_from_shortly_before_it_differs(
    one: str, other: str, shown: str | None
) -> None:
    found = lineage.differing(one, other)

    assert len(found) <= SHOWN + 2
    assert found.startswith("… word") if shown is None else found == shown


def test_annotators_see_them_and_decide_on_none(
    session: Session, parent: Sample, annotator: Principal
) -> None:
    page = browser_of(session, annotator).get(f"/samples/{parent.id}").text

    assert "What was made from it" in page
    assert "open children" not in page


def test_over_rest_and_on_the_command_line_they_are_told(
    session: Session, parent: Sample, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = api.get(f"/samples/{parent.id}/lineage").json()["children"]
    assert [one["status"] for one in told] == ["pending"] * 3 + ["rejected"]
    texts = [one["text"] for one in told if not one["elsewhere"]]
    assert len(set(texts)) == 3
    monkeypatch.setattr("app.cli_work.from_environment", lambda: Here(api, session))

    code, said = winnow("decide", parent.id, "approve", "--children")

    assert code == 0
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == [str(one["id"]) for one in told[:2]]
    assert "Approve: 2 samples" in lines[-1]


def test_of_very_many_the_first_are_shown(
    session: Session, parent: Sample, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ledger.pages._CHILDREN", 3)

    page = browser_of(session, lead).get(f"/samples/{parent.id}").text

    assert "The first 3 of 4 are shown, open ones before the others." in page


def test_what_was_decided_on_is_not_open(
    session: Session, parent: Sample, dataset: Dataset, lead: Principal
) -> None:
    job = lineage.decide_children(session, dataset, parent, Action.APPROVE, by=lead)
    run_job(session, job.id)

    found = lineage.children_of(session, parent.id)

    assert [one.status for one in found if one.elsewhere] == [Status.PENDING]
    mine = [one.status for one in found if not one.elsewhere]
    assert mine == [Status.REJECTED, Status.APPROVED, Status.APPROVED]
