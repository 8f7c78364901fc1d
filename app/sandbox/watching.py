"""What the processes of a sandbox take together, looked at from outside."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PAGE, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
_PARTS = ("Pss_Anon:", "Pss_Shmem:")


def can_watch() -> bool:
    """Whether the kernel tells which processes another one started."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


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


def memory(processes: Sequence[int], limit: int) -> int:
    """Bytes that processes hold together; exactly only where it may be more than the limit.

    Exactly: what several of them share counts once, as each has its part of it (proportional set
    size), and pages of files don't count.
    """
    resident = sum(map(_resident, processes))
    return resident if resident <= limit else sum(map(_held, processes))


def _read(pid: int, name: str) -> str:
    """Of a process that ended, nothing."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - in a loop
            return file.read()
    except OSError:
        return ""


def _resident(pid: int) -> int:
    fields = _read(pid, "statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _held(pid: int) -> int:
    """Without a page table to read, all that is resident counts."""
    lines = _read(pid, "smaps_rollup").splitlines()
    parts = [int(one.split()[1]) << 10 for one in lines if one.startswith(_PARTS)]
    return sum(parts) if parts else _resident(pid)


def seconds(processes: Sequence[int], spent: dict[tuple[int, str], int]) -> float:
    """Processor time of processes and of those they started that ended.

    `spent` is kept between looks: whose end nobody waited for counts as it was seen last.
    """
    total = 0
    for pid in processes:
        fields = _read(pid, "stat").rpartition(")")[2].split()
        if fields:
            own, ended = fields[11:13], fields[13:15]
            spent[pid, fields[19]] = sum(map(int, own))
            total += sum(map(int, own + ended))
    return max(total, sum(spent.values())) / _TICKS


def files(processes: Sequence[int], folder: str, size: int) -> int:
    """How many files there are in the folder of a sandbox; none where that can't be seen.

    Empty ones take memory of the kernel that no limit of a process counts. The folder is told by
    its size: before the sandbox is whole, the path leads to what this machine has there.
    """
    for one in reversed(processes):
        with suppress(OSError):
            seen = os.statvfs(f"/proc/{one}/root{folder}")
            if seen.f_blocks * seen.f_frsize == size:
                return seen.f_files - seen.f_ffree
    return 0
