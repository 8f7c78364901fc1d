"""So many questions at once, and whose turn it is among those that wait."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Slots:
    """No more than so many at once; of those that wait the lowest turn goes first.

    So what was begun first is finished first: money that ends in the middle leaves few halves.
    """

    def __init__(self, number: int) -> None:
        self._left = number
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = count()

    @asynccontextmanager
    async def held(self, turn: int) -> AsyncIterator[None]:
        """Wait for a slot, and give it back in the end."""
        await self._take(turn)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, turn: int) -> None:
        if self._left:
            self._left -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (turn, next(self._came), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, other = heapq.heappop(self._waiting)
            if not other.done():
                other.set_result(None)
                return
        self._left += 1
