"""People and keys over REST."""

import uuid
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from app.accounts import audit, policies, service
from app.accounts.current import CurrentUser, SessionDep
from app.accounts.models import ApiKey, AuditEvent, Role, User
from app.web.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor, row_id

router = APIRouter(tags=["accounts"])


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    email: str
    role: Role
    active: bool
    created_at: datetime


class UserIn(BaseModel):
    email: str = Field(max_length=254)
    role: Role
    password: str | None = Field(None, max_length=1000)


class KeyIn(BaseModel):
    user: str = Field(max_length=254, description="E-mail address of the key's owner")
    role: Role
    name: str = Field("", max_length=100)
    expires_days: int | None = Field(None, ge=1, le=3650)
    read_only: bool = False


class KeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    prefix: str
    role: Role
    read_only: bool
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewKeyOut(KeyOut):
    key: str = Field(description="The key itself, shown this once")


class AuditOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


@router.get("/users", name="api:list_users")
def list_users(session: SessionDep, user: CurrentUser) -> Page[UserOut]:
    """Everybody who can sign in."""
    policies.may_manage_people(user)
    people = session.scalars(select(User).order_by(User.email)).all()
    items = [UserOut.model_validate(person) for person in people]
    return Page(items=items, total=len(items))


@router.post("/users", status_code=201, name="api:add_user")
def add_user(body: UserIn, session: SessionDep, user: CurrentUser) -> UserOut:
    """Add a person. Without a password they sign in by a one-time link."""
    person = service.add_user(
        session, email=body.email, role=body.role, password=body.password, by=user
    )
    return UserOut.model_validate(person)


@router.get("/keys", name="api:list_keys")
def list_keys(session: SessionDep, user: CurrentUser) -> Page[KeyOut]:
    """One's own API keys, without the keys themselves."""
    query = select(ApiKey).where(ApiKey.user_id == user.id).order_by(ApiKey.created_at)
    items = [KeyOut.model_validate(key) for key in session.scalars(query)]
    return Page(items=items, total=len(items))


@router.post("/keys", status_code=201, name="api:create_key")
def create_key(body: KeyIn, session: SessionDep, user: CurrentUser) -> NewKeyOut:
    """Make an API key. The answer holds the key; it is shown this once and stored nowhere."""
    key, secret = service.create_key(
        session,
        owner=service.get_user(session, body.user),
        role=body.role,
        name=body.name,
        days=body.expires_days,
        read_only=body.read_only,
        by=user,
    )
    return NewKeyOut(key=secret, **KeyOut.model_validate(key).model_dump())


@router.delete("/keys/{key_id}", status_code=204, name="api:revoke_key")
def revoke_key(key_id: uuid.UUID, session: SessionDep, user: CurrentUser) -> None:
    """End a key at once."""
    service.revoke_key(session, key_id, by=user)


@router.get("/audit", name="api:audit")
def read_audit(
    session: SessionDep,
    user: CurrentUser,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[AuditOut]:
    """Who changed what, newest first; changes of single samples are in their ledgers."""
    policies.may_read_audit(user)
    key = decode_cursor(cursor, row_id)
    events: list[AuditEvent] = list(
        session.scalars(audit.page(key[0] if key else None).limit(limit + 1))
    )
    more = len(events) > limit
    items = [AuditOut.model_validate(event) for event in events[:limit]]
    return Page(items=items, next=encode_cursor(items[-1].id) if more else None)
