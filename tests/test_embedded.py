"""The embedded Postgres: started again after it was killed, whatever it left."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app import embedded
from app.errors import UnavailableError


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.stop_postgres(tmp_path)


def _killed(home: Path) -> Path:
    """Kill the server of this home with all its processes; answers its pid file."""
    server = embedded.postmaster(home / "postgres")
    assert server is not None
    for one in (server, *server.children()):
        one.kill()
    while embedded.postmaster(home / "postgres") is not None:
        time.sleep(0.01)
    return home / "postgres" / "postmaster.pid"


def test_a_killed_server_is_started_again_with_its_data(home: Path) -> None:
    url = embedded.start_postgres(home)
    with psycopg.connect(url) as session:
        session.execute("CREATE TABLE kept AS SELECT 7 AS value")
    left = _killed(home)
    lines = left.read_text().splitlines()
    lock = Path(lines[4]) / ".s.PGSQL.5432.lock"

    for first, rest in ((os.getpid(), lines[1:]), (lines[0], lines[1:3]), (os.getpid(), [])):
        left.write_text("\n".join([str(first), *rest]) + "\n")  # another's pid, half a file
        lock.write_text(f"{os.getpid()}\n")
        assert embedded.postmaster(home / "postgres") is None
        assert embedded.start_postgres(home) == url
        with psycopg.connect(url) as session:
            assert session.execute("SELECT value FROM kept").fetchone() == (7,)
        left = _killed(home)


def test_a_first_start_that_was_killed_begins_anew(home: Path) -> None:
    half = home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    with psycopg.connect(embedded.start_postgres(home)) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert not half.exists()


def test_a_server_that_cannot_start_says_where_to_look(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.start_postgres(home)
    embedded.stop_postgres(home)
    with (home / "postgres" / "postgresql.conf").open("a") as config:
        config.write("no_such_setting = 1\n")

    with pytest.raises(UnavailableError, match=r"did not start; .*log tells why"):
        embedded.start_postgres(home, given_up=lambda: True)
