"""Which of the modules that tests import is the program, whose file may have any name.

A package that the sandbox does not have must not be taken for it: the program would bring its own
`DeepDiff` for the tests to believe.
"""

from __future__ import annotations

import ast
import builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

USUAL = frozenset(
    (
        *("solution", "solutions", "program", "main", "module", "candidate", "answer", "task"),
        *("your_module", "your_code", "your_solution", "my_module", "my_solution", "submission"),
        *("solution_module", "implementation", "__main__"),
    )
)


def own_modules(tests: str, entry_point: str, known: Callable[[str], bool]) -> set[str]:
    """The modules that are the program; `known` tells which ones are Python's or packages.

    Those with a usual name, and those from which tests take a name that they use as one of the
    program elsewhere. Where tests have no other way to the program, it is the module that has the
    function to test, or the only one that is not known.
    """
    tree = list(ast.walk(ast.parse(tests)))
    taken = {module: names for module, names in _taken(tree).items() if not known(module)}
    free = _free(tree)
    found = {one for one, names in taken.items() if one in USUAL or names & free}
    alone = len(taken) == 1
    if not found and (not free | _checks(tree) or (alone and "*" in set().union(*taken.values()))):
        found = {one for one, names in taken.items() if alone or entry_point in names}
    return found | USUAL


def _taken(tree: list[ast.AST]) -> dict[str, set[str]]:
    """By module, what is imported from it or asked of it."""
    found: dict[str, set[str]] = {}
    called: dict[str, str] = {}
    for one in tree:
        if isinstance(one, ast.ImportFrom) and one.module and not one.level:
            names = {name.name for name in one.names}
            found.setdefault(one.module.partition(".")[0], set()).update(names)
        elif isinstance(one, ast.Import):
            for name in one.names:
                module = name.name.partition(".")[0]
                found.setdefault(module, set())
                called[name.asname or module] = module
    for one in tree:
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            found.get(called.get(one.value.id, ""), set()).add(one.attr)
    return found


def _free(tree: list[ast.AST]) -> set[str]:
    """Names that tests use, and neither they nor Python define."""
    used: set[str] = set()
    bound = set(dir(builtins))
    for one in tree:
        if isinstance(one, ast.Name):
            (used if isinstance(one.ctx, ast.Load) else bound).add(one.id)
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(one.name)
        elif isinstance(one, ast.alias):
            bound.add(one.asname or one.name.partition(".")[0])
        elif isinstance(one, ast.arg):
            bound.add(one.arg)
        elif isinstance(one, ast.ExceptHandler) and one.name:
            bound.add(one.name)
    return used - bound


def _checks(tree: list[ast.AST]) -> set[str]:
    """The function that is given the one to test, if tests have it."""
    return {one.name for one in tree if isinstance(one, ast.FunctionDef)} & {"check"}
