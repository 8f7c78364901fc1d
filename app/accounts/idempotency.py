"""Idempotency-Key: a POST that is sent again gets the first answer, and does nothing twice."""

import hashlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import service
from app.accounts.models import IdempotencyKey
from app.accounts.service import now
from app.db import session_scope
from app.errors import ConflictError, InvalidError

_LIFE = timedelta(days=1)
_STUCK = timedelta(minutes=10)
_MAX_KEPT = 1_000_000
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ApiRoute(APIRoute):
    """A JSON route that honours Idempotency-Key on POST."""

    def get_route_handler(self) -> Handler:
        """Wrap the route's own handler."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get("Idempotency-Key", "")
            if request.method != "POST" or not key:
                return await handle(request)
            return await _once(request, key, handle)

        return once


async def _once(request: Request, key: str, handle: Handler) -> Response:
    if len(key) > 200:
        raise InvalidError("An Idempotency-Key has at most 200 characters.")
    fingerprint = await _fingerprint(request)
    auth = request.headers.get("Authorization", "")
    kept = await run_in_threadpool(_reserve, auth, key, fingerprint)
    if isinstance(kept, Response):
        return kept
    try:
        response = await handle(request)
    except BaseException:
        await run_in_threadpool(_forget, kept, key)
        raise
    body = bytes(response.body) if len(getattr(response, "body", b"")) <= _MAX_KEPT else b""
    await run_in_threadpool(_keep, kept, key, response, body)
    return response


async def _fingerprint(request: Request) -> str:
    seen = hashlib.sha256(f"{request.url.path}?{request.url.query}".encode())
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        seen.update(await request.body())
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


def _keep(user_id: Any, key: str, response: Response, body: bytes) -> None:
    if user_id is None:
        return
    with session_scope() as session:
        row = session.get(IdempotencyKey, (user_id, key))
        if row is not None:
            row.status, row.body = response.status_code, body
            names = ("content-type", "location")
            row.headers = {n: response.headers[n] for n in names if n in response.headers}


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
