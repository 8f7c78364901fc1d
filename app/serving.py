"""`winnow up`: database, workers, beat and web server as one process tree, and the first login."""

import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx
from alembic import command
from alembic.config import Config
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import login, service
from app.accounts.models import ApiKey, Role, User
from app.accounts.policies import SYSTEM
from app.db import session_scope
from app.embedded import start_postgres
from app.settings import settings

ROOT = Path(__file__).resolve().parents[1]
ADMIN = "admin@localhost"
_KEY_NAME = "winnow up"
_READY_S = 60


@dataclass(frozen=True, slots=True)
class Up:
    """What `winnow up` was asked for."""

    home: Path
    host: str
    port: int
    workers: int
    browser: bool
    landing: str = "/"


def migrate() -> None:
    """Bring the database to the newest migration."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    command.upgrade(config, "head")


def prepare(home: Path) -> str:
    """Make the home folder and find the database: that of the settings, else the embedded one."""
    for folder in (home, home / "uploads", home / "releases", home / "imports"):
        folder.mkdir(parents=True, exist_ok=True)
    url = settings().database_url or start_postgres(home)
    os.environ["WINNOW_HOME"], os.environ["WINNOW_DATABASE_URL"] = str(home), url
    settings.cache_clear()
    return url


class Tree:
    """The processes of one `winnow up`: started together, stopped together."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = False

    def start(self, name: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        """Start a part; Ctrl-C reaches it through us, not through the terminal."""
        self._processes[name] = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app.cli", *arguments],
            env={**os.environ, **env},
            cwd=ROOT,
            start_new_session=True,
        )

    def ended(self) -> str | None:
        """The name of a part that ended by itself."""
        return next((n for n, one in self._processes.items() if one.poll() is not None), None)

    def stop(self) -> None:
        """Ask all parts to end, and make them after ten seconds."""
        self.stopping = True
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def up(wanted: Up) -> int:
    """Run everything until Ctrl-C; answers the exit code."""
    prepare(wanted.home)
    migrate()
    url = f"http://{wanted.host}:{wanted.port}"
    tree = Tree()

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        tree.stopping = True

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        env = {"WINNOW_PUBLIC_URL": url}
        tree.start("web", ["web", "--host", wanted.host, "--port", str(wanted.port)], env)
        tree.start("worker", ["worker", "--processes", str(wanted.workers), "--beat"], env)
        _wait_until_ready(url, tree)
        _say_where(wanted, url)
        while not tree.stopping:
            time.sleep(0.3)
            ended = tree.ended()
            if ended is not None and not tree.stopping:
                sys.stderr.write(f"The {ended} process ended; its log stands above. Stopping.\n")
                return 1
    finally:
        tree.stop()
    return 0


def _wait_until_ready(url: str, tree: Tree) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and tree.ended() is None and not tree.stopping:
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)


def _say_where(wanted: Up, url: str) -> None:
    with session_scope() as session:
        admin = first_admin(session)
        token = login.make_login_link(session, admin)
        _write_key(session, admin, wanted.home, url)
    link = f"{url}/login/{token}?next={wanted.landing}"
    sys.stdout.write(f"\nWinnow is up at {url}\nSign in once with this link:\n  {link}\n\n")
    sys.stdout.write("Ctrl-C stops it; started again it finds its data.\n")
    sys.stdout.flush()
    if wanted.browser:
        webbrowser.open(link)


def first_admin(session: Session) -> User:
    """An admin; the first one is made on the first start."""
    admin = session.scalar(select(User).where(User.role == Role.ADMIN, User.active).limit(1))
    return admin or service.add_user(session, email=ADMIN, role=Role.ADMIN, by=SYSTEM)


def _write_key(session: Session, admin: User, home: Path, url: str) -> None:
    """A fresh admin key for the command line on this machine, readable by its owner alone."""
    for old in session.scalars(select(ApiKey).where(ApiKey.name == _KEY_NAME)):
        session.delete(old)
    session.flush()
    _, key = service.create_key(session, owner=admin, role=Role.ADMIN, name=_KEY_NAME, by=SYSTEM)
    path = home / "winnow.json"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "api_key": key}, file)


def run_web(host: str, port: int) -> None:
    """The web server alone."""
    import uvicorn  # noqa: PLC0415

    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
    )


def run_worker(queues: str, processes: int, *, beat: bool) -> None:
    """Become a Celery worker for these queues; jobs may run queries that pages may not."""
    os.environ["WINNOW_STATEMENT_TIMEOUT_MS"] = "0"
    options = ["--pool=prefork", f"--concurrency={processes}", f"--queues={queues}"]
    _become_celery("worker", *options, "--without-gossip", *(_schedule() if beat else ()))


def run_beat() -> None:
    """Become the beat alone, for machines where workers are many."""
    _become_celery("beat", *_schedule()[1:])


def _schedule() -> tuple[str, str]:
    return "--beat", f"--schedule={settings().home / 'beat-schedule'}"


def _become_celery(verb: str, *options: str) -> None:
    settings().home.mkdir(parents=True, exist_ok=True)
    command_line = ["-m", "celery", "-A", "workers.app", verb, "--loglevel=INFO", *options]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, *command_line])  # noqa: S606 - our own command
