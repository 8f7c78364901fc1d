"""A real Postgres per test worker, migrated once; every test runs in a transaction of its own."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

# Before anything of the application is imported: settings are read once.
_HOME = Path(tempfile.mkdtemp(prefix="winnow-test-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)  # after Postgres has stopped
os.environ["WINNOW_HOME"] = str(_HOME)
if "PYTEST_XDIST_WORKER" not in os.environ:  # workers have it from the process that started them
    _CACHE = tempfile.mkdtemp(prefix="winnow-models-")
    atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
    os.environ["WINNOW_CACHE"] = _CACHE
os.environ["WINNOW_LOG_JSON"] = "true"
# Tests share one connection, which a second thread must not use; real workers beat in test_brokers.
os.environ["WINNOW_HEARTBEAT_S"] = "3600"
os.environ.pop("WINNOW_DATABASE_URL", None)
os.environ.pop("WINNOW_BROKER_URL", None)

from fastapi import FastAPI  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from sqlalchemy import Connection, Engine, create_engine  # noqa: E402
from sqlalchemy.orm import Session, sessionmaker  # noqa: E402

from app import db  # noqa: E402
from app.accounts import service as accounts  # noqa: E402
from app.accounts.models import Role, User  # noqa: E402
from app.accounts.policies import SYSTEM, Principal  # noqa: E402
from app.jobs import queue  # noqa: E402
from app.settings import settings  # noqa: E402


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """The embedded Postgres of this test worker, with all migrations."""
    from app.embedded import start_postgres  # noqa: PLC0415
    from app.serving import migrate  # noqa: PLC0415

    url = start_postgres(_HOME)
    os.environ["WINNOW_DATABASE_URL"] = url
    settings.cache_clear()
    migrate()
    yield url
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    db.engine.cache_clear()


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """Connections for tests."""
    made = create_engine(db.sqlalchemy_url(database_url))
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection whose transaction is rolled back at the end."""
    with engine.connect() as made:
        outer = made.begin()
        yield made
        if outer.is_active:
            outer.rollback()


@pytest.fixture
def session(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The session of a test; the application's own sessions see the same transaction."""
    with joined(connection, monkeypatch) as made:
        yield made


@contextmanager
def joined(connection: Connection, patch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session in the transaction of a connection, into which the application's own go, too."""
    factory = sessionmaker(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )
    patch.setattr(db, "session_factory", lambda: factory)
    patch.setattr("workers.jobs.session_factory", lambda: factory)
    with factory() as made:
        yield made


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Jobs that workers were woken for; the broker itself is tested with the real one."""
    rung: list[str] = []
    monkeypatch.setattr(queue, "ring", lambda _queue, job_id, _bells=1: rung.append(str(job_id)))
    return rung


@pytest.fixture
def admin(session: Session) -> Principal:
    return accounts.as_principal(_user(session, "admin@example.org", Role.ADMIN))


@pytest.fixture
def lead(session: Session) -> Principal:
    return accounts.as_principal(_user(session, "lead@example.org", Role.LEAD))


@pytest.fixture
def annotator(session: Session) -> Principal:
    return accounts.as_principal(_user(session, "annotator@example.org", Role.ANNOTATOR))


def _user(session: Session, email: str, role: Role) -> User:
    user = accounts.add_user(session, email=email, role=role, by=SYSTEM)
    session.commit()
    return user


@cache
def _built() -> FastAPI:
    from app.main import create_app  # noqa: PLC0415

    return create_app()


def _app() -> FastAPI:
    """The application, built once per process: its routes take a fifth of a second."""
    from app.log import configure_logging  # noqa: PLC0415

    configure_logging()  # as the application does: a test has a stderr of its own
    return _built()


def _client(session: Session, who: Principal) -> TestClient:
    owner = session.get_one(User, who.id)
    _, key = accounts.create_key(session, owner=owner, role=who.role, name="test", by=SYSTEM)
    session.commit()
    return TestClient(
        _app(),
        base_url="http://testserver/api/v1",
        headers={"Authorization": f"Bearer {key}"},
        raise_server_exceptions=False,
    )


def browser_of(session: Session, who: Principal) -> TestClient:
    """A signed-in browser without JavaScript; its CSRF token goes along as a header."""
    from app.accounts import login  # noqa: PLC0415
    from app.accounts.current import COOKIE  # noqa: PLC0415

    owner = session.get_one(User, who.id)
    signed_in = login.login_by_link(session, login.make_login_link(session, owner))
    found = login.find_login(session, signed_in.token)
    session.commit()
    return TestClient(
        _app(),
        cookies={COOKIE: signed_in.token},
        headers={"X-CSRF-Token": found[1] if found else ""},
        raise_server_exceptions=False,
    )


@pytest.fixture
def api(session: Session, lead: Principal, bells: list[str]) -> TestClient:
    """The REST API as a lead."""
    return _client(session, lead)


@pytest.fixture
def admin_api(session: Session, admin: Principal, bells: list[str]) -> TestClient:
    """The REST API as an admin."""
    return _client(session, admin)


@pytest.fixture
def annotator_api(session: Session, annotator: Principal, bells: list[str]) -> TestClient:
    """The REST API as an annotator."""
    return _client(session, annotator)
