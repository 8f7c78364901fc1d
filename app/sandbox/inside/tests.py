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

from .far import OWN, Far
from .peer import Peer
from .wire import LIBRARY, NO_MESSAGE, BrokenError, Channel

# `typing` and `importlib.abc` take longer to import than most tests to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "<tests>"
# Imports of these are no imports of the program, whatever its file is named.
_PACKAGES = frozenset(
    (
        *("numpy", "scipy", "sympy", "pandas", "networkx", "sklearn", "torch", "matplotlib"),
        *("pytest", "hypothesis", "parameterized", "requests", "nose", "mock", "tensorflow"),
    )
)


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
        sent = _names(loaded.get("names"))
        names = _bound(peer, sent, _own_name(sent, code, entry_point))
    except BrokenError as error:
        return Report(passed=False, reason=f"While loading, {error}.")
    _about(peer, names, {*_named(code), entry_point} - _functions(helpers))
    names |= _given(helpers, names, entry_point)
    return _tested((code, tests), names, entry_point, peer)


def _unloadable(problem: object) -> Report:
    if not isinstance(problem, dict):
        raise BrokenError(NO_MESSAGE)
    where = f", line {problem['line']}" if problem.get("line") else ""
    absent = problem.get("kind") == "ModuleNotFoundError"
    said = "The program needs what the sandbox does not have" if absent else "It can't be loaded"
    return Report(passed=None if absent else False, reason=f"{said}{where}: {problem.get('text')}")


def _names(sent: object) -> list[tuple[str, str, Any]]:
    """What a program says that it defines; names such as `__builtins__` are for Python to give."""
    if not isinstance(sent, list):
        raise BrokenError(NO_MESSAGE)
    for one in sent:
        named = isinstance(one, list) and len(one) == 3 and isinstance(one[0], str)
        if not named or one[0].startswith("__"):
            raise BrokenError(NO_MESSAGE)
    return sent


def _own_name(names: list[tuple[str, str, Any]], code: types.CodeType, entry_point: str) -> str:
    """The name that is the program's even if Python has it: that of what is tested.

    Where tests name something else of the program, they test that: the last function of a program
    may be an `abs` of its own.
    """
    used = _named(code) & {name for name, _, _ in names if not _is_pythons(name)}
    return "" if used and _is_pythons(entry_point) else entry_point


def _is_pythons(name: str) -> bool:
    return hasattr(builtins, name) or name in sys.stdlib_module_names


def _bound(peer: Peer, names: list[tuple[str, str, Any]], entry_point: str) -> dict[str, Any]:
    """The program's names. Python's own stay Python's, unless such a one is what is tested.

    Else a program could bring its own `len` or `math.isclose` for the tests to believe.
    """
    found: dict[str, Any] = {}
    for name, kind, one in names:
        if hasattr(builtins, name) and name != entry_point:
            continue
        pythons = name in sys.stdlib_module_names and name != entry_point
        if kind == "module" or pythons:
            origin = name if pythons else str(one)
            if origin.partition(".")[0] in sys.stdlib_module_names:
                found[name] = _module(origin)
        elif kind == "library":
            found[name] = _of_library(one, peer, tested=name == entry_point)
        elif kind == "error":
            found[name] = peer.errors[name] = _error_class(name, one)
        else:
            found[name] = peer.got(one)
    return found


def _module(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, ValueError, TypeError) as error:
        raise BrokenError(NO_MESSAGE) from error


def _about(peer: Peer, names: dict[str, Any], named: set[str]) -> None:
    """Which classes of the program the tests are about: those that they name.

    An object of such a class is taken at its word on its order and members, if its name is written
    as that of a class or the tests ask it for an attribute. Else a program could make the function
    that is tested a class whose objects are what anybody expects.
    """
    peer.named |= {one.__dict__["_far"][1] for one in names.values() if isinstance(one, Far)}
    for name in named:
        if isinstance(one := names.get(name), Far):
            number = one.__dict__["_far"][1]
            peer.tested.add(number)
            if name[:1].isupper() and "_" not in name:
                peer.objects.add(number)


def _named(code: types.CodeType) -> set[str]:
    inner = (one for one in code.co_consts if isinstance(one, types.CodeType))
    return {*code.co_names}.union(*map(_named, inner))


def _functions(helpers: str) -> set[str]:
    """What the exercise itself says is a function."""
    lines = (line.removeprefix("async ").split("(") for line in helpers.splitlines())
    return {parts[0][4:].strip() for parts in lines if parts[0].startswith("def ")}


def _of_library(place: object, peer: Peer, *, tested: bool) -> object:
    """This side's own function or class of Python's library; the program's if that is tested."""
    if not isinstance(place, list) or len(place) != 3 or place[0] not in LIBRARY:
        raise BrokenError(NO_MESSAGE)
    module, name, theirs = place
    found = vars(importlib.import_module(module)).get(name)
    if tested or not isinstance(found, types.FunctionType | types.BuiltinFunctionType | type):
        return peer.got(theirs)
    return found


def _error_class(name: str, names: object) -> type[Exception]:
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise BrokenError(NO_MESSAGE)
    bases = (getattr(builtins, one, None) for one in names)
    base = next(
        (one for one in bases if isinstance(one, type) and issubclass(one, Exception)), Exception
    )
    return type(name, (base,), {})


def _given(helpers: str, names: dict[str, Any], entry_point: str) -> dict[str, Any]:
    """Functions that the exercise itself gives: the program's own versions are not asked.

    The last one is what the program is to write. Nothing of it runs but imports and definitions.
    """
    if helpers.count("def ") < 2:
        return {}
    import ast  # noqa: PLC0415 - few exercises give helpers

    try:
        tree = ast.parse(helpers)
        tree.body = [
            one
            for one in tree.body
            if isinstance(one, ast.Import | ast.ImportFrom)
            or (isinstance(one, ast.FunctionDef) and not one.decorator_list)
        ]
        space: dict[str, Any] = {"__name__": "given"}
        exec(compile(tree, "<given>", "exec"), space)  # noqa: S102 - as trusted as the tests
    except Exception:  # noqa: BLE001 - a signature alone is no program
        return {}
    defined = [one.name for one in tree.body if isinstance(one, ast.FunctionDef)]
    given = {*defined} - {entry_point or defined[-1]} if defined else set()
    return {name: space[name] for name in given if name in names}


class _AsModule:
    """Imports of the program, whatever its file is named."""

    def __init__(self, names: dict[str, Any], tests: str, entry_point: str) -> None:
        self._names, self._of = names, (tests, entry_point)
        self._own: set[str] | None = None

    def is_own(self, name: str) -> bool:
        """Whether a module of this name is the program."""
        if self._own is None:
            from .imports import own_modules  # noqa: PLC0415 - few tests import what is not there

            self._own = own_modules(*self._of, _is_known)
        return name in self._own

    def find_spec(
        self, name: str, path: object = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is not None or _is_known(name) or not self.is_own(name):
            return None
        return importlib.machinery.ModuleSpec(name, self)  # type: ignore[arg-type]

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> None:
        """Python makes one."""

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(self._names)


def _is_known(module: str) -> bool:
    if module in sys.stdlib_module_names or module in _PACKAGES:
        return True
    return importlib.machinery.PathFinder.find_spec(module) is not None


def _tested(
    tests: tuple[types.CodeType, str], names: dict[str, Any], entry_point: str, peer: Peer
) -> Report:
    said = io.StringIO()
    peer.heard = said.write
    finder = _AsModule(names, tests[1], entry_point)
    sys.meta_path.append(finder)
    out, sys.stdout = sys.stdout, said
    space = {**names, "__name__": "tests", "__builtins__": builtins}
    try:
        exec(tests[0], space)  # noqa: S102 - their purpose
        reason = _called(space, entry_point)
    except ModuleNotFoundError as error:
        absent = str(error.name).partition(".")[0]
        if not (absent in sys.stdlib_module_names or _is_far(error) or finder.is_own(absent)):
            said_so = f"The tests need {absent}, which the sandbox does not have."
            return Report(passed=None, reason=said_so, calls=peer.calls)
        reason = _failure(error, tests[1], peer)
    except BaseException as error:  # noqa: BLE001 - a test that raises has failed
        reason = _failure(error, tests[1], peer)
    finally:
        sys.stdout = out
        sys.meta_path.remove(finder)
    if peer.relied - (peer.objects - _mistaken(space, names)) and not peer.broken:
        peer.broken = OWN
    if peer.broken and not reason.startswith("When"):
        reason = f"In between, {peer.broken}."
    if reason:
        return Report(passed=False, reason=reason, calls=peer.calls)
    if not peer.calls:
        said_so = "The tests never call what the program defines, so they say nothing of it."
        return Report(passed=None, reason=said_so, calls=0)
    return Report(passed=True, reason="", calls=peer.calls)


def _mistaken(space: dict[str, Any], names: dict[str, Any]) -> set[int]:
    """Numbers of what the program defines by a name that, in the tests, is something else's."""
    unittest = vars(sys.modules.get("unittest", types))
    return {
        one.__dict__["_far"][1]
        for name, one in names.items()
        if isinstance(one, Far) and (name in unittest or space.get(name) is not one)
    }


def _is_far(error: BaseException) -> bool:
    """Whether the program raised it, and it was raised anew here."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.endswith("peer.py")


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
