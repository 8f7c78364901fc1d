"""`winnow up`: database, workers, beat and web server as one process tree, and the first login."""

import json
import os
import shutil
import signal
import socket
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx
from alembic import command
from alembic.config import Config
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts import login, service
from app.accounts.models import ApiKey, Role, User
from app.accounts.policies import SYSTEM
from app.db import session_scope
from app.embedded import postmaster, start_postgres
from app.errors import ConflictError, NotFoundError, UnavailableError
from app.jobs import claiming
from app.jobs.models import Queue
from app.log import configure_logging
from app.settings import settings
from app.tending import Tended
from app.tree import ROOT, Tree, locked

ADMIN = "admin@localhost"
_KEY_NAME = "winnow up"
_READY_S = 60
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound


QUEUES = ",".join(Queue)


@dataclass(frozen=True, slots=True)
class Up:
    """What `winnow up` was asked for; `load` fills the workbench before the link is printed."""

    home: Path
    host: str
    port: int
    workers: int
    browser: bool
    queues: str = QUEUES
    as_json: bool = False
    landing: str = "/"
    load: Callable[[str, str, Callable[[], bool]], None] | None = None

    @property
    def url(self) -> str:
        """The address that people open on this machine."""
        return f"http://{_ANY_ADDRESS.get(self.host, self.host)}:{self.port}"


def migrate() -> None:
    """Bring the database to the newest migration."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    command.upgrade(config, "head")


def prepare(home: Path) -> bool:
    """Make the home folder and find the database; true when it is the embedded one."""
    make_folders(home)
    own = not settings().database_url
    url = _embedded(home) if own else settings().database_url
    os.environ["WINNOW_HOME"], os.environ["WINNOW_DATABASE_URL"] = str(home), url
    settings.cache_clear()
    return own


def find(home: Path) -> None:
    """Find the database of a workbench that is there."""
    if not settings().database_url and not (home / "postgres" / "PG_VERSION").exists():
        raise NotFoundError(f"There is no workbench in {home}; WINNOW_HOME names another folder.")
    prepare(home)


def make_folders(home: Path) -> None:
    """Make the home folder and what lies in it."""
    for folder in (home, home / "uploads", home / "releases", home / "imports"):
        folder.mkdir(parents=True, exist_ok=True)


def _embedded(home: Path) -> str:
    """Start the embedded Postgres. It stops with the last of its users, so forget killed ones."""
    users = home / "postgres" / ".handle_pids.json"
    with suppress(OSError, ValueError):
        alive = [pid for pid in json.loads(users.read_text()) if Path(f"/proc/{pid}").exists()]
        if Path("/proc/self").exists():
            users.write_text(json.dumps(alive))
    return start_postgres(home)


def up(wanted: Up) -> int:
    """Run everything until Ctrl-C; answers the exit code."""
    configure_logging()
    make_folders(wanted.home)
    with locked(wanted.home) as lock:
        _refuse_taken_port(wanted.host, wanted.port)
        tree = Tree(lock)
        _stop_on_signals(tree)
        try:
            return _run(wanted, tree)
        finally:
            tree.stop()


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConflictError(
                f"Winnow can't listen on {host}:{port}: {error.strerror}. "
                "Give another one with --port."
            ) from error


def _stop_on_signals(tree: Tree) -> None:
    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        tree.stopping = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)


def _run(wanted: Up, tree: Tree) -> int:
    own = prepare(wanted.home)
    if own:
        tree.watch_postgres(wanted.home / "postgres", _database(wanted.home, tree))
    if not settings().broker_url:
        # A killed worker may leave half a message there; upkeep rings for every job again.
        shutil.rmtree(wanted.home / "broker", ignore_errors=True)
    migrate()
    if own:
        # No worker of this database is alive: what the last ones held need not wait to grow stale.
        with session_scope() as session:
            claiming.free_all(session)
    env = {"WINNOW_PUBLIC_URL": os.environ.get("WINNOW_PUBLIC_URL", wanted.url)}
    tree.start("web", ["web", "--host", wanted.host, "--port", str(wanted.port)], env)
    tree.start(
        "worker",
        ["worker", "--processes", str(wanted.workers), "--queues", wanted.queues],
        env,
        before_again=_free_chunks if own else None,
    )
    tree.start("beat", ["beat"], env)
    if _wait_until_ready(wanted.url, tree):
        key = _hand_out_key(wanted)
        if wanted.load is not None:
            wanted.load(wanted.url, key, lambda: _stopped(tree))
        if not tree.stopping:
            _say_where(wanted)
    while not _stopped(tree):
        time.sleep(0.2)
    return 0


def _free_chunks() -> None:
    """The only worker ended: what it held need not wait to grow stale, if the database is there."""
    with suppress(OperationalError), session_scope() as session:
        claiming.requeue_stale(session, 0)


def _stopped(tree: Tree) -> bool:
    """Whether Ctrl-C was pressed; until then, what ended by itself is started again."""
    tree.tend()
    return tree.stopping


def _database(home: Path, tree: Tree) -> Tended:
    """The embedded Postgres: a process of its own that nobody here is the parent of."""
    folder = home / "postgres"
    return Tended(
        "database",
        ended=lambda: "" if postmaster(folder) else "its process is gone",
        start=lambda: start_postgres(home, given_up=lambda: tree.stopping),
    )


def _wait_until_ready(url: str, tree: Tree) -> bool:
    deadline = time.monotonic() + _READY_S
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline:
            if tree.stopping:
                return False
            if (ended := tree.ended()) is not None:
                raise UnavailableError(f"The {ended} process ended; its log stands above.")
            with suppress(httpx.HTTPError):
                if client.get(f"{url}/readyz").status_code == httpx.codes.OK:
                    return True
            time.sleep(0.1)
    raise UnavailableError(f"The web server was not ready within {_READY_S} seconds.")


def _say_where(wanted: Up) -> None:
    link = login_link(wanted.url, landing=wanted.landing)
    if wanted.as_json:
        about = {"url": wanted.url, "login": link, "home": str(wanted.home)}
        sys.stdout.write(json.dumps(about) + "\n")
    else:
        sys.stdout.write(
            f"\nWinnow is up at {wanted.url}\nSign in once with this link:\n  {link}\n\n"
            "Ctrl-C stops it; started again it finds its data.\n"
        )
    sys.stdout.flush()
    if wanted.browser and (sys.platform == "darwin" or os.environ.get("DISPLAY")):
        webbrowser.open(link)


def address() -> str:
    """Under which people open it: as it is set, or as the server that runs here says."""
    known = settings()
    running = known.home.expanduser() / "winnow.json"
    if "public_url" not in known.model_fields_set and running.is_file():
        return str(json.loads(running.read_text())["url"])
    return known.public_url


def login_link(url: str, *, landing: str = "/", email: str = "") -> str:
    """A link that signs a person in once; without an address an admin, the first one if need be."""
    with session_scope() as session:
        who = service.get_user(session, email) if email else first_admin(session)
        token = login.make_login_link(session, who)
    return f"{url.rstrip('/')}/login/{token}?next={landing}"


def first_admin(session: Session) -> User:
    """An admin; the first one is made on the first start."""
    admin = session.scalar(select(User).where(User.role == Role.ADMIN, User.active).limit(1))
    return admin or service.add_user(session, email=ADMIN, role=Role.ADMIN, by=SYSTEM)


def _hand_out_key(wanted: Up) -> str:
    """A fresh admin key for the command line on this machine, readable by its owner alone."""
    with session_scope() as session:
        admin = first_admin(session)
        for old in session.scalars(select(ApiKey).where(ApiKey.name == _KEY_NAME)):
            session.delete(old)
        session.flush()
        _, key = service.create_key(
            session, owner=admin, role=Role.ADMIN, name=_KEY_NAME, by=SYSTEM
        )
    path = wanted.home / "winnow.json"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": wanted.url, "api_key": key}, file)
    return key
