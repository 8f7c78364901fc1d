"""Running what asks a model from code that waits."""

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")
_SWITCH_S = 0.0005
_quick = threading.Lock()
_loops = [0, sys.getswitchinterval()]  # how many run now; what stands when none does


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of asynchronous work: in a thread of its own, the caller's may have a loop."""
    with _quick_turns(), ThreadPoolExecutor(1, thread_name_prefix="asking") as threads:
        return threads.submit(copy_context().run, asyncio.run, work).result()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """The loop has its turn soon, also while another thread of the process computes.

    By Python's default it would wait 5 ms whenever replies come in: 64 of them wait for it.
    """
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(more: int) -> None:
    with _quick:
        _loops[0] += more
        sys.setswitchinterval(_SWITCH_S if _loops[0] else _loops[1])
