"""What the processes of a sandbox take together, looked at from outside."""

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def can_watch() -> bool:
    """Whether the kernel tells which processes another one started."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def memory(pid: int) -> int:
    """Bytes that a process and all it started hold, pages of files not counted."""
    total, left = 0, [pid]
    while left:
        one = left.pop()
        try:
            with open(f"/proc/{one}/statm", encoding="ascii") as file:  # noqa: PTH123 - in a loop
                _, resident, shared, *_ = file.read().split()
            total += (int(resident) - int(shared)) * _PAGE
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as file:  # noqa: PTH123
                    left += map(int, file.read().split())
        except (OSError, ValueError):  # it ended meanwhile
            continue
    return total
