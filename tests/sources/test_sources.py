"""Sources: licences are SPDX expressions, a name stands for one set of terms."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Origin
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.sources import service


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("mit", "MIT"),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("MIT or apache-2.0", "MIT OR Apache-2.0"),
        ("  ", None),
        (None, None),
    ],
)
def test_licences_are_brought_to_their_normal_form(given: str | None, normal: str | None) -> None:
    assert service.normal_license(given) == normal


@pytest.mark.parametrize("given", ["free", "MIT OR", "((", "GPL 3", "\U0004f435"])
def test_what_spdx_does_not_know_is_refused(given: str) -> None:
    with pytest.raises(InvalidError, match="no SPDX licence expression"):
        service.normal_license(given)


def test_a_name_stands_for_one_licence(session: Session, lead: Principal) -> None:
    made = service.find_or_add(
        session, name="web", origin=Origin.WEB, license_="CC-BY-4.0", by=lead
    )
    again = service.find_or_add(session, name="web", origin=Origin.WEB, license_="", by=lead)

    assert again.id == made.id
    with pytest.raises(ConflictError, match="not MIT"):
        service.find_or_add(session, name="web", origin=Origin.WEB, license_="MIT", by=lead)
    with pytest.raises(ConflictError, match="already"):
        service.add(session, name="web", origin=Origin.WEB, license_="", by=lead)
    with pytest.raises(InvalidError):
        service.add(session, name=" ", origin=Origin.WEB, license_="", by=lead)
    with pytest.raises(NotFoundError):
        service.find(session, "nothing")


def test_sources_are_added_by_leads(session: Session, annotator: Principal) -> None:
    with pytest.raises(ForbiddenError):
        service.add(session, name="web", origin=Origin.WEB, license_="", by=annotator)


def test_sources_over_rest(api: TestClient) -> None:
    wanted = {"name": "web", "origin": "web", "license": "cc0-1.0", "licensor": "Somebody"}

    assert api.post("/sources", json=wanted).json()["license"] == "CC0-1.0"
    assert [one["name"] for one in api.get("/sources").json()["items"]] == ["web"]
    assert api.post("/sources", json={**wanted, "name": "nul\u0000"}).status_code == 422
