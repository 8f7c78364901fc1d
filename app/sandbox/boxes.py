"""The sandbox: run a program, or tests against a program, where they can do no harm."""

import json
import os
import signal
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from app.curation.ports import Finding, Trial
from app.sandbox.limits import Limits
from app.sandbox.running import Part, see_to_the_end, start

_MOST_TOLD = 1 << 16
# Of its time, what is seen at the least of a program that used it up: the kernel counts time of
# which it tells later, and on a busy machine nobody looks for a while.
_SEEN = 0.5
_BY_CPU = 128 + signal.SIGXCPU
_KILLED = 128 + signal.SIGKILL
_CRASHES = {
    128 + number: name
    for number, name in (
        (signal.SIGSEGV, "crashed: a segmentation fault, or too deep a recursion"),
        (signal.SIGABRT, "was aborted"),
        (signal.SIGBUS, "crashed: a bus error"),
        (signal.SIGFPE, "crashed: an arithmetic fault"),
        (signal.SIGSYS, "made a system call that is none here"),
        (signal.SIGXFSZ, "wrote too large a file"),
    )
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a program: its exit status, what it printed, the limit it was ended for."""

    code: int
    output: str
    over: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A sandbox made by one back end."""

    backend: ModuleType

    @property
    def name(self) -> str:
        return str(self.backend.NAME)

    def run(self, source: str, limits: Limits | None = None) -> Ran:
        """Run a program by itself."""
        limits = limits or Limits()
        part = start(self.backend, {"role": "run", "source": source}, limits)
        see_to_the_end([part], limits)
        said = part.said[: limits.output].decode(errors="replace")
        return Ran(part.code or 0, said, _why(part, limits))

    def check(self, trial: Trial) -> Finding:
        """Run tests in one sandbox against a program in another.

        Between the two goes plain data alone. So nothing that the program prints, patches, reads
        or ends changes what its answers are compared with, or who compares.
        """
        limits = Limits.of(trial.seconds, trial.memory_mb)
        program, tests, report = self._together(trial, limits)
        if program.over or tests.over:
            return Finding(False, f"The program {program.over or tests.over}.")
        if report is None:
            return _without_report(program, tests, limits)
        reason = report["reason"]
        why = _why(program, limits)
        if report["passed"] is False and "the program ended" in reason and why:
            reason = reason.replace("the program ended", f"the program {why}")
        return Finding(report["passed"], reason, int(report.get("calls", 0)))

    def _together(self, trial: Trial, limits: Limits) -> tuple[Part, Part, dict[str, Any] | None]:
        """Both sandboxes at work; how they ended, and the report of the tests."""
        reads, answers = os.pipe()
        hears, asks = os.pipe()
        told, tells = os.pipe()
        order = {"tests": trial.tests, "helpers": trial.helpers, "entry_point": trial.entry_point}
        parts: list[Part] = []
        try:
            for role, given in (
                ({"role": "program", "source": trial.program}, {"reads": hears, "writes": answers}),
                ({"role": "tests", **order}, {"reads": reads, "writes": asks, "report": tells}),
            ):
                files, wanted = tuple(given.values()), {**role, **given}
                part = start(self.backend, wanted, limits, given=files, libraries=trial.libraries)
                parts.append(part)
        finally:
            for one in (reads, answers, hears, asks, tells):
                os.close(one)
            with os.fdopen(told, "rb") as report:
                if parts:
                    see_to_the_end(parts, limits)
                found = report.read(_MOST_TOLD)
        return parts[0], parts[1], _read(found)


def _read(told: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(told)
    except ValueError:
        return None
    right = isinstance(found, dict) and found.get("passed") in {True, False, None}
    return found if right and isinstance(found.get("reason"), str) else None


def _why(part: Part, limits: Limits) -> str:
    """Why it ended, as the end of a sentence; nothing where it ended by itself."""
    if part.over:
        return part.over
    if part.code in {_BY_CPU, _KILLED}:
        if part.seconds > _SEEN * limits.cpu_s:
            return f"used up its {limits.cpu_s} s of processor time"
        return "was killed, by itself or for want of memory of this machine"
    return _CRASHES.get(part.code or 0, "")


def _without_report(program: Part, tests: Part, limits: Limits) -> Finding:
    """The tests did not come to their end: for a limit, else for a fault of theirs."""
    if why := _why(program, limits) or _why(tests, limits):
        return Finding(False, f"The program {why}.")
    said = tests.said[-300:].decode(errors="replace").strip().splitlines()
    return Finding(None, f"The tests ended without a verdict: {said[-1] if said else 'no words'}")
