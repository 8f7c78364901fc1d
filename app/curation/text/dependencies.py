"""What a Python program needs beside itself: names that nothing binds, modules from elsewhere."""

import ast
import builtins
import symtable
import sys
import warnings
from collections.abc import Iterator

# What every module has without binding it.
_GIVEN = frozenset(dir(builtins)) | {
    *("__file__", "__name__", "__doc__", "__spec__", "__loader__", "__package__", "__path__"),
    *("__builtins__", "__annotations__", "__dict__", "__module__", "__qualname__", "__class__"),
}


def unresolved_names(code: str, tree: ast.Module) -> list[str] | None:
    """Names that are read and bound nowhere, sorted; None where that can't be told.

    It can't where a star import may bind anything, or where the code only compiles elsewhere.
    """
    if any(isinstance(node, ast.ImportFrom) and _is_star(node) for node in ast.walk(tree)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            top = symtable.symtable(code, "sample", "exec")
        except (SyntaxError, ValueError, RecursionError):
            return None
    tables = list(_tables(top))
    bound = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    # Classes and functions of the module are bound by their definition.
    bound |= {one.get_name() for one in top.get_symbols() if one.is_namespace()}
    bound |= {
        one.get_name()
        for table in tables
        for one in table.get_symbols()
        if one.is_declared_global() and one.is_assigned()
    }
    read = {
        one.get_name()
        for table in tables
        for one in table.get_symbols()
        if one.is_referenced() and (table is top or one.is_global())
    }
    return sorted(read - bound - _GIVEN)


def _is_star(node: ast.ImportFrom) -> bool:
    return any(alias.name == "*" for alias in node.names)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def external_modules(tree: ast.Module) -> list[str]:
    """Packages that are no part of Python, sorted; relative imports are not among them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return sorted(found - sys.stdlib_module_names)


def local_imports(tree: ast.Module) -> int:
    """Relative imports, which nothing outside their package resolves."""
    return sum(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))
