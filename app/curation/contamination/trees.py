"""Programs as the sequence of their syntax: what stays when names, comments and layout change."""

import ast
import builtins
import keyword
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.curation.text.functions import functions
from app.curation.text.jit import njit

Sequence_ = NDArray[np.int64]
_KNOWN = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
OWN = "#"  # stands before a name that the program gives itself
_MOST = 1500  # nodes of a program that are compared


def numbered(nodes: Sequence[str]) -> list[str]:
    """The same nodes with names of the program's own by the order in which they first appear."""
    order: dict[str, int] = {}
    found = []
    for node in nodes:
        kind, mark, name = node.partition(OWN)
        found.append(f"{kind}{OWN}{order.setdefault(name, len(order))}" if mark else node)
    return found


def nameless(nodes: Sequence[str]) -> list[str]:
    """The same nodes with all names of the program's own alike."""
    return [node.partition(OWN)[0] for node in nodes]


def sequences(tree: ast.Module) -> list[list[str]]:
    """The whole program without its imports, and each of its functions, as sequences of nodes."""
    return [nodes for nodes, _ in parts(tree)]


def parts(tree: ast.Module) -> list[tuple[list[str], list[ast.stmt]]]:
    """The same sequences, each with the statements that it is of."""
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    known = _KNOWN - _own_names(tree)
    whole = list(_nodes(ast.Module(body=body, type_ignores=[]), known))[1 : _MOST + 1]
    each: list[tuple[list[str], list[ast.stmt]]] = [
        (list(_nodes(node, known))[:_MOST], [node]) for node in functions(tree)
    ]
    return [(whole, body), *(one for one in each if one[0] != whole)]


def _own_names(tree: ast.Module) -> set[str]:
    """Names that the program gives itself, among them those of the language that it takes over."""
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _nodes(node: ast.AST, known: frozenset[str]) -> Iterator[str]:
    """Types of nodes in the order of the text, with names and constants behind them."""
    if not isinstance(node, ast.expr_context):
        yield type(node).__name__ + _detail(node, known)
    for child in ast.iter_child_nodes(node):
        if not _annotates(node, child):
            yield from _nodes(child, known)


def _annotates(node: ast.AST, child: ast.AST) -> bool:
    return child in {getattr(node, "annotation", None), getattr(node, "returns", None)}


def _detail(node: ast.AST, known: frozenset[str]) -> str:
    match node:
        case ast.Name(id=name) if name in known:
            return f":{name}"
        case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name):
            return f"{OWN}{name}"
        case ast.Attribute(attr=name):
            return f".{name}"
        case ast.Constant(value=value):
            return f"={str(value)[:20]}"
        case _:
            return ""


def program_similarity(one: ast.Module, other: ast.Module) -> float:
    """How alike two programs are, whatever they call things: 1 for renamed copies."""
    order: dict[str, int] = {}
    first, second = (
        np.array([order.setdefault(node, len(order)) for node in nameless(sequences(tree)[0])])
        for tree in (one, other)
    )
    return similarity(first, second) if len(first) and len(second) else 0.0


@njit
def similarity(one: Sequence_, other: Sequence_) -> float:
    """Twice the longest common subsequence by the sum of lengths: 1 for equal sequences."""
    rows, columns = len(one), len(other)
    before = np.zeros(columns + 1, np.int64)
    now = np.zeros(columns + 1, np.int64)
    for row in range(rows):
        for column in range(columns):
            if one[row] == other[column]:
                now[column + 1] = before[column] + 1
            else:
                now[column + 1] = max(now[column], before[column + 1])
        before[:] = now
    return float(2.0 * before[columns] / (rows + columns))


@njit
def bounds(
    counts: NDArray[np.int32], lengths: Sequence_, other: NDArray[np.int32], length: int
) -> NDArray[np.float64]:
    """The most that `similarity` can be, for each of many sequences, by how often nodes occur."""
    found = np.zeros(len(lengths))
    for at in range(len(lengths)):
        common = 0
        for kind in range(counts.shape[1]):
            common += min(counts[at, kind], other[kind])
        found[at] = 2.0 * common / (lengths[at] + length)
    return found
