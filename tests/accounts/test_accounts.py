"""Accounts: logins, links, keys, roles, and the audit log nobody can change."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.accounts import audit, login, service
from app.accounts.models import ApiKey, AuditEvent, LoginAttempt, LoginLink, Role, User
from app.accounts.policies import SYSTEM, Principal
from app.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooManyRequestsError,
    UnauthenticatedError,
)

PASSWORD = "correct horse battery"


@pytest.fixture
def person(session: Session) -> User:
    made = service.add_user(
        session, email="Ada@Example.org ", role=Role.LEAD, password=PASSWORD, by=SYSTEM
    )
    session.commit()
    return made


def sign_in(session: Session, password: str = PASSWORD, address: str = "10.0.0.1") -> login.Login:
    return login.login(session, email="ADA@example.org", password=password, address=address)


def test_the_password_is_hashed_with_argon2(person: User) -> None:
    assert person.email == "ada@example.org"
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")


def test_the_right_password_opens_a_session_whose_token_is_not_stored(
    session: Session, person: User
) -> None:
    done = sign_in(session)

    found = login.find_login(session, done.token)
    assert found is not None
    assert found[0].id == person.id
    stored = session.execute(text("SELECT token_hash FROM login_sessions")).scalar_one()
    assert bytes(stored) != done.token.encode()
    login.logout(session, done.token)
    assert login.find_login(session, done.token) is None


def test_a_wrong_password_and_a_wrong_address_are_told_alike(
    session: Session, person: User
) -> None:
    with pytest.raises(UnauthenticatedError) as wrong:
        sign_in(session, "not the password")
    with pytest.raises(UnauthenticatedError) as unknown:
        login.login(session, email="nobody@example.org", password="x" * 12, address="10.0.0.2")

    assert str(wrong.value) == str(unknown.value)


def test_after_ten_wrong_passwords_the_right_one_waits_too(session: Session, person: User) -> None:
    for _ in range(10):
        with pytest.raises(UnauthenticatedError):
            sign_in(session, "not the password")

    with pytest.raises(TooManyRequestsError) as refusal:
        sign_in(session, address="10.0.0.9")

    assert refusal.value.retry_after == 900
    session.execute(update(LoginAttempt).values(at=datetime.now(UTC) - timedelta(minutes=16)))
    assert sign_in(session).user.id == person.id


def test_a_link_signs_in_once_and_not_after_a_day(session: Session, person: User) -> None:
    token = login.make_login_link(session, person)
    assert login.login_by_link(session, token).user.id == person.id
    with pytest.raises(login.SpentLinkError, match="used already"):
        login.login_by_link(session, token)

    old = login.make_login_link(session, person)
    session.execute(update(LoginLink).values(expires_at=datetime.now(UTC) - timedelta(1)))
    with pytest.raises(login.SpentLinkError):
        login.login_by_link(session, old)


def test_upkeep_removes_what_ran_out(session: Session, person: User) -> None:
    sign_in(session)
    login.make_login_link(session, person)
    past = datetime.now(UTC) - timedelta(days=1)
    session.execute(text("UPDATE login_sessions SET expires_at = :past"), {"past": past})
    session.execute(update(LoginLink).values(expires_at=past))

    login.clean_up(session)

    assert session.execute(text("SELECT count(*) FROM login_sessions")).scalar() == 0
    assert session.scalars(select(LoginLink)).all() == []


def test_a_key_is_shown_once_and_acts_with_its_own_role(session: Session, person: User) -> None:
    owner = service.as_principal(person)
    key, secret = service.create_key(
        session, owner=person, role=Role.ANNOTATOR, name="pull", read_only=True, by=owner
    )

    found = service.find_key(session, secret)

    assert found == Principal(person.id, person.email, Role.ANNOTATOR, read_only=True)
    assert secret not in str(session.execute(text("SELECT * FROM api_keys")).all())
    assert secret.startswith(key.prefix)


def test_a_key_never_outranks_its_owner(session: Session, person: User, admin: Principal) -> None:
    _, secret = service.create_key(
        session, owner=person, role=Role.LEAD, name="", by=service.as_principal(person)
    )
    service.change_user(session, person.id, role=Role.ANNOTATOR, by=admin)

    found = service.find_key(session, secret)

    assert found is not None
    assert found.role is Role.ANNOTATOR


def test_an_expired_or_revoked_key_is_refused(
    session: Session, person: User, admin: Principal
) -> None:
    owner = service.as_principal(person)
    key, secret = service.create_key(
        session, owner=person, role=Role.LEAD, name="old", days=1, by=owner
    )
    session.execute(update(ApiKey).values(expires_at=datetime.now(UTC) - timedelta(1)))
    session.expire_all()
    with pytest.raises(UnauthenticatedError, match="expired on"):
        service.find_key(session, secret)

    service.revoke_key(session, key.id, by=admin)
    assert service.find_key(session, secret) is None
    with pytest.raises(NotFoundError):
        service.revoke_key(session, person.id, by=owner)


def test_nobody_makes_keys_above_their_role_or_for_others(
    session: Session, person: User, annotator: Principal
) -> None:
    with pytest.raises(ForbiddenError):
        service.create_key(
            session,
            owner=person,
            role=Role.ADMIN,
            name="",
            by=service.as_principal(person),
        )
    with pytest.raises(ForbiddenError):
        service.create_key(session, owner=person, role=Role.ANNOTATOR, name="", by=annotator)


def test_people_are_the_admins_matter(
    session: Session, person: User, admin: Principal, lead: Principal
) -> None:
    with pytest.raises(ForbiddenError):
        service.add_user(session, email="new@example.org", role=Role.LEAD, by=lead)
    with pytest.raises(ConflictError, match="there already"):
        service.add_user(session, email="ada@example.org", role=Role.LEAD, by=admin)
    with pytest.raises(InvalidError):
        service.add_user(session, email="no address", role=Role.LEAD, by=admin)
    with pytest.raises(InvalidError, match="at least 10"):
        service.set_password(session, person, "short", by=admin)
    with pytest.raises(ForbiddenError):
        service.set_password(session, person, PASSWORD, by=lead)
    with pytest.raises(NotFoundError):
        service.get_user(session, "nobody@example.org")


def test_the_last_admin_stays_and_locked_out_people_are_signed_out(
    session: Session, person: User, admin: Principal
) -> None:
    assert admin.id is not None
    with pytest.raises(ConflictError, match="stay admin"):
        service.change_user(session, admin.id, role=Role.LEAD, by=admin)
    session.rollback()
    token = sign_in(session).token

    service.change_user(session, person.id, active=False, by=admin)

    assert login.find_login(session, token) is None
    with pytest.raises(UnauthenticatedError):
        sign_in(session)


def test_the_audit_log_can_not_be_changed(session: Session, person: User) -> None:
    for statement in (
        "UPDATE audit_events SET actor = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ):
        with pytest.raises(ProgrammingError, match="append-only"), session.begin_nested():
            session.execute(text(statement))


def test_the_chain_shows_the_first_event_that_was_changed(
    session: Session, person: User, admin: Principal
) -> None:
    assert audit.first_broken(session) is None
    events = session.scalars(
        select(AuditEvent).where(AuditEvent.sample_id.is_(None)).order_by(AuditEvent.id)
    ).all()
    assert len(events) >= 2
    session.execute(text("ALTER TABLE audit_events DISABLE TRIGGER keep"))
    session.execute(
        text("UPDATE audit_events SET action = 'forged' WHERE id = :id"), {"id": events[1].id}
    )

    assert audit.first_broken(session) == events[1].id


def test_people_keys_and_log_over_rest(
    session: Session, admin_api: TestClient, annotator_api: TestClient
) -> None:
    added = admin_api.post("/users", json={"email": "new@example.org", "role": "annotator"})
    assert added.status_code == 201
    emails = {user["email"] for user in admin_api.get("/users").json()["items"]}
    assert "new@example.org" in emails
    assert annotator_api.get("/users").status_code == 403
    assert annotator_api.get("/audit").status_code == 403

    wanted = {"user": "new@example.org", "role": "annotator", "name": "bot", "expires_days": 3}
    made = admin_api.post("/keys", json=wanted).json()
    assert made["key"].startswith("wnw_")
    assert all("key" not in key for key in admin_api.get("/keys").json()["items"])
    assert admin_api.delete(f"/keys/{made['id']}").status_code == 204

    first = admin_api.get("/audit", params={"limit": 1}).json()
    second = admin_api.get("/audit", params={"limit": 1, "cursor": first["next"]}).json()
    assert first["items"][0]["action"] == "key.revoke"
    assert second["items"][0]["action"] == "key.create"


def test_a_request_without_a_right_key_is_refused(admin_api: TestClient) -> None:
    for header in ("", "Bearer nonsense", "Basic abc"):
        answer = admin_api.get("/datasets", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_read_only_key_reads_and_changes_nothing(
    session: Session, lead: Principal, admin_api: TestClient
) -> None:
    owner = session.get_one(User, lead.id)
    _, secret = service.create_key(
        session, owner=owner, role=Role.LEAD, name="", read_only=True, by=lead
    )
    session.commit()
    headers = {"Authorization": f"Bearer {secret}"}

    assert admin_api.get("/datasets", headers=headers).status_code == 200
    refused = admin_api.post("/datasets", json={"name": "mix"}, headers=headers)

    assert refused.status_code == 403
    assert "may only read" in refused.json()["detail"]


def test_idempotency_keys_give_the_first_answer_again(
    session: Session, admin_api: TestClient
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = admin_api.post("/datasets", json={"name": "mix"}, headers=headers)
    again = admin_api.post("/datasets", json={"name": "mix"}, headers=headers)
    other = admin_api.post("/datasets", json={"name": "other"}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert other.status_code == 422
    assert admin_api.post("/datasets", json={"name": "mix"}).status_code == 409


def test_a_refused_request_is_not_remembered(session: Session, admin_api: TestClient) -> None:
    headers = {"Idempotency-Key": "two"}
    assert admin_api.post("/datasets", json={"name": "A B"}, headers=headers).status_code == 422
    again = admin_api.post("/datasets", json={"name": "ab"}, headers=headers)
    assert again.status_code == 201, again.text
