"""Signing in and out: passwords, one-time links, the sessions behind the cookies."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import LoginAttempt, LoginLink, LoginSession, User
from app.accounts.service import as_principal, hash_token, now, password_hasher
from app.errors import AppError, TooManyRequestsError, UnauthenticatedError
from app.settings import settings

_WINDOW = timedelta(minutes=15)
_LINK_LIFE = timedelta(hours=24)


class WrongPasswordError(UnauthenticatedError):
    """The refusal is final, but the counted try stays."""

    keeps_changes = True


class SpentLinkError(AppError):
    """Told on a page: whoever followed the link has to know why it does not work."""

    status = 401
    title = "This link does not work any more"


@dataclass(frozen=True, slots=True)
class Login:
    """A new login: the cookie's value, which is nowhere stored, and until when it holds."""

    token: str
    expires_at: datetime
    user: User


@cache
def _decoy() -> str:
    return password_hasher().hash(secrets.token_hex())


def login(session: Session, *, email: str, password: str, address: str) -> Login:
    """Sign in with a password; ten wrong ones from an address or for a person, then a pause."""
    email = email.strip().lower()
    subjects = (f"address:{address}", f"email:{email}")
    _refuse_after_many_tries(session, subjects)
    user = session.scalar(select(User).where(User.email == email, User.active))
    # Always verify something, so that the time taken does not tell which addresses exist.
    stored = user.password_hash if user is not None and user.password_hash else _decoy()
    try:
        password_hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        user = None
    if user is None or user.password_hash is None:
        session.add_all(LoginAttempt(subject=subject) for subject in subjects)
        raise WrongPasswordError("The e-mail address and the password don't belong together.")
    session.execute(delete(LoginAttempt).where(LoginAttempt.subject == subjects[1]))
    return _open_session(session, user)


def _refuse_after_many_tries(session: Session, subjects: tuple[str, ...]) -> None:
    tries = session.execute(
        select(LoginAttempt.subject, func.count())
        .where(LoginAttempt.subject.in_(subjects), LoginAttempt.at > now() - _WINDOW)
        .group_by(LoginAttempt.subject)
    )
    if any(count >= settings().login_tries for _, count in tries):
        raise TooManyRequestsError(
            "Too many wrong passwords. Please wait a quarter of an hour.",
            retry_after=int(_WINDOW.total_seconds()),
        )


def make_login_link(session: Session, user: User) -> str:
    """A token that signs this person in once, within a day."""
    token = secrets.token_urlsafe(32)
    session.add(
        LoginLink(token_hash=hash_token(token), user_id=user.id, expires_at=now() + _LINK_LIFE)
    )
    session.flush()
    return token


def login_by_link(session: Session, token: str) -> Login:
    """Use up a one-time link."""
    found = session.execute(
        delete(LoginLink)
        .where(LoginLink.token_hash == hash_token(token))
        .returning(LoginLink.user_id, LoginLink.expires_at)
    ).one_or_none()
    user = session.get(User, found.user_id) if found is not None else None
    if found is None or user is None or not user.active or found.expires_at < now():
        raise SpentLinkError(
            "This link was used already or is too old. `winnow up` prints a new one."
        )
    return _open_session(session, user)


def _open_session(session: Session, user: User) -> Login:
    token = secrets.token_urlsafe(32)
    expires = now() + timedelta(hours=settings().session_hours)
    session.add(
        LoginSession(
            token_hash=hash_token(token),
            user_id=user.id,
            csrf=secrets.token_urlsafe(24),
            expires_at=expires,
        )
    )
    session.flush()
    audit.record(session, as_principal(user), "login", ("user", user.id))
    return Login(token, expires, user)


def logout(session: Session, token: str) -> None:
    """Forget the login of this cookie."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == hash_token(token)))


def find_login(session: Session, token: str) -> tuple[User, str] | None:
    """The person and the CSRF token of a cookie that still holds."""
    row = session.execute(
        select(User, LoginSession.csrf)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            LoginSession.token_hash == hash_token(token),
            LoginSession.expires_at > func.now(),
            User.active,
        )
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def clean_up(session: Session) -> None:
    """Remove what has run out: logins, links, counts of wrong passwords."""
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now()))
    session.execute(delete(LoginLink).where(LoginLink.expires_at < now()))
    session.execute(delete(LoginAttempt).where(LoginAttempt.at < now() - _WINDOW))
