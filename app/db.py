"""The database: declarative base, sessions, and what happens after a commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import orjson
import psycopg
import structlog
from sqlalchemy import DateTime, Engine, MetaData, create_engine, event, func
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from app.errors import AppError, UnavailableError
from app.settings import settings

_ON_COMMIT = "winnow_on_commit"
_INVALIDATED = "8s2b"  # SQLAlchemy's code: the session's connection broke earlier
# A database machine that fell silent is noticed within a minute, not after two hours.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
ERRORS = (SQLAlchemyError, psycopg.Error)
_log = structlog.get_logger("winnow.db")
# Counting over a dataset reads every row of it and groups by expressions whose number of groups
# the planner overrates: without this it would not share the work among processes. Compiling such
# queries takes longer than running them, and so does a plan made without the values in a filter.
_PLANNER = (
    "-c jit=off -c parallel_setup_cost=200 -c parallel_tuple_cost=0.001 "
    "-c plan_cache_mode=force_custom_plan"
)


class Base(DeclarativeBase):
    """The tables; names of constraints follow one convention so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012


class CreatedAt:
    """A row that knows when it was made."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


@cache
def engine() -> Engine:
    """The connection pool of this process; a statement timeout keeps one page from blocking all."""
    conf = settings()
    if not conf.database_url:
        raise UnavailableError(
            "No database: start with `winnow up`, or set WINNOW_DATABASE_URL to a Postgres URL."
        )
    return create_engine(
        sqlalchemy_url(conf.database_url),
        pool_size=conf.db_pool,
        max_overflow=conf.db_pool,
        pool_pre_ping=True,
        json_deserializer=orjson.loads,
        connect_args={
            "options": f"-c statement_timeout={conf.statement_timeout_ms} {_PLANNER}",
            **_PATIENCE,
        },
    )


def sqlalchemy_url(url: str) -> str:
    """The URL with the driver that is installed."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@cache
def session_factory() -> sessionmaker[Session]:
    """Makes sessions; objects stay readable after a commit."""
    return sessionmaker(engine(), expire_on_commit=False)


def get_session() -> Iterator[Session]:
    """A session per request: committed when the route returned, rolled back when it raised."""
    with session_scope() as session:
        yield session


@contextmanager
def session_scope() -> Iterator[Session]:
    """Commit at the end, roll back on any error."""
    session = session_factory()()
    try:
        yield session
        session.commit()
    except BaseException as error:
        if isinstance(error, AppError) and error.keeps_changes:
            session.commit()
        else:
            session.rollback()
        raise
    finally:
        session.close()


def is_away(error: BaseException) -> bool:
    """Whether the database ended, starts or can't be reached: the same will work later."""
    if isinstance(error, PendingRollbackError):
        return error.code == _INVALIDATED
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_away(error.orig))
    if not isinstance(error, psycopg.OperationalError):
        return False
    state = error.sqlstate or ""
    # connection exceptions, shut down or starting, too many connections
    return not state or state.startswith(("08", "57P")) or state == "53300"


@contextmanager
def outages_pass(what: str) -> Iterator[None]:
    """Leave `what` undone, with a line in the log, when the database is away: it comes again."""
    try:
        yield
    except ERRORS as error:
        if not is_away(error):
            raise
        _log.warning("database away", undone=what, error=str(error))


def on_commit(session: Session, action: Callable[[], Any]) -> None:
    """Run `action` once this session's outermost transaction is committed; never on rollback."""
    session.info.setdefault(_ON_COMMIT, []).append(action)


@event.listens_for(Session, "after_commit")
def _run_actions(session: Session) -> None:
    # after_commit also fires when a savepoint is released: what waits is for the real commit.
    if session.in_nested_transaction():
        return
    for action in session.info.pop(_ON_COMMIT, []):
        action()


@event.listens_for(Session, "after_rollback")
def _forget_actions(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_ON_COMMIT, None)
