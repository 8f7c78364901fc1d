"""The tests' side: they run here, against proxies of what the program defines.

The program is in another process and another sandbox. What it answers is plain data, compared
here: it can print, exit, patch and lie as it likes, the verdict is not within its reach.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import io
import sys
import types

from .peer import Peer
from .wire import NO_MESSAGE, BrokenError, Channel

# `typing` and `importlib.abc` take longer to import than most tests to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

FILE = "<tests>"


class Report(dict):  # type: ignore[type-arg]
    """passed: True, False, or None where the tests are of no use; and why."""


def run(
    tests: str, helpers: str, entry_point: str, channel: Channel, *, peer: Peer | None = None
) -> Report:
    """Run the tests; a report that the host reads."""
    peer = peer or Peer(channel, guarded=True)
    try:
        code = compile(tests, FILE, "exec")
    except (SyntaxError, ValueError) as error:
        return Report(passed=None, reason=f"The tests are no Python: {error}")
    try:
        loaded = channel.receive()
        if "x" in loaded:
            return _unloadable(loaded["x"])
        names = _bound(peer, loaded.get("names"), entry_point)
    except BrokenError as error:
        return Report(passed=False, reason=f"While loading, {error}.")
    names |= _given(helpers, names, entry_point)
    return _tested((code, tests), names, entry_point, peer)


def _unloadable(problem: object) -> Report:
    if not isinstance(problem, dict):
        raise BrokenError(NO_MESSAGE)
    where = f", line {problem['line']}" if problem.get("line") else ""
    absent = problem.get("kind") == "ModuleNotFoundError"
    said = "The program needs what the sandbox does not have" if absent else "It can't be loaded"
    return Report(passed=None if absent else False, reason=f"{said}{where}: {problem.get('text')}")


def _bound(peer: Peer, names: object, entry_point: str) -> dict[str, Any]:
    """The program's names. Python's own stay Python's, unless such a one is what is tested.

    Else a program could bring its own `len` or `math.isclose` for the tests to believe.
    """
    found: dict[str, Any] = {}
    if not isinstance(names, list) or not all(isinstance(one, list) for one in names):
        raise BrokenError(NO_MESSAGE)
    for name, kind, one in names:
        if not isinstance(name, str) or (hasattr(builtins, name) and name != entry_point):
            continue
        if kind == "module" or (name in sys.stdlib_module_names and name != entry_point):
            origin = one if kind == "module" else name
            if str(origin).partition(".")[0] in sys.stdlib_module_names:
                found[name] = importlib.import_module(str(origin))
        elif kind == "error":
            found[name] = peer.errors[name] = _error_class(name, one)
        else:
            found[name] = peer.got(one)
    return found


def _error_class(name: str, names: Sequence[str]) -> type[Exception]:
    bases = (getattr(builtins, one, None) for one in names)
    base = next(
        (one for one in bases if isinstance(one, type) and issubclass(one, Exception)), Exception
    )
    return type(name, (base,), {})


def _given(helpers: str, names: dict[str, Any], entry_point: str) -> dict[str, Any]:
    """Functions that the exercise itself gives: the program's own versions are not asked."""
    space: dict[str, Any] = {"__name__": "given"}
    try:
        exec(compile(helpers, "<given>", "exec"), space)  # noqa: S102 - as trusted as the tests
    except Exception:  # noqa: BLE001 - a signature alone is no program
        return {}
    given = {
        name: one
        for name, one in space.items()
        if isinstance(one, types.FunctionType) and name != entry_point and name in names
    }
    last = max(given, key=lambda name: given[name].__code__.co_firstlineno, default="")
    return {name: one for name, one in given.items() if entry_point or name != last}


class _AsModule:
    """Imports that Python does not know are imports of the program, whatever its file is named."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: object = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is not None or name in sys.stdlib_module_names:
            return None
        return importlib.machinery.ModuleSpec(name, self)  # type: ignore[arg-type]

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> None:
        """Python makes one."""

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(self._names)


def _tested(
    tests: tuple[types.CodeType, str], names: dict[str, Any], entry_point: str, peer: Peer
) -> Report:
    said = io.StringIO()
    peer.heard = said.write
    finder = _AsModule(names)
    sys.meta_path.append(finder)
    out, sys.stdout = sys.stdout, said
    space = {**names, "__name__": "tests"}
    try:
        exec(tests[0], space)  # noqa: S102 - their purpose
        reason = _called(space, entry_point)
    except BaseException as error:  # noqa: BLE001 - a test that raises has failed
        reason = _failure(error, tests[1], peer)
    finally:
        sys.stdout = out
        sys.meta_path.remove(finder)
    if not reason and peer.broken:
        reason = f"In between, {peer.broken}."
    if reason:
        return Report(passed=False, reason=reason, calls=peer.calls)
    if not peer.calls:
        said_so = "The tests never call what the program defines, so they say nothing of it."
        return Report(passed=None, reason=said_so, calls=0)
    return Report(passed=True, reason="", calls=peer.calls)


def _called(space: dict[str, Any], entry_point: str) -> str:
    """Call what the tests define: check(candidate), test functions, unittest's cases."""
    check = space.get("check")
    if isinstance(check, types.FunctionType) and check.__code__.co_filename == FILE:
        if entry_point not in space:
            return f"The program defines no `{entry_point}`."
        check(space[entry_point])
    for name, one in list(space.items()):
        if name.startswith("test_") and isinstance(one, types.FunctionType):
            one()
    if "unittest" in sys.modules:
        return _unittests(space)
    return ""


def _unittests(space: dict[str, Any]) -> str:
    import unittest  # noqa: PLC0415 - 20 ms that few tests need

    mine = [
        one
        for one in space.values()
        if isinstance(one, type)
        and issubclass(one, unittest.TestCase)
        and one.__module__ == "tests"
    ]
    suite = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, mine))
    result = unittest.TestResult()
    suite.run(result)
    for test, trace in (*result.failures, *result.errors):
        last = trace.strip().splitlines()[-1]
        return f"{test.id().removeprefix('tests.')}: {last}"[:500]
    if mine and result.testsRun <= len(result.skipped):
        return "All of the tests were skipped."
    return ""


def _failure(error: BaseException, source: str, peer: Peer) -> str:
    """One sentence: which line of the tests, what it says, what happened."""
    if peer.broken:
        return f"When it was called, {peer.broken}."
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, NameError) and error.name:
        return f"The program defines no `{error.name}`."
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    lines = source.split("\n")
    read = lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
    return f"Line {line} of the tests, `{read}`: {text}"[:700]
