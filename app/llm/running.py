"""Running what asks a model from code that waits."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of asynchronous work: in a thread of its own, the caller's may have a loop."""
    with ThreadPoolExecutor(1, thread_name_prefix="asking") as threads:
        return threads.submit(copy_context().run, asyncio.run, work).result()
