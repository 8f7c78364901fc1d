"""A worker whose child was killed ends too, and is started again as a whole.

The children of a pool on the embedded broker share one pipe and its lock. A child that is killed
while it waits for work takes the lock with it: its siblings would wait for ever, and the worker
would look alive and do nothing.
"""

import os
import signal
from contextlib import suppress
from typing import Any

import structlog

_log = structlog.get_logger("winnow.worker")


def watch(pool: Any) -> None:
    """Look out for killed children; pools on Redis have a pipe per child and need no watch."""
    if pool.on_process_down is None:
        pool.on_process_down = lambda child: _child_ended(pool, child)


def _child_ended(pool: Any, child: Any) -> None:
    if child.exitcode is None or child.exitcode >= 0:
        return
    _log.error("child killed", pid=child.pid, signal=-child.exitcode)
    for sibling in pool._pool:  # noqa: SLF001 - the pool has no other list of its children
        with suppress(ProcessLookupError):
            os.kill(sibling.pid, signal.SIGKILL)
    os._exit(1)
