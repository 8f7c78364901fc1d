"""Idempotency-Key: a POST that is sent again gets the first answer, and does nothing twice."""

import hashlib
from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts import service
from app.accounts.models import IdempotencyKey
from app.accounts.service import now
from app.db import ERRORS, session_scope
from app.errors import AppError, ConflictError, InvalidError
from app.web.errors import answer, database_error

_LIFE = timedelta(days=1)
_STUCK = timedelta(minutes=10)
_MOST = 1_000_000  # bytes of a JSON body that is compared, and of an answer that is kept
_SHOWN_ONCE = "/keys"  # an answer with a secret is stored nowhere, so it is not given again


class Idempotency:
    """ASGI middleware around the API: it sees an answer after its transaction is committed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but a POST with a key goes through."""
        request = Request(scope, receive)
        wanted = scope["type"] == "http" and scope["method"] == "POST"
        if not wanted or not request.headers.get("Idempotency-Key"):
            await self._app(scope, receive, send)
            return
        try:
            await self._once(request, receive, send)
        except AppError as error:
            await answer(request, error)(scope, receive, send)

    async def _once(self, request: Request, receive: Receive, send: Send) -> None:
        key = request.headers["Idempotency-Key"]
        if len(key) > 200:
            raise InvalidError("An Idempotency-Key has at most 200 characters.")
        body = _Replayed(receive)
        fingerprint = await _fingerprint(request, body)
        auth = request.headers.get("Authorization", "")
        try:
            found = await run_in_threadpool(_reserve, auth, key, fingerprint)
        except ERRORS as error:
            found = database_error(request, error)
        if isinstance(found, Response):
            await found(request.scope, receive, send)
            return
        recorded = _Recorded(send)
        try:
            await self._app(request.scope, body.receive, recorded.send)
        except BaseException:
            await run_in_threadpool(_forget, found, key)
            raise
        if recorded.status >= 400 or request.url.path.endswith(_SHOWN_ONCE):
            await run_in_threadpool(_forget, found, key)
        else:
            await run_in_threadpool(_keep, found, key, recorded)


class _Replayed:
    """The request's messages: read ahead for the fingerprint, then given to the application."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: list[Message] = []

    async def read_ahead(self) -> bytes:
        """The body, as far as it is compared."""
        body = b""
        while len(body) < _MOST:
            message = await self._receive()
            self._ahead.append(message)
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        return body

    async def receive(self) -> Message:
        """The next message: first those that were read ahead."""
        return self._ahead.pop(0) if self._ahead else await self._receive()


class _Recorded:
    """The answer as it goes out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.headers: dict[str, str] = {}
        self.body = b""

    async def send(self, message: Message) -> None:
        """Note the answer and pass it on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = message.get("headers", [])
            self.headers = {name.decode().lower(): value.decode() for name, value in pairs}
        elif message["type"] == "http.response.body" and len(self.body) <= _MOST:
            self.body += message.get("body", b"")
        await self._send(message)


async def _fingerprint(request: Request, body: _Replayed) -> str:
    seen = hashlib.sha256(f"{request.url.path}?{request.url.query}".encode())
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        seen.update(await body.read_ahead())
    else:  # uploads and NDJSON may be larger than memory: their length has to do
        seen.update(f"{kind.split(';')[0]} {request.headers.get('content-length', '')}".encode())
    return seen.hexdigest()


def _reserve(auth: str, key: str, fingerprint: str) -> Any:
    """The kept answer of an earlier request, or the user id under which this one runs."""
    with session_scope() as session:
        who = service.find_key(session, auth.partition(" ")[2].strip())
        if who is None or who.id is None:
            return None  # the route itself refuses
        session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.user_id == who.id,
                IdempotencyKey.key == key,
                IdempotencyKey.status.is_(None),
                IdempotencyKey.created_at < now() - _STUCK,
            )
        )
        mine = session.execute(
            insert(IdempotencyKey)
            .values(user_id=who.id, key=key, fingerprint=fingerprint, headers={})
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        ).one_or_none()
        if mine is not None:
            return who.id
        return _earlier(session, who.id, key, fingerprint)


def _earlier(session: Session, user_id: Any, key: str, fingerprint: str) -> Response:
    row = session.get_one(IdempotencyKey, (user_id, key))
    if row.fingerprint != fingerprint:
        raise InvalidError("This Idempotency-Key was used for another request.")
    if row.status is None:
        raise ConflictError("The first request with this Idempotency-Key is still running.")
    return Response(row.body or b"", status_code=row.status, headers=row.headers)


def _keep(user_id: Any, key: str, recorded: _Recorded) -> None:
    if user_id is None:
        return
    with session_scope() as session:
        row = session.get(IdempotencyKey, (user_id, key))
        if row is not None:
            row.status = recorded.status
            row.body = recorded.body if len(recorded.body) <= _MOST else b""
            names = ("content-type", "location", "link")
            row.headers = {n: recorded.headers[n] for n in names if n in recorded.headers}


def _forget(user_id: Any, key: str) -> None:
    if user_id is not None:
        with session_scope() as session:
            session.execute(
                delete(IdempotencyKey).where(
                    IdempotencyKey.user_id == user_id, IdempotencyKey.key == key
                )
            )


def clean_up(session: Session) -> None:
    """Forget answers after a day."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - _LIFE))
