"""What the functions of a Python program lack: a body that does something, use of what they get."""

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> list[Function]:
    """All functions and methods."""
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def without_docstring(node: Function) -> list[ast.stmt]:
    """The statements of a function behind its docstring."""
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = is_text and ast.get_docstring(node, clean=False) is not None
    return node.body[1:] if documented else node.body


def has_trivial_body(node: Function) -> bool:
    """Whether there are fewer than two statements, those inside of others included."""
    inner = (each for statement in without_docstring(node) for each in ast.walk(statement))
    return sum(isinstance(each, ast.stmt) for each in inner) < 2


def unused_arguments(node: Function) -> list[str]:
    """Arguments that the function never reads, in order.

    Not counted: self and cls, names with an underscore in front, methods of a protocol of the
    language, and functions without a body yet.
    """
    body = without_docstring(node)
    if _is_stub(body) or (node.name.startswith("__") and node.name.endswith("__")):
        return []
    read = {
        each.id
        for statement in body
        for each in ast.walk(statement)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load | ast.Del)
    }
    return [name for name in _arguments(node) if name not in read]


def _arguments(node: Function) -> Iterator[str]:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    every += [one for one in (given.vararg, given.kwarg) if one is not None]
    for one in every:
        if one.arg not in {"self", "cls"} and not one.arg.startswith("_"):
            yield one.arg


def _is_stub(body: list[ast.stmt]) -> bool:
    """Whether nothing stands there, or a mark that something is to come."""
    return all(
        isinstance(one, ast.Pass | ast.Raise)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in body
    )
