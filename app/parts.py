"""The parts of Winnow, each as a process by its own verb: web server, worker, beat."""

import gc
import importlib
import os
import sys

from app.errors import UnavailableError
from app.serving import make_folders
from app.settings import settings
from app.tree import ROOT


def run_web(host: str, port: int) -> None:
    """The web server alone."""
    import uvicorn  # noqa: PLC0415

    _need_database()
    make_folders(settings().home)
    _import_application()
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _import_application() -> None:
    """Import what stays for good without looking through it for garbage, a quarter of the start."""
    gc.disable()
    importlib.import_module("app.main")
    gc.freeze()
    gc.enable()


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


def _need_database() -> None:
    if not settings().database_url:
        raise UnavailableError(
            "There is no database: set WINNOW_DATABASE_URL to a Postgres URL, or start everything "
            "with `winnow up`."
        )


def _become_celery(verb: str, *options: str) -> None:
    _need_database()
    make_folders(settings().home)
    command_line = ["-m", "celery", "-A", "workers.app", verb, "--loglevel=INFO", *options]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, *command_line])  # noqa: S606 - our own command
