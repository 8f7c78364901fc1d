"""Starting sandboxed processes and seeing them to their end: time, memory, output."""

import json
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import IO, Any

from app.sandbox import filter as calls
from app.sandbox import watching
from app.sandbox.layout import FOLDER, HOME, layout
from app.sandbox.limits import Limits

_TICK_S = 0.02
_GRACE_S = 0.3
_START = "import sys; sys.path.insert(0, '/sandbox'); from inside import entry; entry.main()"
_FLAGS = "-sSPB"
# Hashes are seeded, so that a program that goes by the order of a set does the same each time.
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "LANG": "C.UTF-8",
    "HOME": FOLDER,
    "TMPDIR": FOLDER,
    "OPENBLAS_NUM_THREADS": "1",
}
_FIRST_USER, _USERS = 1 << 20, 1 << 20


@dataclass(slots=True)
class Part:
    """One sandboxed process: what it printed, how it ended."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    said: bytearray = field(default_factory=bytearray)
    code: int | None = None
    over: str = ""  # the limit it was ended for
    spent: dict[tuple[int, str], int] = field(default_factory=dict)  # by process, see watching
    seconds: float = 0.0  # of processor time, as seen last


def start(
    backend: ModuleType,
    order: dict[str, Any],
    limits: Limits,
    *,
    given: Sequence[int] = (),
    libraries: tuple[str, ...] = (),
) -> Part:
    """Start one; it is given the open files `given`, and nothing else."""
    seen = layout(libraries)
    reads, writes = os.pipe()
    number = _file(json.dumps(_whole(order, limits, seen.libraries)).encode())
    code = calls.program()
    filter_ = _file(code) if code else None
    mine = [one for one in (number, filter_) if one is not None]
    python = [seen.python, _FLAGS, "-c", _START]
    try:
        process = subprocess.Popen(  # noqa: S603 - the command is ours, the program is data
            backend.command(seen, limits, python, number, filter_),
            stdin=subprocess.DEVNULL,
            stdout=writes,
            stderr=writes,
            pass_fds=(*mine, *given),
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError:
        os.close(reads)
        raise
    finally:
        for one in (*mine, writes):
            os.close(one)
    return Part(process, os.fdopen(reads, "rb", buffering=0))


def _whole(order: dict[str, Any], limits: Limits, libraries: tuple[str, ...]) -> dict[str, Any]:
    user = 0
    if os.geteuid() == 0:  # a user that nobody else is, so that numbers of processes are its own
        user = _FIRST_USER + int.from_bytes(os.urandom(4)) % _USERS
    return {
        "user": user,
        "home": HOME,
        "folder": FOLDER,
        "libraries": list(libraries),
        "limits": limits.by_process(),
        **order,
    }


def _file(content: bytes) -> int:
    """An open file without a name, at its beginning."""
    number = os.memfd_create("winnow", os.MFD_CLOEXEC)
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]
    os.lseek(number, 0, os.SEEK_SET)
    return number


def see_to_the_end(parts: Sequence[Part], limits: Limits) -> None:
    """Wait until the last of them has ended, then end the others; or all, beyond a limit."""
    deadline = time.monotonic() + limits.wall_s
    try:
        with selectors.DefaultSelector() as waiting:
            for part in parts:
                waiting.register(part.output, selectors.EVENT_READ, part)
            last = os.pidfd_open(parts[-1].process.pid)
            try:
                waiting.register(last, selectors.EVENT_READ)
                while not _ended(waiting, limits):
                    _hold_to(parts, limits, deadline)
                    if any(part.over for part in parts):
                        break
            finally:
                os.close(last)
    finally:
        for part in parts:
            _end(part, limits)


def _ended(waiting: selectors.BaseSelector, limits: Limits) -> bool:
    """Take what was printed; whether the last process has ended."""
    ended = False
    for key, _ in waiting.select(_TICK_S):
        if key.data is None:
            ended = True
        elif not _took(key.data, limits):
            waiting.unregister(key.fileobj)
    return ended


def _ends(pid: int) -> bool:
    """Whether it ends by itself: its status tells why it did, that of a kill does not."""
    number = os.pidfd_open(pid)
    try:
        return bool(select.select([number], [], [], _GRACE_S)[0])
    finally:
        os.close(number)


def _took(part: Part, limits: Limits) -> bool:
    """Take what it printed, up to the limit; whether there may be more."""
    read = part.output.read(1 << 16)
    part.said += read
    if len(part.said) > limits.output:
        part.over = f"printed more than {limits.output >> 10} KiB"
    return bool(read) and not part.over


def _hold_to(parts: Sequence[Part], limits: Limits, deadline: float) -> None:
    for part in parts:
        if part.process.poll() is not None:
            continue
        family = watching.family(part.process.pid)
        part.seconds = watching.seconds(family, part.spent)
        if watching.memory(family, limits.memory) > limits.memory:
            part.over = f"took more than {limits.memory >> 20} MiB of memory"
        elif part.seconds > limits.cpu_s:
            part.over = f"used up its {limits.cpu_s} s of processor time"
        elif watching.files(family, FOLDER, limits.folder) > limits.inodes:
            part.over = f"made more than {limits.inodes:,} files"
    if time.monotonic() > deadline:
        parts[-1].over = parts[-1].over or f"did not end within {limits.wall_s:.0f} s"


def _end(part: Part, limits: Limits) -> None:
    """See that it is gone, with all it started: they share its namespace of processes."""
    if part.process.poll() is None and (part.over or not _ends(part.process.pid)):
        part.process.send_signal(signal.SIGKILL)
    part.code = part.process.wait()
    while not part.over and _took(part, limits):
        pass
    part.output.close()
