"""Which back end works on this machine, and what it keeps programs from."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from app.errors import UnavailableError
from app.sandbox import bubblewrap, namespaces, watching
from app.sandbox import filter as calls
from app.sandbox.boxes import Box
from app.sandbox.limits import Limits

BACKENDS: tuple[ModuleType, ...] = (bubblewrap, namespaces)
_INSTALL = (
    "Programs can't be run here: {0}. Install Bubblewrap (`apt install bubblewrap`); in a "
    "container, allow user namespaces as docker-compose.yml does for worker-cpu."
)
# It says who it is, and that it reads nothing of this machine.
_TRIAL = """
import os
assert os.getpid() < 10, os.getpid()
assert os.getuid() != 0 and not os.access("/", os.W_OK)
assert not os.path.exists("/proc/1") and not os.path.exists("/home")
print("isolated")
"""


@dataclass(frozen=True, slots=True)
class Strength:
    """What a sandbox keeps from programs, each as (what, how); `problem` where there is none."""

    backend: str
    kept: Sequence[tuple[str, str]] = ()
    problem: str = ""


@functools.cache
def box() -> Box:
    """The sandbox of this machine; a refusal that says what to install where there is none."""
    problems = []
    for backend in BACKENDS:
        if problem := problem_of(backend):
            problems.append(f"{backend.NAME}: {problem}")
        else:
            return Box(backend)
    raise UnavailableError(_INSTALL.format("; ".join(problems)))


def problem_of(backend: ModuleType) -> str:
    """Why a back end does not work here; nothing when it does."""
    if backend.found() is None:
        return "not installed"
    try:
        ran = Box(backend).run(_TRIAL, Limits(wall_s=20))
    except OSError as error:
        return str(error)
    if ran.code == 0 and ran.output.strip() == "isolated":
        return ""
    said = ran.output.strip().splitlines()
    return ran.over or (said[-1][:200] if said else f"ended with {ran.code}")


def strength() -> Strength:
    """What Settings show: tried out on this machine, not assumed."""
    try:
        found = box()
    except UnavailableError as error:
        return Strength("none", problem=str(error))
    return Strength(found.name, [*_kept(Limits()), ("System calls", _filtered())])


def _kept(limits: Limits) -> list[tuple[str, str]]:
    mib = 1 << 20
    memory = f"{limits.memory // mib} MiB for each process"
    if watching.can_watch():
        memory += " (kernel), and for all together (looked at 50 times a second)"
    return [
        ("Network", "none: a namespace without any connection"),
        (
            "Files",
            "a Python and its libraries, read-only; an own empty folder of "
            f"{limits.folder // mib} MiB that is gone afterwards; no /proc, no /home",
        ),
        ("User", "another one, without rights, who can gain none"),
        ("Processes", f"at most {limits.processes}, all ended with the program; it sees no others"),
        ("Memory", memory),
        (
            "Time",
            f"{limits.cpu_s} s of a processor for all processes together, {limits.wall_s:.0f} s of "
            "the clock, unless the verifier says otherwise",
        ),
        ("Output", f"{limits.output >> 10} KiB; files of {limits.file // mib} MiB"),
        (
            "Verdict",
            "the tests run in a sandbox of their own, to which the program hands plain data alone",
        ),
    ]


def _filtered() -> str:
    if calls.program() is None:
        return "not filtered: no list is known for this kind of processor"
    return "tracing, mounting, namespaces, keys, kernel modules and 30 more are refused"
