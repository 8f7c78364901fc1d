"""What every request carries: an id in the logs, timings in the metrics, safe headers."""

import re
import time
import uuid
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUESTS = Counter("winnow_requests_total", "Answered requests", ["method", "route", "status"])
_SECONDS = Histogram(
    "winnow_request_seconds",
    "Time until the answer began",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15),
)
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_ID = re.compile(r"[\w.-]{1,64}\Z")
_log = structlog.get_logger("winnow.web")


class RequestContext:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or hand anything else through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id)
                _tell_where(scope, message)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            finally:
                _report(scope, status, time.perf_counter() - started)


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    request_id = given if _ID.match(given) else uuid.uuid4().hex[:12]
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def _add_headers(message: MutableMapping[str, Any], request_id: str) -> None:
    headers = list(message.get("headers", []))
    present = {name.lower() for name, _ in headers}
    for name, value in {**_HEADERS, "x-request-id": request_id}.items():
        if name.encode() not in present:
            headers.append((name.encode(), value.encode()))
    headers.append((b"vary", b"HX-Request"))
    message["headers"] = headers


def stays(scope: Scope) -> bool:
    """Whether the script of our pages sent a form, and can show in it why it was refused."""
    return dict(scope["headers"]).get(b"x-form") == b"stay"


def _tell_where(scope: Scope, message: MutableMapping[str, Any]) -> None:
    """A script is told where to go on: a browser would follow, and the page be read twice."""
    if message["status"] == HTTPStatus.SEE_OTHER and stays(scope):
        message["status"] = HTTPStatus.NO_CONTENT
        message["headers"] = [one for one in message["headers"] if one[0] != b"content-length"]


def _report(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    _REQUESTS.labels(scope["method"], route, status).inc()
    _SECONDS.labels(scope["method"], route).observe(seconds)
    if not scope["path"].startswith(("/static/", "/healthz", "/metrics")):
        _log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
        )
