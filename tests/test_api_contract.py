"""The API against its own OpenAPI description, with made-up requests by the hundred."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from app.accounts import service
from app.accounts.models import Role
from app.accounts.policies import SYSTEM, Principal
from app.jobs import queue
from app.main import create_app
from tests.conftest import joined
from tests.factories import fill, make_dataset, numbered, run_job

_APP = create_app()
schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", _APP)

pytestmark = pytest.mark.no_cover
_EXAMPLES = 12
_BOUNDS = {"maxLength", "enum", "const", "format"}


@dataclass(frozen=True, slots=True)
class Made:
    """What is there: the connection that sees it, who asks, a value for each part of a path."""

    connection: Connection
    headers: dict[str, str]
    known: dict[str, Any]


@pytest.fixture(scope="module")
def made(engine: Engine) -> Iterator[Made]:
    """A dataset with a release, made once: what a test does to it is rolled back."""
    with engine.connect() as connection, pytest.MonkeyPatch.context() as patch:
        outer = connection.begin()
        patch.setattr(queue, "ring", lambda *_: None)
        with joined(connection, patch) as session:
            owner = service.add_user(session, email="l@example.org", role=Role.LEAD, by=SYSTEM)
            _, key = service.create_key(session, owner=owner, role=Role.LEAD, name="", by=SYSTEM)
            session.commit()
            headers = {"Authorization": f"Bearer {key}"}
            known = _known(session, service.as_principal(owner), headers)
        yield Made(connection, headers, known)
        outer.rollback()


def _known(session: Session, lead: Principal, headers: dict[str, str]) -> dict[str, Any]:
    api = TestClient(_APP, base_url="http://testserver/api/v1", headers=headers)
    dataset = make_dataset(session, lead)
    samples = fill(session, dataset, lead, numbered(5))
    form = {"file": ("broken.jsonl", b'{"instruction": "a", "output": "b"}\n{broken\n')}
    broken = api.post("/datasets/mix/imports", files=form).json()["id"]
    run_job(session, broken)
    approve = {"action": "approve", "where": ""}
    approved = api.post("/datasets/mix/bulk", json=approve).json()["id"]
    run_job(session, approved)
    release = api.post("/datasets/mix/releases", json={"name": "first"}).json()
    run_job(session, release["id"])
    rules = api.post("/datasets/mix/rules", json={"name": "short", "where": "words>=3"}).json()
    return {
        "name": "mix",
        "sample_id": samples[0].id,
        "job_id": broken,
        "action_id": api.get(f"/jobs/{approved}").json()["result"]["action"],
        "release_id": release["result"]["release"],
        "rule_id": rules["id"],
        "file": "jsonl.jsonl",
    }


@pytest.fixture
def connection(made: Made) -> Iterator[Connection]:
    savepoint = made.connection.begin_nested()
    yield made.connection
    if savepoint.is_active:
        savepoint.rollback()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("there", [True, False], ids=["there", "made up"])
@schema.parametrize()
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_every_operation_keeps_its_description(
    case: Case[Any], there: bool, made: Made, session: Session, bells: list[str]
) -> None:
    for name in case.path_parameters or {}:
        if there or name == "name":
            case.path_parameters[name] = made.known.get(name, case.path_parameters[name])
    response = case.call(headers=made.headers)

    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            content_type_conformance,
            response_schema_conformance,
            status_code_conformance,
        ],
    )


def test_the_newer_operations_are_described() -> None:
    described = _APP.openapi()["paths"]
    letters = described["/api/v1/jobs/{job_id}/dead-letters.jsonl"]["get"]["responses"]["200"]

    assert "post" in described["/api/v1/datasets/{name}/bulk"]
    assert "post" in described["/api/v1/bulk/{action_id}/undo"]
    assert set(letters["content"]) == {"application/x-ndjson"}


def test_what_failed_comes_as_described(made: Made, session: Session) -> None:
    api = TestClient(_APP, base_url="http://testserver/api/v1", headers=made.headers)

    answer = api.get(f"/jobs/{made.known['job_id']}/dead-letters.jsonl")

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert '"line":2' in answer.text


def test_every_text_that_is_sent_has_a_bound() -> None:
    api = _APP.openapi()
    parts = api["components"]["schemas"]

    assert [place for place, spec in _sent(api) for place in _boundless(spec, place, parts)] == []


def _sent(api: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an operation takes besides its path: parameters and bodies."""
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            for one in operation.get("parameters", ()):
                if one["in"] != "path":
                    yield f"{method} {path} {one['name']}", one["schema"]
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{method} {path} {kind}", body["schema"]


def _boundless(spec: dict[str, Any], place: str, parts: dict[str, Any]) -> Iterator[str]:
    if "$ref" in spec:
        spec = parts[spec["$ref"].split("/")[-1]]
    if spec.get("type") == "string" and not _BOUNDS & set(spec):
        yield place
    inner = [spec.get("items"), spec.get("additionalProperties"), *spec.get("anyOf", ())]
    for one in (*inner, *spec.get("properties", {}).values()):
        if isinstance(one, dict):
            yield from _boundless(one, f"{place}.{one.get('title', '')}", parts)
