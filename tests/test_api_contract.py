"""The API against its own OpenAPI description, with made-up requests by the hundred."""

from collections.abc import Iterator, Mapping
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
from sqlalchemy.orm import Session

from app.accounts import service
from app.accounts.models import Role, User
from app.accounts.policies import SYSTEM, Principal
from app.main import create_app
from tests.factories import fill, make_dataset, numbered, run_job

_APP = create_app()
schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", _APP)

_EXAMPLES = 12
_BOUNDS = {"maxLength", "enum", "const", "format"}


@pytest.fixture
def headers(session: Session, lead: Principal, bells: list[str]) -> dict[str, str]:
    owner = session.get_one(User, lead.id)
    _, key = service.create_key(session, owner=owner, role=Role.LEAD, name="", by=SYSTEM)
    session.commit()
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def known(session: Session, lead: Principal, api: TestClient) -> dict[str, Any]:
    """What is there: a value for each part of a path."""
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
    case: Case[Any], there: bool, headers: dict[str, str], known: dict[str, Any]
) -> None:
    for name in case.path_parameters or {}:
        if there or name == "name":
            case.path_parameters[name] = known.get(name, case.path_parameters[name])
    response = case.call(headers=headers)

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


def test_what_failed_comes_as_described(api: TestClient, known: dict[str, Any]) -> None:
    answer = api.get(f"/jobs/{known['job_id']}/dead-letters.jsonl")

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
