"""Where statements of a program stand in the text that it came in."""

import ast

import pytest

from app.curation.contamination.places import spans

ANNOTATED = """async def f(
    a: int,
    *, b=(1,
          2),
) -> list[int]:
    '''Two
    lines.'''
    return [a]"""


def marked(full: str, source: str) -> list[str]:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return [full[start:end] for start, end in spans(full, source, tree.body)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1\ny = (2,\n 3)", ["x = 1", "y = (2,\n 3)"]),
        ("def f(a):\n    return a", ["def f(a):\n    return a"]),
        ("def f(a): return a", ["def f(a): return a"]),
        ("def f(a):\n    'Says.'\n    return a", ["def f(a):", "return a"]),
        ("def f(a):\n    'Says.'", ["def f(a):"]),
        (
            ANNOTATED,
            [
                "async def f(\n    a: int,\n    *, b=(1,\n          2),\n) -> list[int]:",
                "return [a]",
            ],
        ),
    ],
)
def test_functions_are_marked_without_their_docstrings(source: str, found: list[str]) -> None:
    assert marked(f"Look:\n{source}\nThat is it.", source) == found


def test_what_stands_twice_is_marked_in_its_order() -> None:
    code = "x = 1\nx = 1"

    assert spans(f"x = 1?\n{code}", code, ast.parse(code).body) == ((7, 12), (13, 18))


def test_what_is_not_there_word_for_word_is_not_marked() -> None:
    assert marked("one = 1", "one = 1\ntwo = 2") == ["one = 1"]
    assert marked("", "one = 1") == []
