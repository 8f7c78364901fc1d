"""A Winnow of its own for the measurements: `winnow up` on a folder that is kept between runs."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from app.client import Client, Json

ROOT = Path(__file__).resolve().parents[1]
_READY_S = 120


@dataclass(frozen=True, slots=True)
class Workbench:
    """A server that runs: its folder, its process, a client with the admin's key."""

    home: Path
    url: str
    key: str
    process: subprocess.Popen[str]
    client: Client
    browser: httpx.Client

    @property
    def database_url(self) -> str:
        """The embedded Postgres of this home, for a look behind the curtain."""
        lines = (self.home / "postgres" / "postmaster.pid").read_text().splitlines()
        port, sockets = lines[3:5]
        return f"postgresql://postgres:@/winnow?host={sockets}&port={port}"

    def finish(self, job: Json) -> tuple[Json, float]:
        """Follow a job to its end; the job, and the seconds from its start to its end."""
        done = self.client.wait(job)
        if done["status"] != "succeeded":
            raise RuntimeError(f"{done['title']}: {done['status']} {done.get('error')}")
        return done, _seconds(done)

    def page(self, path: str, **params: Any) -> str:
        """A page as a signed-in browser gets it."""
        answer = self.browser.get(path, params=params)
        answer.raise_for_status()
        return answer.text

    def settle(self) -> None:
        """Bring the tables to the state that they have an hour later: vacuumed, analysed."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The processes of this Winnow by what they do: web, worker, postgres."""
        found: dict[str, list[psutil.Process]] = {"web": [], "worker": [], "postgres": []}
        for one in psutil.Process(self.process.pid).children(recursive=True):
            words = " ".join(_command_line(one))
            kind = "web" if re.search(r"\bweb\b", words) else "worker"
            found[kind].append(one)
        lines = (self.home / "postgres" / "postmaster.pid").read_text().splitlines()
        postmaster = psutil.Process(int(lines[0]))
        found["postgres"] = [postmaster, *postmaster.children(recursive=True)]
        return found


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _seconds(job: Json) -> float:
    start, end = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (end - start).total_seconds()


@contextmanager
def running(
    home: Path,
    *,
    workers: int = 2,
    queues: str = "cpu,llm,gpu",
    env: dict[str, str] | None = None,
) -> Iterator[Workbench]:
    """Start `winnow up` on a free port of loopback; it ends with the block."""
    home.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command = [sys.executable, "-m", "app.cli", "up", "--home", str(home), "--port", str(port)]
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WINNOW_") or name == "WINNOW_CACHE"
    }
    with (home / "up.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--workers", str(workers), "--queues", queues, "--no-browser", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env={**own, **(env or {})},
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"Winnow did not start: see {home / 'up.log'}")
    about: dict[str, Any] = json.loads((home / "winnow.json").read_text())
    client = Client(about["url"], about["api_key"])
    browser = httpx.Client(
        base_url=about["url"], follow_redirects=True, timeout=60, trust_env=False
    )
    browser.get(json.loads(line)["login"])
    try:
        yield Workbench(home, about["url"], about["api_key"], process, client, browser)
    finally:
        client.close()
        browser.close()
        process.send_signal(signal.SIGINT)
        process.wait(60)
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
