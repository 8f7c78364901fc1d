"""One handler for refusals and faults, with three faces: JSON problem, htmx toast, page.

A form that the script of our pages sends gets the problem, too, and shows its sentence in itself.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from app.db import ERRORS as DATABASE_ERRORS
from app.db import is_away
from app.errors import (
    AppError,
    ConflictError,
    InvalidError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
    UnsatisfiableError,
)
from app.validation import problems_of, sentence
from app.web.context import stays
from app.web.render import render

_MOST_CHARS = 2_000  # of a sentence: what was sent may stand in it
_MOST_FIELDS = 50
_log = structlog.get_logger("winnow.web")

# How the API describes its refusals (RFC 9457).
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Refused, with a sentence that says why",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "request_id": {"type": "string"},
                        "errors": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}


def install(app: FastAPI) -> None:
    """Answer every error of this application in the caller's format."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, database_error)
    app.add_exception_handler(Exception, _fault)


def _app_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, AppError):
        raise error
    return answer(request, error)


def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    fields = problems_of(error.errors())
    return answer(request, InvalidError(sentence(fields[:5]), errors=fields))


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    refusal = AppError(str(error.detail))
    refusal.status = error.status_code
    refusal.title = HTTPStatus(error.status_code).phrase
    if error.status_code == HTTPStatus.NOT_FOUND:
        refusal.args = (f"There is nothing at {request.url.path}.",)
    response = answer(request, refusal)
    response.headers.update(error.headers or {})
    return response


def database_error(request: Request, error: Exception) -> Response:
    """What the database refused, or that it is away, in words."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    if state == "57014":
        refusal: AppError = UnavailableError(
            "The database took longer than allowed and the query was stopped. "
            "Narrow the filter, or try again when fewer jobs run."
        )
    elif state in {"40001", "40P01", "55P03"}:
        refusal = ConflictError("Somebody else changed the same rows. Please try again.")
    elif isinstance(error, DataError):
        refusal = InvalidError(
            "A value in the request is none that the database can hold: a text with a NUL "
            "character, or a number that is too large."
        )
    elif is_away(error):
        refusal = UnavailableError(
            "The database can't be reached. It is started again by itself as a rule: "
            "please try again in a moment."
        )
    else:
        return _fault(request, error)
    _log.warning("database", error=str(error))
    return answer(request, refusal)


def _fault(request: Request, error: Exception) -> Response:
    _log.error("fault", exc_info=error)
    fault = AppError("Something went wrong on our side. The request id tells where to look.")
    fault.status = 500
    fault.title = "A fault in Winnow"
    return answer(request, fault)


def answer(request: Request, error: AppError) -> Response:
    """The error as the caller can use it; the status is the same in all three faces."""
    request_id = getattr(request.state, "request_id", "")
    error.args = (_printable(str(error)),)
    if request.url.path.startswith("/api/") or stays(request.scope):
        response: Response = _problem(error, request_id)
    elif isinstance(error, UnauthenticatedError) and request.method == "GET":
        return _to_login(request)
    elif request.headers.get("HX-Request") == "true":
        response = render(request, "components/_toast.html", error=error, request_id=request_id)
        response.headers.update({"HX-Retarget": "#toasts", "HX-Reswap": "innerHTML"})
    else:
        back = _back(request)
        response = render(request, "error.html", error=error, request_id=request_id, back=back)
    response.status_code = error.status
    if isinstance(error, TooManyRequestsError):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UnsatisfiableError):
        response.headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, UnauthenticatedError):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _back(request: Request) -> str:
    """The page of ours that a refused form stands on; empty where nobody says."""
    came = urlsplit(request.headers.get("referer", ""))
    if request.method == "GET" or came.netloc != request.url.netloc:
        return ""
    return urlunsplit(("", "", came.path, came.query, ""))


def _problem(error: AppError, request_id: str) -> JSONResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
        "request_id": request_id,
        **error.extra,
    }
    if error.errors:
        body["errors"] = [
            {
                name: _printable(said) if isinstance(said, str) else said
                for name, said in one.items()
            }
            for one in error.errors[:_MOST_FIELDS]
        ]
    return JSONResponse(body, media_type="application/problem+json")


def _printable(words: str) -> str:
    """As it can be sent: half of a surrogate pair is no character, and nobody reads a book."""
    short = words if len(words) <= _MOST_CHARS else f"{words[:_MOST_CHARS]}…"
    return short.encode("utf-8", "replace").decode()


def _to_login(request: Request) -> Response:
    shown = urlsplit(request.headers.get("HX-Current-URL", str(request.url)))  # the page, no part
    target = request.url_for("accounts:login_form").include_query_params(
        next=urlunsplit(("", "", shown.path, shown.query, ""))
    )
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": str(target)})
    return RedirectResponse(target, status_code=303)
