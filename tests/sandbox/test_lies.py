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


def test_names_of_python_in_tests_are_those_of_python(box: Box) -> None:
    lie = "def f(x):\n    return [1]\ndef len(x):\n    return 2\ndef sorted(x):\n    return [1, 2]"

    assert box.check(Trial(lie, "assert len(f(0)) == 2")).passed is False
    assert box.check(Trial(lie, "assert sorted(f(0)) == [1, 2]")).passed is False
    assert box.check(Trial(lie, "import math\nassert math.isclose(f(0)[0], 2)")).passed is False


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
