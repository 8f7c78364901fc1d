"""Making the next item while the last one is used."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], alone: Callable[[T], bool]) -> Generator[T]:
    """The same items; the next one is made in a thread, for consumers that mostly wait.

    Nothing is made beside an item that should be `alone` in memory. Closed early, it waits for the
    item that is being made.
    """
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            if alone(item):  # type: ignore[arg-type]
                yield item  # type: ignore[misc]
                coming = pool.submit(next, items, end)
            else:
                coming = pool.submit(next, items, end)
                yield item  # type: ignore[misc]
