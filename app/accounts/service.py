"""People and their keys."""

import hashlib
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts import audit, policies
from app.accounts.models import ApiKey, LoginSession, Role, User
from app.accounts.policies import Principal
from app.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError

_KEY_PREFIX = "wnw_"
REVIEW_KEYS = {
    "approve": "a",
    "reject": "r",
    "skip": "s",
    "flag": "f",
    "edit": "e",
    "note": "n",
    "undo": "u",
}
_FIXED_REVIEW_KEYS = ("g", "b")  # guidelines, scores


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def hash_token(token: str) -> bytes:
    """Tokens are random, so a plain SHA-256 keeps them safe; passwords get argon2."""
    return hashlib.sha256(token.encode()).digest()


@cache
def password_hasher() -> PasswordHasher:
    """Argon2id with the library's parameters."""
    return PasswordHasher()


def as_principal(user: User) -> Principal:
    """The person with their full role."""
    return Principal(id=user.id, email=user.email, role=user.role)


def find_key(session: Session, key: str) -> Principal | None:
    """The person behind an API key that still holds, with no more than the key's role."""
    row = session.execute(
        select(User, ApiKey)
        .join(ApiKey, ApiKey.user_id == User.id)
        .where(ApiKey.key_hash == hash_token(key), ApiKey.revoked_at.is_(None), User.active)
    ).one_or_none()
    if row is None:
        return None
    user, found = row
    if found.expires_at is not None and found.expires_at < now():
        raise UnauthenticatedError(
            f"The key {found.prefix}… expired on {found.expires_at:%d %b %Y}."
        )
    # Once a minute is enough to see which keys are in use, and spares a write per request.
    if found.last_used_at is None or now() - found.last_used_at > timedelta(minutes=1):
        found.last_used_at = now()
    role = policies.lower(user.role, found.role)
    return Principal(id=user.id, email=user.email, role=role, read_only=found.read_only)


def get_user(session: Session, email: str) -> User:
    """The person with this address."""
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFoundError(f"There is nobody with the address {email}.")
    return user


def person(session: Session, user_id: uuid.UUID) -> User:
    """The person with this id."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError("There is no such person.")
    return user


def add_user(
    session: Session, *, email: str, role: Role, by: Principal, password: str | None = None
) -> User:
    """Add a person; without a password they sign in by a link that an admin hands them."""
    policies.may_manage_people(by)
    email = email.strip().lower()
    if "@" not in email or email != email.strip() or " " in email:
        raise InvalidError(f"`{email}` is no e-mail address.")
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise ConflictError(f"{email} is there already.")
    user = User(email=email, role=role, password_hash=_hash_password(password))
    session.add(user)
    session.flush()
    audit.record(session, by, "user.add", ("user", user.id), after={"email": email, "role": role})
    return user


def change_user(
    session: Session,
    user_id: uuid.UUID,
    *,
    by: Principal,
    role: Role | None = None,
    active: bool | None = None,
) -> User:
    """Give a person another role, or lock them out; the last admin stays one."""
    policies.may_manage_people(by)
    user = person(session, user_id)
    before = {"role": user.role, "active": user.active}
    user.role = role if role is not None else user.role
    user.active = active if active is not None else user.active
    session.flush()
    if not session.scalar(select(User.id).where(User.role == Role.ADMIN, User.active).limit(1)):
        raise ConflictError("Somebody has to stay admin.")
    if not user.active:
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    after = {"role": user.role, "active": user.active}
    audit.record(session, by, "user.change", ("user", user.id), before=before, after=after)
    return user


def set_password(session: Session, user: User, password: str, *, by: Principal) -> None:
    """Set one's own password; admins may set anybody's."""
    if by.id != user.id:
        policies.may_manage_people(by)
    user.password_hash = _hash_password(password)
    audit.record(session, by, "user.password", ("user", user.id))


def _hash_password(password: str | None) -> str | None:
    if password is None:
        return None
    if len(password) < 10:
        raise InvalidError("A password has at least 10 characters.")
    return password_hasher().hash(password)


def review_keys(session: Session, user_id: uuid.UUID | None) -> dict[str, str]:
    """The key of each decision, as this person bound them."""
    user = session.get(User, user_id) if user_id is not None else None
    own = user.preferences.get("review_keys", {}) if user is not None else {}
    return {**REVIEW_KEYS, **own}


def set_review_keys(session: Session, who: Principal, keys: dict[str, str]) -> None:
    """Bind other keys; each is one letter or digit and none is bound twice."""
    chosen = {action: key.lower() for action, key in keys.items() if action in REVIEW_KEYS}
    if not all(len(key) == 1 and key.isalnum() for key in chosen.values()):
        raise InvalidError("A key is one letter or digit.")
    taken = [*chosen.values(), *_FIXED_REVIEW_KEYS]
    twice = {key for key in taken if taken.count(key) > 1}
    if twice:
        raise InvalidError(f"`{min(twice)}` would press two buttons. Choose another key for one.")
    user = session.get_one(User, who.id)
    before = user.preferences.get("review_keys")
    user.preferences = {**user.preferences, "review_keys": chosen}
    audit.record(session, who, "user.keys", ("user", user.id), before=before, after=chosen)


def create_key(
    session: Session,
    *,
    owner: User,
    role: Role,
    name: str,
    by: Principal,
    days: int | None = None,
    read_only: bool = False,
) -> tuple[ApiKey, str]:
    """Make a key; the second value is the key itself, shown this once and stored nowhere."""
    policies.may_make_key(by, owner.id, role)
    secret = _KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        user_id=owner.id,
        name=name or "key",
        prefix=secret[:10],
        key_hash=hash_token(secret),
        role=role,
        read_only=read_only,
        expires_at=now() + timedelta(days=days) if days is not None else None,
    )
    session.add(key)
    session.flush()
    after = {"name": key.name, "role": role, "read_only": read_only, "days": days}
    audit.record(session, by, "key.create", ("key", key.id), after=after)
    return key, secret


def revoke_key(session: Session, key_id: uuid.UUID, *, by: Principal) -> None:
    """End a key at once."""
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFoundError("There is no such key.")
    if key.user_id != by.id:
        policies.may_manage_people(by)
    if key.revoked_at is None:
        key.revoked_at = now()
        audit.record(session, by, "key.revoke", ("key", key.id), before={"name": key.name})
