"""Eight skills, three planted programs each, and the coverage they give."""
# ruff: noqa: E501 - planted programs are longer than lines should be

import math

import numpy as np
import pytest

from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.text.skills import SKILLS
from tests.curation.records import answer
from tests.curation.signals.measuring import measure, note

PLANTED: dict[str, tuple[str, ...]] = {
    "skill_recursion": (
        "def count(n):\n    return 0 if n == 0 else 1 + count(n - 1)\n",
        "class A:\n    def down(self, n):\n        if n:\n            self.down(n - 1)\n",
        "def hanoi(n, a, b, c):\n    if n:\n        hanoi(n - 1, a, c, b)\n        hanoi(n - 1, c, b, a)\n",
    ),
    "skill_sorting": (
        "def bubble_sort(items):\n    return items\n",
        "def order(a):\n    for i in range(len(a)):\n        for j in range(len(a) - 1):\n"
        "            if a[j] > a[j + 1]:\n                a[j], a[j + 1] = a[j + 1], a[j]\n    return a\n",
        "class QuickSort:\n    pass\n",
    ),
    "skill_searching": (
        "def locate(a, x):\n    low, high = 0, len(a)\n    while low < high:\n"
        "        mid = (low + high) // 2\n        if a[mid] < x:\n            low = mid + 1\n"
        "        else:\n            high = mid\n    return low\n",
        "from bisect import bisect_left\nplace = bisect_left([1, 2], 2)\n",
        "def linear_search(a, x):\n    for i, y in enumerate(a):\n        if x == y:\n            return i\n",
    ),
    "skill_dynamic": (
        "def ways(n):\n    dp = [1, 1]\n    for i in range(2, n):\n        dp.append(0)\n"
        "        dp[i] = dp[i - 1] + dp[i - 2]\n    return dp\n",
        "def coin_change(coins, total):\n    return 0\n",
        "def grid(n):\n    table = [[0] * n for _ in range(n)]\n    for i in range(1, n):\n"
        "        table[i][0] += table[i - 1][0]\n    return table\n",
    ),
    "skill_graphs": (
        "def bfs(start):\n    return start\n",
        "def walk(edges, vertices):\n    return [e for e in edges if e in vertices]\n",
        "class Graph:\n    pass\n",
    ),
    "skill_strings": (
        "def is_palindrome(s):\n    return s == s[::-1]\n",
        "def tidy(s):\n    return ' '.join(s.strip().lower().split())\n",
        "def shout(word):\n    return word.upper()\n",
    ),
    "skill_structures": (
        "class Stack:\n    pass\n",
        "class Bag:\n    def push(self, x):\n        self.x = x\n    def pop(self):\n        return self.x\n",
        "class LinkedList:\n    pass\n",
    ),
    "skill_maths": (
        "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n",
        "import math\nprint(math.pi)\n",
        "# The square root by halves\nx = 2\ny = x / 2\n",
    ),
}


def program(code: str) -> Record:
    return Record(Kind.COMPLETION, {"solution": code})


@pytest.mark.parametrize(
    ("skill", "code"), [(skill, code) for skill, codes in PLANTED.items() for code in codes]
)
def test_a_program_shows_the_planted_skill_alone(skill: str, code: str) -> None:
    found = measure("skills", program(code))

    assert {name for name, value in found.items() if value} == {skill}
    assert all(value in {0, 1} for value in found.values())


def test_the_coverage_of_eight_skills_is_exact() -> None:
    codes = [code for place, codes in enumerate(PLANTED.values(), 1) for code in codes * place]

    values = SIGNALS["skills"]().score(Batch([program(code) for code in codes])).values

    assert list(np.nansum(values, axis=0)) == [3 * place for place in range(1, 9)]


def test_words_of_the_task_count() -> None:
    code = "```python\ndef f(n):\n    return n % 2\n```"
    plain = "```python\ndef f(n):\n    return n\n```"

    assert measure("skills", answer(code, "Is it a prime?"))["skill_maths"] == 1
    assert measure("skills", answer(code, "Do it."))["skill_maths"] == 0
    assert measure("skills", answer(plain, "Use dynamic programming."))["skill_dynamic"] == 1
    nodes = "```python\ndef f(edges):\n    return edges\n```"
    assert measure("skills", answer(nodes, "Find the shortest path."))["skill_graphs"] == 1
    assert measure("skills", answer(nodes, "Do it."))["skill_graphs"] == 0


def test_a_remembered_recursion_is_dynamic_programming() -> None:
    found = measure(
        "skills",
        program(
            "from functools import lru_cache\n\n@lru_cache\ndef f(n):\n"
            "    return n if n < 2 else f(n - 1) + f(n - 2)\n"
        ),
    )

    assert (found["skill_recursion"], found["skill_dynamic"]) == (1, 1)


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, b):\n    a, b = b, a\n    return other.f(a)\n",
        "for i in x:\n    for j in x:\n        if i:\n            a, b = b, a\n            c, d, e = e, d, c\n"
        "            m, n = f()\n            p = 1\n",
        "while x:\n    x = x // 2\n    mid = (a + b) // 2\n",
        "t[0] = t[1]\nq = 1\nn += 1\n",
        "class A:\n    def push(self):\n        pass\n",
        "x = 3 + 4\nname = 1\n",
    ],
)
def test_programs_without_a_skill(code: str) -> None:
    assert not any(measure("skills", program(code)).values())
    assert note("skills", program(code)) is None


def test_what_is_no_python_gets_no_value() -> None:
    for record in (
        answer("Prose."),
        answer("```js\nlet a = 1;\n```"),
        program("def f(:"),
        program(" "),
        program("x = 1\n" * 40_000),
    ):
        assert all(math.isnan(value) for value in measure("skills", record).values())


def test_notes_name_the_skills() -> None:
    found = note("skills", program(PLANTED["skill_graphs"][0]))

    assert found is not None
    assert found.text == "It shows: graphs."
    assert set(PLANTED) == set(SKILLS)
