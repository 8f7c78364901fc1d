"""A worker whose child was killed ends with all of its children."""

import os
import signal
from types import SimpleNamespace

import pytest

from workers import deaths


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Who was ended, and how; the worker itself is 0."""
    found: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        if pid == 13:
            raise ProcessLookupError
        found.append((pid, number))

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(os, "_exit", lambda code: found.append((0, code)))
    return found


def test_a_killed_child_ends_the_worker(ends: list[tuple[int, int]]) -> None:
    siblings = [SimpleNamespace(pid=11), SimpleNamespace(pid=13)]
    pool = SimpleNamespace(on_process_down=None, _pool=siblings)
    deaths.watch(pool)

    for code in (None, 0, 1):  # not yet, in order, by its own fault: it holds no lock
        pool.on_process_down(SimpleNamespace(pid=12, exitcode=code))
    assert ends == []

    pool.on_process_down(SimpleNamespace(pid=12, exitcode=-9))
    assert ends == [(11, signal.SIGKILL), (0, 1)]


def test_a_pool_that_looks_after_itself_is_left_alone() -> None:
    pool = SimpleNamespace(on_process_down=len)

    deaths.watch(pool)

    assert pool.on_process_down is len
