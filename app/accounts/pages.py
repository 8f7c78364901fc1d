"""Signing in, and the settings of people, keys and the audit log."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from app.accounts import audit, login, policies, service
from app.accounts.current import COOKIE, CurrentUser, SessionDep
from app.accounts.models import ApiKey, Role, User
from app.sandbox import reported
from app.settings import settings
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/login", name="accounts:login_form")
def login_form(request: Request, next_: Annotated[str, Query(alias="next")] = "/") -> HTMLResponse:
    """Ask for address and password."""
    return render(request, "accounts/login.html", next=_local(next_), page="login", email="")


@router.post("/login", name="accounts:login")
def sign_in(
    request: Request,
    session: SessionDep,
    email: Annotated[str, Form()],
    password: Annotated[str, Form()],
    next_: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Sign in with a password."""
    address = request.client.host if request.client else "unknown"
    try:
        done = login.login(session, email=email, password=password, address=address)
    except login.WrongPasswordError as error:
        response = render(
            request, "accounts/login.html", next=_local(next_), email=email, error=str(error)
        )
        response.status_code = error.status
        return response
    return _signed_in(done, _local(next_))


@router.get("/login/{token}", name="accounts:login_link")
def login_by_link(
    session: SessionDep, token: str, next_: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """Sign in with a one-time link."""
    return _signed_in(login.login_by_link(session, token), _local(next_))


@router.post("/logout", name="accounts:logout")
def sign_out(request: Request, session: SessionDep, _user: CurrentUser) -> Response:
    """End this login."""
    login.logout(session, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(COOKIE)
    return response


def _signed_in(done: login.Login, target: str) -> Response:
    response = RedirectResponse(target, status_code=303)
    response.set_cookie(
        COOKIE,
        done.token,
        expires=done.expires_at,
        httponly=True,
        samesite="lax",
        secure=settings().secure_cookies,
    )
    return response


def _local(target: str) -> str:
    """Only addresses of this site: what leads elsewhere becomes the start page."""
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if local else "/"


@router.get("/settings", name="accounts:settings")
def show_settings(request: Request, session: SessionDep, user: CurrentUser) -> HTMLResponse:
    """One's own password and keys; people and the audit log for those who may."""
    return _settings(request, session, user)


def _settings(
    request: Request, session: SessionDep, user: policies.Principal, **shown: object
) -> HTMLResponse:
    admin, lead = user.has(Role.ADMIN), user.has(Role.LEAD)
    return render(
        request,
        "accounts/settings.html",
        page="settings",
        person=session.get_one(User, user.id),
        people=session.scalars(select(User).order_by(User.email)).all() if admin else [],
        keys=session.scalars(
            select(ApiKey).where(ApiKey.user_id == user.id).order_by(ApiKey.created_at)
        ).all(),
        events=session.scalars(audit.page().limit(50)).all() if lead else [],
        chain_broken=audit.first_broken(session) if admin else None,
        roles=[role for role in Role if user.has(role)],
        review_keys=service.review_keys(session, user.id),
        sandboxes=reported.everything(),
        **{"new_key": "", "new_link": "", **shown},
    )


@router.post("/settings/password", name="accounts:set_password")
def set_password(
    session: SessionDep, user: CurrentUser, password: Annotated[str, Form()]
) -> Response:
    """Change one's own password."""
    service.set_password(session, session.get_one(User, user.id), password, by=user)
    return RedirectResponse("/settings", status_code=303)


@router.post("/settings/keys", name="accounts:create_key")
def create_key(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    role: Annotated[Role, Form()],
    name: Annotated[str, Form(max_length=100)] = "",
    days: Annotated[int, Form(ge=1, le=3650)] = 90,
    read_only: Annotated[bool, Form()] = False,
) -> HTMLResponse:
    """Make a key and show it once."""
    owner = session.get_one(User, user.id)
    _, secret = service.create_key(
        session, owner=owner, role=role, name=name, days=days, read_only=read_only, by=user
    )
    return _settings(request, session, user, new_key=secret)


@router.post("/settings/keys/{key_id}/revoke", name="accounts:revoke_key")
def revoke_key(session: SessionDep, user: CurrentUser, key_id: uuid.UUID) -> Response:
    """End a key."""
    service.revoke_key(session, key_id, by=user)
    return RedirectResponse("/settings", status_code=303)


@router.post("/settings/people", name="accounts:add_user")
def add_user(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    email: Annotated[str, Form(max_length=254)],
    role: Annotated[Role, Form()],
) -> HTMLResponse:
    """Add a person and show the link that lets them in."""
    person = service.add_user(session, email=email, role=role, by=user)
    return _settings(request, session, user, new_link=_link(request, session, person))


@router.post("/settings/people/{user_id}", name="accounts:change_user")
def change_user(
    session: SessionDep,
    user: CurrentUser,
    user_id: uuid.UUID,
    role: Annotated[Role | None, Form()] = None,
    active: Annotated[bool | None, Form()] = None,
) -> Response:
    """Change a role, or lock somebody out."""
    service.change_user(session, user_id, role=role, active=active, by=user)
    return RedirectResponse("/settings", status_code=303)


@router.post("/settings/people/{user_id}/link", name="accounts:make_link")
def make_link(
    request: Request, session: SessionDep, user: CurrentUser, user_id: uuid.UUID
) -> HTMLResponse:
    """A new one-time link for a person who lost theirs."""
    policies.may_manage_people(user)
    person = service.person(session, user_id)
    return _settings(request, session, user, new_link=_link(request, session, person))


def _link(request: Request, session: SessionDep, person: User) -> str:
    token = login.make_login_link(session, person)
    return str(request.url_for("accounts:login_link", token=token))


@router.post("/settings/review-keys", name="accounts:review_keys")
def set_review_keys(
    session: SessionDep,
    user: CurrentUser,
    approve: Annotated[str, Form(max_length=1)],
    reject: Annotated[str, Form(max_length=1)],
    skip: Annotated[str, Form(max_length=1)],
    flag: Annotated[str, Form(max_length=1)],
    edit: Annotated[str, Form(max_length=1)],
    note: Annotated[str, Form(max_length=1)],
    undo: Annotated[str, Form(max_length=1)],
) -> Response:
    """Bind other keys to the decisions."""
    keys = {"approve": approve, "reject": reject, "skip": skip, "flag": flag}
    keys |= {"edit": edit, "note": note, "undo": undo}
    service.set_review_keys(session, user, keys)
    return RedirectResponse("/settings#keys", status_code=303)
