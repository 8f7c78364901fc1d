"""Verifying end to end: the job, its verdicts, what is done again, the rates and the gate."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError
from app.jobs.models import Job, JobStatus, Queue
from app.releases import service as releases
from app.samples.models import Sample, Status
from app.verifying import badges, rates, service
from app.verifying.service import Order
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")


def verify(session: Session, dataset: Dataset, by: Principal, verifier: str, **more: object) -> Job:
    order = Order.model_validate({"verifier": verifier, **more})
    return run_job(session, service.start(session, dataset, order, by=by).id)


def verdicts(session: Session, dataset: Dataset, name: str) -> list[float | None]:
    slot = next(one.slot for one in service.signals(session, dataset.id) if one.name == name)
    query = select(Sample.scores[slot + 1]).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def sums(count: int, wrong: set[int]) -> list[Record]:
    """Sums with their right answers; some answer is one too many."""
    return [
        instruction(
            f"What is {n} plus {n}?",
            f"It is {2 * n + (n in wrong)}.",
            metadata={"answer": str(2 * n)},
            external_id=f"sum-{n}",
        )
        for n in range(count)
    ]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


EXERCISES = {
    "right": "def add_{n}(a):\n    return a + {n}\n",
    "syntax": "def add_{n}(a:\n    return a + {n}\n",
    "failing": "def add_{n}(a):\n    return a - {n} - 1\n",
    "endless": "def add_{n}(a):\n    while True:\n        a += {n}\n",
}


def exercise(number: int, kind: str) -> Record:
    body = {
        "signature": f"def add_{number}(a):\n",
        "docstring": f"Add {number} to a.",
        "solution": EXERCISES[kind].format(n=number),
        "tests": f"assert add_{number}(1) == {number + 1}\nassert add_{number}(-3) == {number - 3}",
    }
    return Record(Kind.COMPLETION, body, external_id=f"{kind}-{number}")


def test_of_50_exercises_the_25_right_ones_are_accepted(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    kinds = ["right"] * 25 + ["syntax"] * 10 + ["failing"] * 10 + ["endless"] * 5
    fill(session, dataset, lead, [exercise(n, kind) for n, kind in enumerate(kinds)])

    job = verify(session, dataset, lead, "code_tests", params={"seconds": 1})

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.CPU)
    assert verdicts(session, dataset, "code_tests") == [1.0] * 25 + [0.0] * 25
    assert job.result == {"verified": 25, "refuted": 25, "uncheckable": 0, "rows": 50}
    last = session.scalars(select(Sample).order_by(Sample.id.desc())).first()
    assert last is not None
    (badge,) = badges.badges(session, last)
    assert badge.verdict == "refuted"
    assert "1 s of processor time" in badge.reason


def test_rows_with_a_verdict_are_left_alone_until_they_change(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = fill(session, dataset, lead, sums(10, {3}))
    verify(session, dataset, lead, "math_answer")

    assert verify(session, dataset, lead, "math_answer").total == 0
    rows[3].revision = 2
    session.flush()
    assert verify(session, dataset, lead, "math_answer", again=True).total == 10
    job = verify(session, dataset, lead, "math_answer", params={"tolerance": 0.5})
    assert job.total == 10  # other parameters: what was found before says nothing
    assert verdicts(session, dataset, "math_answer")[4] == 1.0


def test_a_row_that_can_not_be_checked_has_no_value_and_a_reason(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    (row,) = fill(session, dataset, lead, [instruction("Why?", "Because.")])

    verify(session, dataset, lead, "math_answer")

    assert verdicts(session, dataset, "math_answer") == [None]
    (badge,) = badges.badges(session, row)
    assert (badge.verdict, badge.stale) == ("not checked", False)
    assert badge.reason == "There is no right answer: looked at metadata.answer."


def test_only_matching_rows_are_verified(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, sums(4, set()))

    job = verify(session, dataset, lead, "math_answer", where="external_id:sum-2")

    assert verdicts(session, dataset, "math_answer") == [None, None, 1.0, None]
    assert job.result == {"verified": 1, "refuted": 0, "uncheckable": 0, "rows": 1}


def test_the_result_counts_the_rows_that_the_job_was_over(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [*sums(4, {1, 2}), instruction("Why?", "Because.")])
    first = verify(session, dataset, lead, "math_answer", where="external_id:sum-1")
    again = verify(session, dataset, lead, "math_answer")
    none = verify(session, dataset, lead, "math_answer")

    assert first.result == {"verified": 0, "refuted": 1, "uncheckable": 0, "rows": 1}
    assert again.result == {"verified": 2, "refuted": 1, "uncheckable": 1, "rows": 4}
    assert none.result == {"verified": 0, "refuted": 0, "uncheckable": 0, "rows": 0}


def test_80_of_100_verified_is_80_percent_and_a_gate_of_90_refuses(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = fill(session, dataset, lead, sums(100, set(range(20))))
    for row in rows:
        row.status = Status.APPROVED
    verify(session, dataset, lead, "math_answer")

    together, alone = rates.rates(session, dataset)
    assert (together.verified, together.refuted, together.unchecked) == (80, 20, 0)
    assert together.share == alone.share == 0.8

    rates.set_gate(session, dataset, 0.9, by=lead)
    with pytest.raises(ConflictError, match=r"80\.0% of the 100 approved rows are verified"):
        releases.start(session, dataset, name="r1", where="", formats=["jsonl"], by=lead)
    releases.start(session, dataset, name="r1", where="math_answer:1", formats=["jsonl"], by=lead)
    rates.set_gate(session, dataset, 0.8, by=lead)
    releases.start(session, dataset, name="r2", where="", formats=["jsonl"], by=lead)
    rates.set_gate(session, dataset, None, by=lead)
    releases.start(session, dataset, name="r3", where="", formats=["jsonl"], by=lead)


def test_a_row_that_one_verifier_refutes_is_not_verified(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = sums(2, set())
    wrong = instruction("Work it out.", "2 + 2 = 5, so it is 4", metadata={"answer": "4"})
    fill(session, dataset, lead, [*rows, wrong])
    verify(session, dataset, lead, "math_answer")
    verify(session, dataset, lead, "arithmetic")

    together, *each = rates.rates(session, dataset)

    assert {one.name: (one.verified, one.refuted) for one in each} == {
        "arithmetic": (0, 1),
        "math_answer": (3, 0),
    }
    assert (together.verified, together.refuted) == (2, 1)


def test_an_edited_row_keeps_no_verdict_of_the_text_it_had(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = fill(session, dataset, lead, sums(1, set()))
    verify(session, dataset, lead, "math_answer")
    from app.samples import service as samples  # noqa: PLC0415

    body = {"instruction": "What is 0 plus 0?", "input": "", "output": "It is 7."}
    samples.edit(session, rows[0].id, body, revision=1, by=lead, reason="")
    session.commit()

    assert badges.badges(session, rows[0])[0].stale
    verify(session, dataset, lead, "math_answer")
    assert verdicts(session, dataset, "math_answer") == [0.0]


def test_two_runs_of_a_verifier_at_once_are_refused(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, sums(1, set()))
    order = Order(verifier="math_answer")
    service.start(session, dataset, order, by=lead)

    with pytest.raises(ConflictError, match="`math_answer` is verifying here right now"):
        service.start(session, dataset, order, by=lead)
    service.start(session, dataset, Order(verifier="arithmetic"), by=lead)


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"verifier": "truth"}, "There is no verifier `truth`. There are code_tests"),
        ({"verifier": "arithmetic", "provider": "x"}, "asks no model"),
        ({"verifier": "arithmetic", "params": {"answer": "somewhere"}}, "arithmetic.answer"),
        ({"verifier": "agreement", "params": {"signals": "a,b"}}, "There is no signal `a` here"),
        ({"verifier": "arithmetic", "where": "nosuch:1"}, "nosuch"),
    ],
)
def test_what_can_not_be_run_is_refused_in_words(
    session: Session, dataset: Dataset, lead: Principal, order: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidError, match=says):
        service.start(session, dataset, Order.model_validate(order), by=lead)


def test_annotators_may_look_and_no_more(
    session: Session, dataset: Dataset, annotator: Principal, annotator_api: TestClient
) -> None:
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, Order(verifier="arithmetic"), by=annotator)
    with pytest.raises(ForbiddenError):
        rates.set_gate(session, dataset, 0.5, by=annotator)
    assert annotator_api.get(f"/datasets/{dataset.name}/verification").status_code == 200


def test_agreement_reads_the_signals_that_it_names(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    values = [(5.0, 4.0), (5.0, 1.0), (4.0, None)]
    records = [
        instruction(
            f"Question {n}?",
            scores={"a": a, **({} if b is None else {"b": b})},
        )
        for n, (a, b) in enumerate(values)
    ]
    fill(session, dataset, lead, records)

    verify(session, dataset, lead, "agreement", params={"signals": "a, b", "cut": 3})

    assert verdicts(session, dataset, "agreement") == [1.0, 0.0, None]
