"""Exercises in real sandboxes: programs that loop, fail and do not parse are told apart."""

import json

import pytest
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.generation import account, service
from app.generation.service import Order
from app.jobs.models import JobStatus, Queue
from tests.endpoint import Answer, Json, serving
from tests.factories import make_dataset, run_job
from tests.generation.test_runs import add_provider, said

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def exercise(request: Json) -> Answer:
    """Of ten, two do not parse, two fail their test, one never ends, five are good."""
    name = said(request).split("The function is named ")[1].split(".")[0]
    exercise.number += 1  # type: ignore[attr-defined]
    number = exercise.number  # type: ignore[attr-defined]
    solution = f"    total = values + {number}\n    return total"
    if number % 10 in (1, 2):
        solution = "    total = (values\n    return"
    if number % 10 == 3:
        solution = "    while True:\n        values += 1\n    return values"
    wrong = number % 10 in (4, 5)
    body = {
        "signature": f"def {name}(values):",
        "docstring": f"Add {number} to values, as in task {name} {number} of this collection.",
        "solution": solution,
        "tests": f"assert {name}(1) == {number + 1 + wrong}",
    }
    return Answer(json.dumps(body))


def test_of_fifty_exercises_the_25_that_pass_their_tests_are_taken(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    exercise.number = 0  # type: ignore[attr-defined]
    params = {"exercises": 50, "seconds": 1}
    with serving(exercise) as endpoint:
        add_provider(session, endpoint, admin, concurrency=4)
        order = Order(generator="exercises", provider="local", params=params)
        job = run_job(session, service.start(session, dataset, order, by=lead).id)

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.CPU)
    found = account.of_run(session, service.get(session, job.params["run"]))
    told = {(one.outcome, one.gate): one.count for one in found.lines}
    assert told == {
        ("accepted", ""): 25,
        ("failed a gate", "parses"): 10,
        ("failed a gate", "tests pass"): 15,
    }
