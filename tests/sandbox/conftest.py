"""Sandboxes of both back ends; a back end that this machine has not is skipped, and says so."""

from types import ModuleType

import pytest

from app.sandbox.boxes import Box
from app.sandbox.strength import BACKENDS, problem_of


@pytest.fixture(params=BACKENDS, ids=lambda one: str(one.NAME))
def box(request: pytest.FixtureRequest) -> Box:
    backend: ModuleType = request.param
    problem = problem_of(backend)
    if problem:
        pytest.skip(f"{backend.NAME} does not work here: {problem}")
    return Box(backend)
