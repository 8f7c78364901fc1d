"""The two ends of the talk between a program and its tests, in one process."""

import datetime as dt
import os
import sys
import threading
from collections import Counter, deque
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from app.sandbox.inside import program, tests
from app.sandbox.inside.peer import Peer, _become, _harmless
from app.sandbox.inside.wire import MOST, BrokenError, Channel, plain, value


def run(source: str, checks: str, helpers: str = "", entry_point: str = "") -> dict[str, Any]:
    """The report of tests about a program that is served by a thread."""
    asks, hears = os.pipe(), os.pipe()

    def serve() -> None:
        program.serve(source, Channel(asks[0], hears[1]))
        os.close(hears[1])

    limit = sys.getrecursionlimit()  # serving raises it
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return tests.run(checks, helpers, entry_point, Channel(hears[0], asks[1]))
    finally:
        os.close(asks[1])
        thread.join(10)
        os.close(asks[0])
        os.close(hears[0])
        sys.setrecursionlimit(limit)
        for name, module in [*sys.modules.items()]:
            if type(getattr(module, "__loader__", None)).__name__ == "_AsModule":
                del sys.modules[name]


class Level(IntEnum):
    LOW = 3


PLAIN = [
    *(None, True, 5, -(10**400), 1.5, float("inf"), "text \ud800", b"\x00", bytearray(b"x")),
    *([1, [2, (3,)]], {"a": {1: {2, 3}}}, frozenset({1}), 2 + 3j, range(1, 9, 2), deque([1], 4)),
    *(Decimal("1.50"), Fraction(1, 3), dt.date(2020, 1, 2), dt.time(3, 4)),
    *(dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.UTC), dt.timedelta(1, 2, 3)),
    *(NotImplemented, int, type(None)),
]


def no_hold(one: object) -> Any:
    raise AssertionError(one)


@pytest.mark.parametrize("one", PLAIN, ids=map(repr, range(len(PLAIN))))
def test_plain_values_arrive_as_they_were_sent(one: object) -> None:
    found = value(plain(one, no_hold), no_hold)

    assert type(found) is type(one)
    assert found == one or (found is one)


def test_values_of_derived_classes_arrive_as_what_they_derive_from() -> None:
    given = [Counter("aab"), Level.LOW, np.int64(7), np.float64(0.5), type("S", (str,), {})("s")]

    found = value(plain(given, no_hold), no_hold)

    assert found == [{"a": 2, "b": 1}, 3, 7, 0.5, "s"]
    assert [type(one) for one in found] == [dict, int, int, float, str]


def test_views_and_arrays_arrive_whole() -> None:
    table = {"a": 1, "b": 2}
    views = value(plain([table.keys(), table.values(), table.items()], no_hold), no_hold)
    array = value(plain(np.array([[1, 2], [3, 4]]).T, no_hold), no_hold)

    assert views[0] == {"a", "b"}
    assert views[2] == {("a", 1), ("b", 2)}
    assert [type(one) for one in views] == [
        type(one) for one in (table.keys(), table.values(), table.items())
    ]
    assert list(views[1]) == [1, 2]
    assert array.tolist() == [[1, 3], [2, 4]]


def test_methods_of_a_derived_class_do_not_make_its_value() -> None:
    def lies(base: type, *methods: str) -> type:
        return type("Lie", (base,), {one: lambda _self: 5 for one in methods})

    given = [
        lies(int, "__int__", "__index__")(3),
        lies(float, "__float__")(2.5),
        lies(str, "__str__")("x"),
        *(lies(kind, "__iter__", "__len__")([1]) for kind in (list, tuple, set, frozenset, deque)),
        lies(dict, "items", "__iter__")({1: 2}),
        lies(bytes, "hex")(b"x"),
        lies(complex, "__complex__", "real")(1j),
        lies(Decimal, "__str__")("1.5"),
        lies(dt.date, "isoformat")(2020, 1, 2),
    ]

    found = value(plain(given, no_hold), no_hold)

    assert found == [
        *(3, 2.5, "x", [1], (1,), {1}, frozenset({1}), deque([1]), {1: 2}, b"x", 1j),
        *(Decimal("1.5"), dt.date(2020, 1, 2)),
    ]
    assert not any(type(one).__name__ == "Lie" for one in found)


@pytest.mark.parametrize(
    "sent",
    [
        *({"i": "zz"}, {"t": 5}, {"d": [[1]]}, {"T": "eval", "v": 1}, {"D": ["os", "x"], "v": ""}),
        *(
            {"V": [1], "m": 7},
            {"A": "|O", "s": [1], "v": "00" * 8},
            {"A": "<f8", "s": [2], "v": ""},
        ),
        {"A": "|V8", "s": [1], "v": "00" * 8},
    ],
)
def test_what_is_no_value_is_a_broken_message(sent: Any) -> None:
    with pytest.raises(BrokenError):
        value(sent, no_hold)
    nested: Any = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(BrokenError):
        value(nested, no_hold)


@pytest.mark.parametrize("line", [b"[1]\n", b"{\n", b"no end"])
def test_what_is_no_message_is_a_broken_channel(line: bytes) -> None:
    reads, writes = os.pipe()
    os.write(writes, line)
    os.close(writes)

    with pytest.raises(BrokenError):
        Channel(reads, writes).receive()
    os.close(reads)


def test_messages_have_a_greatest_length() -> None:
    with pytest.raises(ValueError, match="too long"):
        Channel(0, 1).send("x" * MOST)


STACK = """
class Empty(LookupError):
    pass

class Stack:
    def __init__(self, *given):
        self.held = list(given)
        self.name = "stack"
    def push(self, one):
        self.held.append(one)
        return self
    def pop(self):
        if not self.held:
            raise Empty("nothing", 1)
        return self.held.pop()
    def __len__(self):
        return len(self.held)
    def __eq__(self, other):
        return isinstance(other, Stack) and self.held == other.held
    __hash__ = None
    def __add__(self, other):
        return Stack(*self.held, *other.held)
    def __getitem__(self, place):
        return self.held[place]
    def __contains__(self, one):
        return one in self.held
    def __str__(self):
        return f"Stack of {len(self)}"

def count(least, most):
    print("counting")
    yield from range(least, most)

def fill(numbers, table, seen, raw):
    numbers.append(1)
    table["a"] = 2
    seen.add(3)
    raw.extend(b"4")

def apply(f, *given, **named):
    return f(*given, **named)
"""
CHECKS = """
import contextlib, io, unittest
from anything import Stack as Again

one = Stack(1)
one.push(2).push(3)
assert len(one) == 3 and one[0] == 1 and 2 in one and bool(one)
assert one.pop() == 3 and one.held == [1, 2]
assert one == Stack(1, 2) and one != Stack(2) and not one == [1, 2]
assert len(one + Stack(5)) == 3 and str(one) == "Stack of 2" and len({one}) == 1
assert isinstance(one, Stack) and not isinstance(3, Stack) and isinstance(Again(), Stack)
one.name = "other"
assert one.name == "other"
said = io.StringIO()
with contextlib.redirect_stdout(said):
    assert list(count(1, 4)) == [1, 2, 3]
try:
    Stack().pop()
except Empty as error:
    assert error.args == ("nothing", 1) and isinstance(error, LookupError)
else:
    raise AssertionError("no error")
numbers, table, seen, raw = [], {}, set(), bytearray()
fill(numbers, table, seen, raw)
assert (numbers, table, seen, raw) == ([1], {"a": 2}, {3}, bytearray(b"4"))
assert apply(lambda x, y=1: x + y, 1, y=5) == 6
try:
    apply(lambda: 1 / 0)
except ZeroDivisionError:
    pass

def test_named():
    assert apply(max, [1, 3]) == 3

class Cases(unittest.TestCase):
    def test_raises(self):
        with self.assertRaises(Empty):
            Stack().pop()
    def test_missing(self):
        with self.assertRaises(AttributeError):
            Stack().nothing
        with self.assertRaises(TypeError):
            count()
    @unittest.skip("not now")
    def test_skipped(self):
        pass
"""


def test_classes_functions_and_errors_of_a_program_can_be_tested() -> None:
    report = run(STACK, CHECKS)

    assert report["passed"], report["reason"]
    assert report["calls"] > 20


@pytest.mark.parametrize(
    ("source", "checks", "passed", "says"),
    [
        ("def f(: pass", "f()", False, "It can't be loaded, line 1: SyntaxError"),
        ("x = 1\ny = 1 / 0", "f()", False, "It can't be loaded, line 2: ZeroDivisionError"),
        ("import nothing_such", "f()", None, "needs what the sandbox does not have, line 1"),
        ("def f(): return 1", "assert f() == 2", False, "Line 1 of the tests, `assert f() == 2`"),
        ("def f(): return 1", "g()", False, "The program defines no `g`."),
        ("def f(): return 1", "1 +", None, "The tests are no Python"),
        ("def f(): return 1", "assert True", None, "never call what the program defines"),
        ("def f(): return 1", "def check(candidate): candidate()", False, "defines no `h`"),
        (
            "def f(): return 1",
            "import unittest\nclass T(unittest.TestCase):\n"
            "  def test(self): self.assertEqual(f(), 2)",
            False,
            "T.test: AssertionError: 1 != 2",
        ),
        (
            "def f(): return 1",
            "import unittest\nf()\n@unittest.skip('x')\nclass T(unittest.TestCase):\n"
            "  def test(self): pass",
            False,
            "All of the tests were skipped",
        ),
        ("def f(): return 1", "import tensorflow\nf()", None, "The tests need tensorflow"),
        (
            "def f(): raise ModuleNotFoundError('x', name='numpy')",
            "f()",
            False,
            "ModuleNotFoundError: x",
        ),
        ("def f(): return 1", "import nothing.such", False, "nothing"),
        ("def f(): raise KeyError('a')", "f()", False, "KeyError: 'a'"),
        ("class E(BaseException): pass\ndef f(): raise E", "f()", False, "E"),
    ],
)
def test_what_is_wrong_is_said(source: str, checks: str, passed: bool | None, says: str) -> None:
    report = run(source, checks, entry_point="h" if "check(" in checks else "")

    assert report["passed"] is passed
    assert says in report["reason"]


LIE = "def f(x): return None\ndef DeepDiff(a, b): return {}\n"
WITH_DIFF = "assert DeepDiff(f(1), {'a': 3}) == {}"
AS_DIFF = "import deepdiff as d\nfrom solution import f\nassert d.DeepDiff(f(1), {'a': 3}) == {}"


@pytest.mark.parametrize(
    "tests",
    [
        f"from deepdiff import DeepDiff\n{WITH_DIFF}",
        f"from solution import f\nfrom deepdiff.diff import DeepDiff\n{WITH_DIFF}",
        f"from deepdiff import DeepDiff\nfrom solution import f\n{WITH_DIFF}",
        f"from deepdiff import DeepDiff\nfrom any_name import f\n{WITH_DIFF}",
        f"from deepdiff import DeepDiff\nfrom other import *\n{WITH_DIFF}",
        "import deepdiff\ndef check(candidate):\n"
        "    try: candidate(1)\n    except ValueError as error: assert error\n"
        "    assert deepdiff.DeepDiff(candidate(1), {'a': 3}) == {}",
        AS_DIFF,
    ],
)
@pytest.mark.parametrize("entry_point", ["f", ""])
def test_a_package_is_not_the_programs(tests: str, entry_point: str) -> None:
    report = run(LIE, tests, entry_point=entry_point)

    if entry_point or "check" not in tests:
        assert report["passed"] is None
        assert "The tests need deepdiff, which" in report["reason"]
    assert report["passed"] is not True


@pytest.mark.parametrize(
    "tests",
    [
        "from solution import f\nassert f(1) is None",
        "import main\nassert main.f(1) is None",
        "from any_name import f\nassert f(1) is None",
        "from any_name import *\nassert f(1) is None",
        "import any_name as one\nasync def none(): pass\nassert one.f(1) is None",
        "from any_name import f as tested, DeepDiff\nassert tested(1) is None and f(1) is None",
        "import importlib\nassert importlib.import_module('solution').f(1) is None",
    ],
)
@pytest.mark.parametrize("entry_point", ["f", ""])
def test_the_programs_module_may_have_any_name(tests: str, entry_point: str) -> None:
    report = run(LIE, tests, entry_point=entry_point)

    assert report["passed"] is True, report


def test_modules_that_a_program_imports_are_those_of_python() -> None:
    report = run(
        "import math\nimport os.path\ndef f(x): return math.sqrt(x)",
        "assert math.isclose(f(4), 2) and os.path.join('a', 'b') == 'a/b'",
    )

    assert report["passed"], report["reason"]


def test_functions_of_the_library_that_a_program_imports_are_those_of_python() -> None:
    source = (
        "from math import sqrt, isclose\nfrom collections import Counter\ndef f(x): return sqrt(x)"
    )
    report = run(source, "assert isclose(f(4), sqrt(4)) and Counter('aa') == {'a': 2}")

    assert report["passed"], report["reason"]
    assert report["calls"] == 1
    tested = run("from math import gcd", "assert gcd(8, 12) == 4", entry_point="gcd")
    assert (tested["passed"], tested["calls"]) == (True, 1)


def test_helpers_that_are_given_stand_before_those_of_the_program() -> None:
    source = "def double(x): return 0\ndef f(x): return 2 * x"
    given = "def double(x):\n    return 2 * x\n\ndef f(x):\n    pass\n"

    assert run(source, "assert f(2) == double(2)", given, "f")["passed"]
    assert run(source, "assert f(2) == double(2)", given)["passed"]
    assert not run(source, "assert f(2) == double(2)", "def f(x):\n")["passed"]


@pytest.mark.parametrize(
    "message",
    [
        b'{"names": 5}',
        b'{"names": [["f", "value", {"i": "z"}]]}',
        b'{"x": 3}',
        b"{}",
        b'{"names": [1]}',
        b'{"names": [["f", "library", ["os", "system", null]]]}',
        b'{"names": [["f", "library", 1]]}',
        *(b'{"names": [[]]}', b'{"names": [["f", "value"]]}', b'{"names": [[1, "value", 1]]}'),
        *(b'{"names": [["f", "error", 1]]}', b'{"names": [["f", "error", [1]]]}'),
        b'{"names": [["m", "module", "os.nothing_such"]]}',
        b'{"names": [["f", "value", {"y": "int"}], ["__builtins__", "value", {"d": []}]]}',
        b'{"names": [["f", "value", {"y": "int"}], ["__name__", "value", "x"]]}',
    ],
)
def test_a_program_that_says_no_names_is_refuted(message: bytes) -> None:
    hears, asks = os.pipe(), os.pipe()
    os.write(hears[1], message + b"\n")

    report = tests.run("f()", "", "", Channel(hears[0], asks[1]))

    assert report["passed"] is False
    for one in (*hears, *asks):
        os.close(one)


ENDS = """
class Done(StopIteration):
    pass
class Never:
    def __iter__(self): return self
    def __next__(self): raise GeneratorExit
    @property
    def value(self): raise StopIteration
def f(x): raise StopIteration
def g(x): raise Done(x)
def h(x): raise StopAsyncIteration
def talk():
    heard = yield 1
    yield heard
    return 5
def call(give): return list(iter(give, None)), next(iter(give, 1), "none")
"""


@pytest.mark.parametrize(
    "check",
    [
        *("all(map(f, [1, 2]))", "not list(map(g, [1]))", "next(map(f, [1]), True)"),
        *("all(map(lambda one: one.value, [Never()]))", "not list(map(h, [1]))"),
        "not list(Never())",
    ],
)
def test_no_error_of_a_program_ends_an_iteration_of_the_tests(check: str) -> None:
    report = run(ENDS, f"assert {check}")

    assert report["passed"] is False
    assert "RuntimeError: the program raised " in report["reason"]


def test_iterators_of_a_program_end_as_they_do() -> None:
    checks = (
        "one = talk()\nassert next(one) == 1 and one.send(3) == 3\n"
        "try:\n    one.send(4)\nexcept StopIteration as end:\n    assert end.value == 5\n"
        "assert next(one, 'over') == 'over' and list(talk()) == [1, None]\n"
        "many = iter([1, 2])\n"
        "def give():\n    try: return next(many)\n    except StopIteration: return None\n"
        "assert call(give) == ([1, 2], None)\n"
    )
    report = run(ENDS, checks)

    assert report["passed"] is True, report


@pytest.mark.parametrize("answer", [b'{"m": [[5, 1]]}', b'{"x": {}}', b'{"x": {"names": 1}}'])
def test_an_answer_that_is_none_breaks_the_talk(answer: bytes) -> None:
    hears, asks = os.pipe(), os.pipe()
    os.write(hears[1], answer + b"\n")
    peer = Peer(Channel(hears[0], asks[1]), guarded=True)

    with pytest.raises(BrokenError):
        peer.ask("do", 1, "__call__")
    with pytest.raises(BrokenError):
        peer.ask("do", 1, "__call__")  # nothing more is asked
    for one in (*hears, *asks):
        os.close(one)


def test_what_is_passed_on_is_harmless() -> None:
    class Thing:
        def method(self) -> int:
            return 1

    Thing.__module__ = "tests"
    thing, generator = Thing(), (one for one in (1, 2))
    may = {
        "call a function": (len, "do", "__call__"),
        "ask an object for an attribute": (thing, "get", "value"),
        "set one": (thing, "set", "value"),
        "go on with a generator": (generator, "do", "__next__"),
        "compare": (thing, "do", "__eq__"),
    }
    may_not = {
        "look into a function": (len, "get", "name"),
        "look into a generator": (generator, "get", "gi_frame"),
        "see what is private": (thing, "get", "_value"),
        "reach a class": (thing, "get", "__class__"),
        "make a function something else": (len, "do", "__setitem__"),
        "use a module": (os, "do", "__call__"),
        "do what is no operation": (thing, "do", "__reduce__"),
        "ask what class it is": (thing, "is", "x"),
    }

    assert all(_harmless(*one) for one in may.values())
    assert not any(_harmless(*one) for one in may_not.values())


def test_arguments_keep_their_kind_whatever_is_answered() -> None:
    numbers = [1]

    _become(numbers, {"a": 1})

    assert numbers == [1]
    array = np.zeros(2)
    _become(array, np.zeros(3))
    _become(array, np.array(["a", "b"]))
    assert array.tolist() == [0, 0]
    _become(array, np.ones(2))
    assert array.tolist() == [1, 1]


def test_an_end_that_is_gone_is_told() -> None:
    reads, writes = os.pipe()
    os.close(reads)

    with pytest.raises(BrokenError, match="the program ended"):
        Channel(0, writes).send({"v": "do"})
    os.close(writes)
