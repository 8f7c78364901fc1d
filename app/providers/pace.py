"""Requests and tokens per minute: who asks waits for their turn."""

import asyncio
import time


class Bucket:
    """So many units a minute, saved up for at most one minute; no limit where `per_minute` is 0."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60.0
        self._most = float(per_minute)
        self._level = float(per_minute)
        self._at = time.monotonic()

    def take(self, units: float) -> float:
        """Take units now; the seconds to wait before using them."""
        if not self._most:
            return 0.0
        now = time.monotonic()
        self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level -= units
        return max(0.0, -self._level / self._rate)


class Pace:
    """The limits of one endpoint, and the pause it asked for."""

    def __init__(self, requests_per_minute: int, tokens_per_minute: int) -> None:
        self._requests = Bucket(requests_per_minute)
        self._tokens = Bucket(tokens_per_minute)
        self._resume_at = 0.0

    async def wait(self, tokens: int) -> None:
        """Until a request of about so many tokens may go."""
        pause = max(self._requests.take(1), self._tokens.take(tokens))
        await asyncio.sleep(max(pause, self._resume_at - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """Let nothing go for a while: the endpoint said so."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)
