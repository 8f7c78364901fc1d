"""What the processes of a sandbox take together, looked at from outside."""

import os
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def can_watch() -> bool:
    """Whether the kernel tells which processes another one started."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def memory(pid: int) -> int:
    """Bytes that a process and all it started hold, pages of files not counted."""
    return sum(map(_held, family(pid)))


def family(pid: int) -> list[int]:
    """A process and all it started that have not ended."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as file:  # noqa: PTH123
                    left += map(int, file.read().split())
        except (OSError, ValueError):  # it ended meanwhile
            continue
    return found


def _held(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - in a loop
            _, resident, shared, *_ = file.read().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def files(pid: int, folder: str, size: int) -> int:
    """How many files there are in the folder of a sandbox; none where that can't be seen.

    Empty ones take memory of the kernel that no limit of a process counts. The folder is told by
    its size: before the sandbox is whole, the path leads to what this machine has there.
    """
    for one in reversed(family(pid)):
        with suppress(OSError):
            seen = os.statvfs(f"/proc/{one}/root{folder}")
            if seen.f_blocks * seen.f_frsize == size:
                return seen.f_files - seen.f_ffree
    return 0
