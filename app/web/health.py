"""For machines: is the process alive, can it work, how does it do."""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db import engine
from app.errors import AppError
from app.web.render import ROOT

router = APIRouter(include_in_schema=False)

_JOBS = "SELECT status::text, count(*) FROM jobs GROUP BY status ORDER BY status"


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Alive: the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz() -> JSONResponse:
    """Ready: the database answers and has the newest migration."""
    try:
        with engine().connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except (AppError, SQLAlchemyError) as error:
        return JSONResponse({"status": "no database", "detail": str(error)}, status_code=503)
    wanted = migrations_head(ROOT)
    if current != wanted:
        detail = f"The database is at {current}, the code wants {wanted}: run `winnow migrate`."
        return JSONResponse({"status": "not migrated", "detail": detail}, status_code=503)
    return JSONResponse({"status": "ok"})


def migrations_head(root: Path) -> str | None:
    """The newest migration of this code."""
    config = Config()
    config.set_main_option("script_location", str(root / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()


@router.get("/metrics")
def metrics() -> Response:
    """Prometheus text: requests, their times, jobs by status."""
    with engine().connect() as connection:
        rows = connection.execute(text(_JOBS)).all()
    jobs = ["# HELP winnow_jobs Jobs by status", "# TYPE winnow_jobs gauge"]
    jobs += [f'winnow_jobs{{status="{status}"}} {count}' for status, count in rows]
    body = generate_latest() + ("\n".join(jobs) + "\n").encode()
    return Response(body, media_type=CONTENT_TYPE_LATEST)
