"""A whole Winnow for tests: `winnow up` on a folder of its own, spoken to as people do."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.conftest import shared_models

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Live:
    """A server that runs: its folder, its address, and the command line that speaks to it."""

    home: Path
    url: str
    process: subprocess.Popen[str]

    def winnow(self, *words: object, env: dict[str, str | None] | None = None) -> Result:
        """Run a verb as if typed."""
        unset = {"WINNOW_URL": None, "WINNOW_API_KEY": None}
        own = {**unset, "WINNOW_HOME": str(self.home), **(env or {})}
        return CliRunner().invoke(main, [str(word) for word in words], env=own)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    home: Path, *options: str, port: int | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `winnow up`; its log goes to a file in the folder."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    at = ["--home", str(home), "--port", str(port or free_port())]
    with (home / "up.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up", *at, "--no-browser", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env={**kept, **(env or {})},
        )


def line_of(process: subprocess.Popen[str]) -> str:
    """The line that `winnow up` prints when all is ready; empty when it ended instead."""
    assert process.stdout is not None
    return process.stdout.readline()


def stop(process: subprocess.Popen[str], how: signal.Signals = signal.SIGINT) -> int:
    """Stop it, as Ctrl-C does unless told otherwise; answers its exit code."""
    process.send_signal(how)
    return ended(process)


def ended(process: subprocess.Popen[str]) -> int:
    """Wait for its end."""
    code = process.wait(timeout=30)
    if process.stdout is not None:
        process.stdout.close()
    return code


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all tests of this process."""
    home = tmp_path_factory.mktemp("live")
    (home / "models").symlink_to(shared_models(tmp_path_factory))
    port = free_port()
    process = start(home, port=port)
    assert line_of(process), (home / "up.log").read_text()[-4000:]
    yield Live(home, f"http://127.0.0.1:{port}", process)
    stop(process)
