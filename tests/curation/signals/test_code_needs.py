"""What code needs from elsewhere and what its functions lack: 40 planted snippets, exact."""

import math

import pytest

from app.curation.records import Kind, Record
from tests.curation.records import text
from tests.curation.signals.measuring import measure, note

GOOD = 'def double(x):\n    """Twice x."""\n    y = 2 * x\n    return y\n'

# Snippet, then: parses, docstrings, unresolved, self-contained, external, trivial, unused.
NAN = float("nan")
PLANTED: list[tuple[str, tuple[float, ...]]] = [
    (GOOD, (1, 1, 0, 1, 0, 0, 0)),
    ("def double(x):\n    y = 2 * x\n    return y\n", (1, 0, 0, 1, 0, 0, 0)),
    ('"""Numbers."""\nLIMIT = 3\n', (1, 1, 0, 1, 0, NAN, 0)),
    ("LIMIT = 3\n", (1, 0, 0, 1, 0, NAN, 0)),
    ('class A:\n    """A."""\n', (1, 1, 0, 1, 0, NAN, 0)),
    ("class A:\n    x = 1\n", (1, 0, 0, 1, 0, NAN, 0)),
    ('class A:\n    """A."""\n    def f(self):\n        pass\n', (1, 0.5, 0, 1, 0, 1, 0)),
    ("def f(:\n    return 1\n", (0, NAN, NAN, NAN, NAN, NAN, NAN)),
    ("print 'hello'\n", (0, NAN, NAN, NAN, NAN, NAN, NAN)),
    ("def f(x):\n    y = g(x)\n    return y\n", (1, 0, 1, 0, 0, 0, 0)),
    ("def f(x):\n    y = g(x) + h(x)\n    return y\n", (1, 0, 2, 0, 0, 0, 0)),
    ("def f(x):\n    y = len(x)\n    return y\n", (1, 0, 0, 1, 0, 0, 0)),
    (
        "def g(x):\n    y = x\n    return y\n\ndef f(x):\n    y = g(x)\n    return y\n",
        (1, 0, 0, 1, 0, 0, 0),
    ),
    ("def f(x):\n    y = math.sqrt(x)\n    return y\n", (1, 0, 1, 0, 0, 0, 0)),
    ("import math\n\ndef f(x):\n    y = math.sqrt(x)\n    return y\n", (1, 0, 0, 1, 0, 0, 0)),
    ("import os.path\nimport json as j\nx = j.dumps(os.path.sep)\n", (1, 0, 0, 1, 0, NAN, 0)),
    ("from collections import deque\nq = deque()\n", (1, 0, 0, 1, 0, NAN, 0)),
    ("import numpy as np\nx = np.zeros(3)\n", (1, 0, 0, 1, 1, NAN, 0)),
    (
        "import numpy\nfrom pandas import DataFrame\nx = DataFrame(numpy.ones(2))\n",
        (1, 0, 0, 1, 2, NAN, 0),
    ),
    ("import numpy.linalg\nfrom numpy import array\nx = numpy, array\n", (1, 0, 0, 1, 1, NAN, 0)),
    ("from . import things\nx = things\n", (1, 0, 0, 0, 0, NAN, 0)),
    ("from .things import one\nx = one\n", (1, 0, 0, 0, 0, NAN, 0)),
    ("from ..things import one\nx = one(two)\n", (1, 0, 1, 0, 0, NAN, 0)),
    ("from math import *\nx = sqrt(2)\n", (1, 0, NAN, NAN, 0, NAN, 0)),
    ("from .things import *\nx = sqrt(2)\n", (1, 0, NAN, 0, 0, NAN, 0)),
    ("def f(x):\n    return x\n", (1, 0, 0, 1, 0, 1, 0)),
    ("def f(x):\n    pass\n", (1, 0, 0, 1, 0, 1, 0)),
    ("def f(x):\n    ...\n", (1, 0, 0, 1, 0, 1, 0)),
    ('def f(x):\n    """Text."""\n    return x\n', (1, 1, 0, 1, 0, 1, 0)),
    ("def f(x):\n    raise NotImplementedError\n", (1, 0, 0, 1, 0, 1, 0)),
    ("def f(x):\n    for y in x:\n        print(y)\n", (1, 0, 0, 1, 0, 0, 0)),
    ("def f(a, b):\n    c = a\n    return c\n", (1, 0, 0, 1, 0, 0, 1)),
    ("def f(a, *b, c=1, **d):\n    e = a\n    return e\n", (1, 0, 0, 1, 0, 0, 3)),
    ("def f(a, _b):\n    c = a\n    return c\n", (1, 0, 0, 1, 0, 0, 0)),
    (
        "class A:\n    def __exit__(self, a, b, c):\n        d = 1\n        return d\n",
        (1, 0, 0, 1, 0, 0, 0),
    ),
    ("async def f(a):\n    b = 1\n    return b\n", (1, 0, 0, 1, 0, 0, 1)),
    (
        "def f(n):\n    global total\n    total = n\n    return total\nprint(total)\n",
        (1, 0, 0, 1, 0, 0, 0),
    ),
    ("x = [y for y in range(3)]\nz = [a for b in x]\n", (1, 0, 1, 0, 0, NAN, 0)),
    (
        "try:\n    x = 1\nexcept ValueError as error:\n    print(error)\nprint(__name__)\n",
        (1, 0, 0, 1, 0, NAN, 0),
    ),
    ("def f(x):\n    def g():\n        return x\n    return g\n", (1, 0, 0, 1, 0, 0.5, 0)),
]
NAMES = (
    *("code_parses", "code_docstrings", "code_unresolved_names", "code_self_contained"),
    *("code_external_imports", "code_trivial_bodies", "code_unused_arguments"),
)


def test_there_are_forty() -> None:
    assert len(PLANTED) == 40


@pytest.mark.parametrize(("code", "expected"), PLANTED)
def test_a_planted_snippet_is_told_exactly(code: str, expected: tuple[float, ...]) -> None:
    record = Record(Kind.COMPLETION, {"solution": code})

    found = measure("code", record)

    assert [found[name] for name in NAMES] == pytest.approx(list(expected), nan_ok=True)


def test_notes_name_what_is_missing() -> None:
    found = note("code", "import numpy\n\ndef f(a):\n    return numpy.ones(b)\n")

    assert found is not None
    assert found.text == "Not bound: b; external: numpy; unused: f(a)"
    assert note("code", Record(Kind.COMPLETION, {"solution": GOOD})) is None


def test_code_that_only_compiles_elsewhere_has_no_unresolved_names() -> None:
    found = measure("code", Record(Kind.COMPLETION, {"solution": "nonlocal x\nprint(y)\n"}))

    assert found["code_parses"] == 1
    assert math.isnan(found["code_unresolved_names"])
    assert math.isnan(measure("code", text("prose"))["code_self_contained"])
