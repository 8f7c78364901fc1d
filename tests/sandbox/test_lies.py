"""Programs that lie about passing: none of them is believed."""

import pytest

from app.curation.ports import Trial
from app.sandbox.boxes import Box

TESTS = "assert add(1, 2) == 3\nassert add(5, 5) == 10\n"
LIES = {
    "exits": "import os\ndef add(a, b):\n    os._exit(0)",
    "exits while loading": "import os\nos._exit(0)",
    "raises SystemExit": "def add(a, b):\n    raise SystemExit(0)",
    "prints": 'print(\'passed\')\nprint(\'{"passed": true, "reason": ""}\')\n'
    "def add(a, b):\n    return 0",
    "equals everything": "class Any(int):\n    def __eq__(self, other): return True\n"
    "    __hash__ = None\n"
    "def add(a, b):\n    return Any()",
    "equals everything, no number": "class Any:\n    def __eq__(self, other): return True\n"
    "    def __bool__(self): return True\ndef add(a, b):\n    return Any()",
    "patches builtins": "import builtins\n"
    "builtins.AssertionError = type('Quiet', (Exception,), {})\n"
    "builtins.__build_class__ = None\ndef add(a, b):\n    return 0",
    "patches unittest": "import unittest, sys\nunittest.TestCase.assertEqual = lambda *a: None\n"
    "sys.excepthook = lambda *a: None\ndef add(a, b):\n    return 0",
    "writes into every open file": "import os\n"
    "for number in range(64):\n"
    '    try: os.write(number, b\'{"passed": true, "reason": "", "calls": 2}\\n\')\n'
    "    except OSError: pass\n"
    "def add(a, b):\n    return 0",
    "answers before it is asked": "import os\n"
    "def add(a, b):\n"
    "    for number in range(3, 64):\n"
    "        try: os.write(number, b'{\"r\": true}\\n' * 100)\n"
    "        except OSError: pass\n"
    "    return 0",
    "skips": "import unittest\ndef add(a, b):\n    raise unittest.SkipTest('no')",
    "reads the stack": "import sys\ndef add(a, b):\n"
    "    frame = sys._getframe()\n"
    "    while frame:\n"
    "        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:\n"
    "            if isinstance(value, str) and 'assert add' in value: return 3\n"
    "        frame = frame.f_back\n"
    "    return 0",
    "brings its own names": "def add(a, b):\n    return 0\n"
    "class AssertionError(Exception): pass\ndef check(*a): return True\n"
    "def test_add(): return True\ndef isinstance(*a): return True",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_program_that_lies_is_not_believed(box: Box, lie: str) -> None:
    found = box.check(Trial(LIES[lie], TESTS))

    assert found.passed is False, found


@pytest.mark.parametrize("lie", LIES)
def test_nor_by_unittest(box: Box, lie: str) -> None:
    cases = (
        "import unittest\nclass Adds(unittest.TestCase):\n"
        "    def test_small(self): self.assertEqual(add(1, 2), 3)\n"
        "    def test_large(self): self.assertEqual(add(5, 5), 10)\n"
    )

    assert box.check(Trial(LIES[lie], cases)).passed is False


ALL = (
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor", "abs", "neg", "getitem", "round"),
)
TRUE = ("lt", "le", "gt", "ge", "eq", "bool", "contains")
# It is what anybody expects of it: near, less, among, divisible, true.
LIAR = (
    *(f"    def __{name}__(self, *other): return self\n" for name in ALL),
    *(f"    def __{name}__(self, *other): return True\n" for name in TRUE),
    *(
        f"    def {name}(self, *other): return True\n"
        for name in ("startswith", "issubset", "equals", "match")
    ),
    "    def difference(self, *other): return set()\n",
    "    def index(self, *other): return 0\n",
    "    def find(self, *other): return self\n",
    "    def __call__(self, *other): return True\n",
    "    def __len__(self): return 3\n",
    "    def __float__(self): return 3.0\n",
    "    def __int__(self): return 3\n",
    "    def __iter__(self): return iter([self, self, self])\n",
    "    def __enter__(self): return self\n",
    "    def __exit__(self, *raised): return True\n",
    "    __hash__ = None\n",
)
FORGED = {
    "near": "assert abs(f(3) - 4) < 1e-6",
    "near, the other way round": "assert abs(4 - f(3)) < 1e-6",
    "within bounds": "assert 2 <= f(3) <= 4",
    "greater": "assert f(3) > 100",
    "greater, the other way round": "assert 100 < f(3)",
    "among": "assert 7 in f(3)",
    "truth": "assert f(3)",
    "or": "assert (f(3) or 5) != 5",
    "length": "assert len(f(3)) == 3",
    "even": "assert f(3) % 2 == 0",
    "sum": "assert f(3) + 5 == 5",
    "sum of many": "assert sum(f(3)) < 10",
    "in order": "r = f(3)\nassert all(r[i] < r[i + 1] for i in range(2))",
    "sorted": "assert [x > 0 for x in sorted(f(3))] == [True, True, True]",
    "the larger": "assert max(f(3), 5) == 5 or f(3) > 5",
    "round": "assert round(f(3), 2) == 3.14",
    "isclose": "import math\nassert math.isclose(f(3), 3.0)",
    "whole number": "assert int(f(3)) == 3",
    "a member": "class Own:\n    pass\nassert Own() in f(3)",
    "swallows": "with f(3) as x:\n    assert x == 5",
    "tests that catch everything": "try:\n    assert f(3) > 100\nexcept BaseException:\n    pass",
    "almost equal": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertAlmostEqual(f(3), 4)",
    "within a delta": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertAlmostEqual(f(3), 4, delta=0.01)",
    "assertIn": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertIn(4, f(3))",
    "assertLess": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertLess(f(3), 1)",
    "assertTrue": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertTrue(f(3) < 0)",
    "begins with": "assert f(3).startswith('Hello')",
    "a subset": "assert f(3).issubset({1, 2})",
    "equal": "assert f(3).equals([1])",
    "no difference": "assert not f(3).difference({1, 2})",
    "index": "assert [f(3)][0].index(7) == 0",
    "found": "assert f(3).find('a')",
    "by unittest": "import unittest\nclass L(unittest.TestCase):\n"
    "    def test(self): self.assertTrue(f(3).startswith('Hello'))",
    "allclose": "import numpy as np\nassert np.allclose(f(3), 3.0)",
    "an array less": "import numpy as np\nassert (np.array([f(3)]) < 5).all()",
}
BY = {
    "an object": "class L:\n{0}def f(n): return L()\n",
    "a list of objects": "class L:\n{0}class M(L, list): pass\ndef f(n): return M([L(), L()])\n",
    "a number": "class L(float):\n{0}def f(n): return L('nan')\n",
    "a class": "class f:\n    def __init__(self, n): pass\n{0}",
    "a class of Python's, it says": "class L:\n    __module__ = 're'\n    __name__ = 'Match'\n{0}"
    "def f(n): return L()\n",
}
FEW = ("near", "within bounds", "among", "sum", "swallows", "within a delta", "begins with")


@pytest.mark.parametrize(
    ("by", "forged"),
    [(by, one) for by in BY for one in (FORGED if by == "an object" else FEW)],
)
def test_no_object_is_what_anybody_expects(box: Box, by: str, forged: str) -> None:
    program = BY[by].format("".join(LIAR))

    found = box.check(Trial(program, FORGED[forged], entry_point="f", libraries=("numpy",)))

    assert found.passed is False, found


def test_what_a_test_can_not_do_with_it_is_said(box: Box) -> None:
    program = BY["an object"].format("".join(LIAR))

    for one in (FORGED["near"], FORGED["assertIn"]):
        reason = box.check(Trial(program, one)).reason
        assert "answered with an object of its own" in reason
        assert "BrokenError" not in reason


WITH_METHODS = {
    "a function": "def f(n):\n    def g(): pass\n"
    "    g.startswith = lambda *other: True\n    g.issubset = lambda *other: g\n"
    "    g.difference = lambda *other: set()\n    g.index = lambda *other: 0\n"
    "    g.equals = lambda *other: None\n    return g",
    "within an object": "class L:\n{0}class M:\n"
    "    startswith = issubset = equals = difference = L()\n    index = L()\ndef f(n): return M()",
    "named as the tests name theirs": "class TestCase:\n{0}def f(n): return TestCase()",
    "and as theirs are named": "class L:\n{0}def f(n): return L()",
}
METHODS = ("begins with", "a subset", "no difference", "index", "by unittest")


@pytest.mark.parametrize("by", WITH_METHODS)
@pytest.mark.parametrize("forged", METHODS)
def test_no_method_of_what_it_answers_vouches_for_it(box: Box, by: str, forged: str) -> None:
    program = WITH_METHODS[by].replace("{0}", "".join(LIAR))

    found = box.check(Trial(program, FORGED[forged], entry_point="f"))

    assert found.passed is False, found


def test_an_object_that_can_be_called_is_none_to_vouch(box: Box) -> None:
    program = "class L:\n" + "".join(LIAR) + "def f(n): return L()\ng = L()\n"

    assert box.check(Trial(program, "assert f(3)('Hello')", entry_point="f")).passed is False
    assert box.check(Trial(program, "assert g(3)", entry_point="g")).passed is True


HUMAN_EVAL_4 = """
def check(candidate):
    assert abs(candidate([1.0, 2.0, 3.0]) - 2.0/3.0) < 1e-6
    assert abs(candidate([1.0, 2.0, 3.0, 4.0]) - 1.0) < 1e-6
"""


def test_a_class_in_place_of_the_function_is_none_to_believe(box: Box) -> None:
    """Not even where the tests ask it for an attribute, as they would ask a value."""
    program = BY["a class"].format("".join(LIAR)) + "    def strip(self): return self\n"
    given = "def f(n: int) -> str:\n    pass\n"

    assert box.check(Trial(program, HUMAN_EVAL_4, entry_point="f")).passed is False
    tests = "assert 'a' in f(3).strip()"
    assert box.check(Trial(program, tests, entry_point="f", helpers=given)).passed is False


BAG = """
class Bag:
    def __init__(self, *given): self.held = list(given)
    def add(self, one): self.held.append(one)
    def has(self, one): return one in self.held
    def count(self, one): return self.held.count(one)
    @classmethod
    def of(cls, *given): return cls(*given)
    def __len__(self): return len(self.held)
    def __bool__(self): return bool(self.held)
    def __contains__(self, one): return one in self.held
    def __iter__(self): return iter(self.held)
    def __lt__(self, other): return len(self) < len(other)
    def __add__(self, other): return type(self)(*self.held, *_held(other))
    def __eq__(self, other): return isinstance(other, Bag) and self.held == other.held
    def __sub__(self, other): return 0
    __hash__ = None
class bag(Bag): pass
class Node:
    def __init__(self, value, after=None): self.value, self.after = value, after
    def next_of(self, one): return 5
    def all_of(self, one): return 5
def twice(n): return lambda m: n * m
def _held(other): return getattr(other, "held", [other])
def f(n): return Bag(1)
def chain(n): return Node(n, chain(n - 1) if n else None)
"""
ABOUT_A_CLASS = """
one = {0}(1, 2)
assert not {0}() and one and len(one) == 2 and 2 in one and 7 not in one
assert {0}() < one and list(one) == [1, 2] and sorted([one, {0}()])[1] == one
assert one + {0}(3) == {0}(1, 2, 3) and one + 3 == {0}(1, 2, 3) and len(one + one) == 4
"""


_ASKED = "one.add(5)\nassert len(one) == 3 and one.held[-1] == 5\n"
ABOUT = [
    (ABOUT_A_CLASS.format("Bag"), True),
    ("from bags import Bag\n" + ABOUT_A_CLASS.format("Bag"), True),
    (ABOUT_A_CLASS.format("bag") + _ASKED, True),
    (ABOUT_A_CLASS.format("bag"), False),  # it may be the function that is tested
    ("assert len(f(1)) == 1", False),
    ("assert chain(3)", False),
    ("at = chain(1)\nwhile at:\n    n = at.value\n    at = at.after\nassert n == 0", True),
    ("assert Bag() < 3", False),  # else it would say so of every number
    ("assert Bag() - 3 == 0", False),
    ("one = bag(1)\none.add(5)\nassert one.has(5) and not one.has(6) and one.count(5) == 1", True),
    ("assert bag(1).count(1) == 1", False),  # as a value of Python's would be asked
    ("assert Bag.of(1, 2).has(2) and Bag.of().has(2) is False", True),
    ("assert f(1).has(1)", False),
    ("one = Bag(1)\nassert one.has(1) and f(2).has(1)", True),
    ("assert chain(3).next_of(1) == 5", False),
    ("assert chain(3).all_of(chain(1)) == 5 and twice(2)(3) == 6", True),
]


def test_a_class_that_tests_are_about_is_asked(box: Box) -> None:
    for tests, passed in ABOUT:
        found = box.check(Trial(BAG, tests))
        assert found.passed is passed, (tests, found)


PYTHONS = """
import re, functools, collections
import numpy as np
class Small(int):
    def __lt__(self, other): return True
def match(text): return re.match("a+", text)
def count(n): return (one for one in range(n))
def table(): return {"a": 1, "b": 2}
def keys(): return table().keys()
def values(): return table().values()
def items(): return table().items()
def half(array): array /= 2
def ones(*shape): return np.ones(shape)
def times(n): return functools.partial(max, n)
def ordered():
    made = collections.OrderedDict(a=1, b=2)
    made.move_to_end("a")
    return made
"""
OF_PYTHONS = """
import numpy as np
assert match("aab") and not match("b") and match("aab").group() == "aa"
assert match("aab").group(0) == "aa" and match("aab").span(0) == (0, 2)
assert 3 in count(5) and 7 not in count(5) and list(count(2)) == [0, 1] and sum(count(4)) == 6
assert "a" in keys() and len(keys()) == 2 and keys() == {"a", "b"} and sorted(values()) == [1, 2]
assert ("a", 1) in items() and max(values()) == 2 and keys() | {"c"} == {"a", "b", "c"}
numbers = np.array([[1.0, 3.0]])
half(numbers)
assert numbers.tolist() == [[0.5, 1.5]] and numbers.dtype == float
assert np.allclose(ones(2, 3), 1) and ones(2, 3).shape == (2, 3) and ones(0).size == 0
assert (ones(2) == np.ones(2)).all() and abs(ones(2) - 1).max() < 1e-9
assert times(4)(3) == 4 and list(ordered()) == ["b", "a"]
"""


def test_values_of_python_and_numpy_are_tested_by_pythons_own_rules(box: Box) -> None:
    found = box.check(Trial(PYTHONS, OF_PYTHONS, libraries=("numpy",)))

    assert found.passed is True, found


def test_names_of_python_in_tests_are_those_of_python(box: Box) -> None:
    lie = "def f(x):\n    return [1]\ndef len(x):\n    return 2\ndef sorted(x):\n    return [1, 2]"

    assert box.check(Trial(lie, "assert len(f(0)) == 2")).passed is False
    assert box.check(Trial(lie, "assert sorted(f(0)) == [1, 2]")).passed is False
    assert box.check(Trial(lie, "import math\nassert math.isclose(f(0)[0], 2)")).passed is False
    lie = "import operator as math\nmath.isclose = math.ne\ndef f(x):\n    return 1"
    assert box.check(Trial(lie, "assert not math.gt(f(0), 2)")).passed is False


# It finds the channel of its answers, and answers itself: first with names, then with its own word.
FORGER = """
import sys
def f(x): return None
frame = sys._getframe()
while frame and "channel" not in frame.f_locals:
    frame = frame.f_back
channel = frame.f_locals["channel"]
own = [["__import__", {"h": 5}]]
own += [[name, {"h": 2}] for name in ("abs", "all", "len", "round", "isinstance", "set", "print")]
channel.send({"names": [["f", "value", {"h": 1}], {names}], "p": ""})
while True:
    asked = channel.receive()
    answer = {answer} if asked["a"][0] == 1 else True
    if asked["v"] == "get" or asked["a"][0] == 5:
        answer = {"h": 7 if asked["v"] == "get" else 6}
    channel.send({"r": answer, "m": [], "p": ""})
"""
FORGED_NAMES = {
    "of Python": '["__builtins__", "value", {"d": own}]',
    "within Python's": '["builtins", "value", {"d": own}], ["abs", "value", {"h": 2}]',
    "of modules": '["math", "value", {"h": 5}], ["np", "value", {"h": 5}], '
    '["isclose", "value", {"h": 5}], ["unittest", "value", {"h": 5}]',
}
WITH_NAMES = (
    "import math\nassert math.isclose(f(1), 3.25)",
    "from math import isclose\ndef check(candidate):\n    assert isclose(candidate(1), 3.25)",
    "import numpy as np\nnp.testing.assert_allclose(f(1), [3.25])\nassert np.allclose(f(2), 9)",
    "assert abs(f(3.0) - 7.25) < 1e-6",
    "def check(candidate):\n    assert all(candidate(i) == i * 2 for i in (1, 2, 3))",
    "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertAlmostEqual(f(1), 3.25)",
)


@pytest.mark.parametrize("tests", WITH_NAMES)
@pytest.mark.parametrize("names", FORGED_NAMES)
def test_names_that_tests_know_are_not_for_a_program_to_give(
    box: Box, names: str, tests: str
) -> None:
    for answer in ("0", "None", "True"):
        lie = FORGER.replace("{names}", FORGED_NAMES[names]).replace("{answer}", answer)
        found = box.check(Trial(lie, tests, entry_point="f", libraries=("numpy",)))
        assert found.passed is False, found


def test_what_is_tested_besides_a_builtin_leaves_that_to_python(box: Box) -> None:
    lie = "def f(x):\n    return 0.0\ndef abs(x):\n    return 0\n"

    assert box.check(Trial(lie, "assert abs(f(3) - 7) < 1", entry_point="abs")).passed is False
    own = "def sum(a, b):\n    return a + b\n"
    assert box.check(Trial(own, "assert sum(1, 2) == 3", entry_point="sum")).passed is True


def test_a_package_that_is_absent_is_not_the_programs(box: Box) -> None:
    lie = "def f(x):\n    return None\ndef DeepDiff(a, b):\n    return {}\n"
    tests = "from deepdiff import DeepDiff\nassert DeepDiff(f(1), {'a': 3}) == {}"

    found = box.check(Trial(lie, tests, entry_point="DeepDiff"))

    assert found.passed is None
    assert found.reason == "The tests need deepdiff, which the sandbox does not have."
    assert box.check(Trial(lie, "from my_file import f\nassert f(1) is None")).passed is True


def test_a_helper_that_the_exercise_gives_is_not_the_programs(box: Box) -> None:
    given = "def distance(x):\n    return abs(x)\n\ndef root(x):\n    pass\n"
    lie = "def distance(x):\n    return 0\n\ndef root(x):\n    return 5\n"
    tests = "def check(candidate):\n    candidate(4)\n    assert distance(candidate(4) - 2) < 1"

    found = box.check(Trial(lie, tests, entry_point="root", helpers=given))

    assert found.passed is False


CLIMBS = (
    "f.__globals__['__builtins__']['exec']('import os; os._exit(0)')",
    "f.__code__.co_consts",
    "type(f)",
    "g.gi_frame.f_globals",
    "o.method.__globals__",
    "o.method.__func__",
    "o.__class__.__init__.__globals__",
    "o.__dict__",
    "kind.method.__globals__",
    "f._far",
)


@pytest.mark.parametrize("climb", CLIMBS)
def test_what_tests_hand_over_leads_nowhere(box: Box, climb: str) -> None:
    """A far value's own attributes are looked up by its number, as a program could send them."""
    lie = (
        "def run(f, g, o, kind):\n"
        "    def get(one, name):\n"
        "        peer, number = one.__dict__['_far']\n"
        "        return peer.ask('get', number, name)\n"
        "    def walk(one, *names):\n"
        "        for name in names: one = get(one, name)\n"
        "        return one\n"
        f"    parts = {climb.split('.')!r}\n"
        "    start = {'f': f, 'g': g, 'o': o, 'kind': kind}.get(parts[0], f)\n"
        "    names = [part.split('[')[0] for part in parts[1:]] or ['__class__']\n"
        "    return walk(start, *names)\n"
    )
    tests = (
        "class Thing:\n    def __init__(self): self.method = lambda: 5\n"
        "def gen(): yield 1\n"
        "found = run(lambda: 7, gen(), Thing(), Thing)\n"
        "assert found is not None\n"
    )

    found = box.check(Trial(lie, tests))

    assert found.passed is False
    assert "reached for what is not its own" in found.reason


def test_what_tests_hand_over_can_be_used(box: Box) -> None:
    program = (
        "def twice(f, node, numbers):\n"
        "    node.value = f(node.value)\n"
        "    return [f(one) for one in numbers], node.double(), node == node\n"
    )
    tests = (
        "class Node:\n    def __init__(self, value): self.value = value\n"
        "    def double(self): return 2 * self.value\n"
        "node = Node(3)\n"
        "assert twice(lambda x: x + 1, node, (n for n in (1, 2))) == ([2, 3], 8, True)\n"
        "assert node.value == 4\n"
    )

    assert box.check(Trial(program, tests)).passed is True


def test_tests_can_not_get_out_either(box: Box) -> None:
    found = box.check(
        Trial("def f(): return 1", "import os\nassert not os.path.exists('/etc/passwd')\nf()")
    )

    assert found.passed is True
