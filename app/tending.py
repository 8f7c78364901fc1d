"""Starting again what ended by itself: after a pause that grows, and not for ever."""

import time
from collections.abc import Callable

import structlog

from app.errors import UnavailableError

_STEADY_S = 60.0  # what ran that long has recovered
_MOST = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0
_log = structlog.get_logger("winnow.up")


class Tended:
    """A part that should run: `ended` says how it ended, or nothing while it runs."""

    def __init__(self, name: str, *, ended: Callable[[], str], start: Callable[[], object]) -> None:
        self.name = name
        self.ended = ended
        self._start = start
        self._falls = 0
        self._started = time.monotonic()
        self._due: float | None = None

    def tend(self) -> None:
        """Start it again when its pause is over; refuse when it keeps ending."""
        if self._due is None:
            how = self.ended()
            if not how:
                return
            self._due = self._fallen(how)
        if time.monotonic() >= self._due:
            self._start()
            self._started, self._due = time.monotonic(), None

    def _fallen(self, how: str) -> float:
        """When to start it again."""
        now = time.monotonic()
        self._falls = self._falls + 1 if now - self._started < _STEADY_S else 1
        if self._falls > _MOST:
            raise UnavailableError(
                f"The {self.name} process ended {self._falls} times, each time within a minute; "
                "its log stands above."
            )
        pause = min(_FIRST_PAUSE_S * 2.0 ** (self._falls - 1), _LONGEST_PAUSE_S)
        _log.warning("part ended", part=self.name, how=how, starts_again_in_s=pause)
        return float(now + pause)
