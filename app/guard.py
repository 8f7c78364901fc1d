"""Ends the parts of `winnow up` when it went without doing so, by `kill -9` for instance.

Runs as a process of its own that reads what to end from a pipe. The pipe closes when `winnow up`
is gone, however it went. It holds the lock of the home folder too, so that the next start waits
until everything has ended. Standard library only: it is there within milliseconds.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

DONE = "done"
GROUP = "group"
POSTGRES = "postgres"
_GRACE_S = 3.0


def end_groups(groups: Sequence[int], grace_s: float = _GRACE_S) -> None:
    """Ask process groups to end, and make them when they do not."""
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(_signal(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _stop_postgres(folder: Path) -> None:
    with suppress(OSError, ValueError):
        pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGINT)  # Postgres takes it as "fast shutdown"
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)


def watch(lines: Iterable[str]) -> None:
    """Collect what was started; when the lines end without `done`, end it."""
    groups: list[int] = []
    postgres: list[Path] = []
    for line in lines:
        what, _, value = line.strip().partition(" ")
        if what == DONE:
            return
        if what == GROUP:
            groups.append(int(value))
        elif what == POSTGRES:
            postgres.append(Path(value))
    end_groups(groups)
    for folder in postgres:
        _stop_postgres(folder)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(sys.stdin)
