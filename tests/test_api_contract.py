"""The API against its own OpenAPI description, with made-up requests by the hundred."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)
from sqlalchemy.orm import Session

from app.accounts import service
from app.accounts.models import Role, User
from app.accounts.policies import SYSTEM, Principal
from app.main import create_app
from tests.factories import fill, make_dataset, numbered

_APP = create_app()
schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", _APP)

_EXAMPLES = 12


@pytest.fixture
def headers(session: Session, lead: Principal, bells: list[str]) -> dict[str, str]:
    dataset = make_dataset(session, lead)
    fill(session, dataset, lead, numbered(5))
    owner = session.get_one(User, lead.id)
    _, key = service.create_key(session, owner=owner, role=Role.LEAD, name="", by=SYSTEM)
    session.commit()
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.filterwarnings("ignore")
@schema.parametrize()
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_every_operation_keeps_its_description(case: Case[Any], headers: dict[str, str]) -> None:
    if case.path_parameters and "name" in case.path_parameters:
        case.path_parameters["name"] = "mix"
    response = case.call(headers=headers)

    case.validate_response(
        response,
        checks=[not_a_server_error, content_type_conformance, response_schema_conformance],
    )
