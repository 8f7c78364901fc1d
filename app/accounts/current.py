"""Who asks: the cookie or key of a request, CSRF, and sessions of the database for routes."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.accounts import login, service
from app.accounts.models import Role
from app.accounts.policies import Principal, require
from app.db import get_session
from app.errors import ForbiddenError, UnauthenticatedError

COOKIE = "winnow_session"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

# The session closes, and commits, before the answer leaves.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]


def _by_key(request: Request, session: SessionDep) -> Principal | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    found = service.find_key(session, key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise UnauthenticatedError("The key in the Authorization header is not one of ours.")
    return found


async def _csrf_of(request: Request) -> str:
    if "X-CSRF-Token" in request.headers:
        return request.headers["X-CSRF-Token"]
    kind = request.headers.get("content-type", "")
    if kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return str((await request.form()).get("csrf", ""))
    return ""


async def _sent_csrf(request: Request) -> str:
    """The token that came with a request that changes something."""
    return "" if request.method in _SAFE_METHODS else await _csrf_of(request)


def current_principal(
    request: Request,
    session: SessionDep,
    by_key: Annotated[Principal | None, Depends(_by_key)],
    csrf: Annotated[str, Depends(_sent_csrf)],
) -> Principal:
    """The person behind the request; a cookie that changes something needs its CSRF token."""
    if by_key is not None:
        request.state.principal = by_key
        return by_key
    token = request.cookies.get(COOKIE)
    found = login.find_login(session, token) if token else None
    if found is None:
        raise UnauthenticatedError("Sign in, or send an API key as `Authorization: Bearer KEY`.")
    user, expected = found
    request.state.csrf = expected
    request.state.preferences = user.preferences
    if request.method not in _SAFE_METHODS and not hmac.compare_digest(csrf, expected):
        raise ForbiddenError("This form is from an older login. Reload the page and try again.")
    request.state.principal = service.as_principal(user)
    return service.as_principal(user)


CurrentUser = Annotated[Principal, Depends(current_principal)]


def _lead(user: CurrentUser) -> Principal:
    require(user.has(Role.LEAD), f"This page takes the role lead; you are {user.role}.")
    return user


CurrentLead = Annotated[Principal, Depends(_lead)]
