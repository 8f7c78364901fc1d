"""Algorithmic skills that a program shows: from its syntax tree, its names and its words."""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from app.curation.text.functions import Function, functions

_STRING_METHODS = frozenset(
    {
        *("split", "join", "replace", "upper", "lower", "strip", "lstrip", "rstrip", "startswith"),
        *("endswith", "isalpha", "isdigit", "isalnum", "isupper", "islower", "swapcase", "title"),
        *("capitalize", "casefold", "splitlines", "translate", "maketrans", "zfill", "swapcase"),
    }
)
_STRUCTURE_METHODS = frozenset(
    {
        *("push", "pop", "peek", "top", "insert", "delete", "remove", "enqueue", "dequeue"),
        *("get", "put", "search", "is_empty", "append", "prepend", "traverse", "size", "extract"),
    }
)


def _named(*stems: str) -> re.Pattern[str]:
    """These stems within names written in snake case."""
    return re.compile(rf"(?:^|_)(?:{'|'.join(stems)})")


_SORTS = _named("sort", "quicksort", "mergesort", "heapsort", "sorted$", r"\w*_?sort(?:_|$)")
_SEARCHES = _named("search", "binary_search", "find_(?:index|position|element|target|max|min|peak)")
_TABLES = re.compile(r"^(?:dp|memo|memoiz\w*|cache|table|best|opt|ways|f)$|^dp_|_dp$")
_DYNAMICS = _named(
    *("knapsack", "longest_(?:common|increasing|palindromic)", "edit_distance", "coin_change"),
    *("max_sub", "subset_sum", "rod_cut", "min_cost", "climb", "dp_", "memo"),
)
_GRAPHS = _named(
    *("graph", "adjacen", "neighbou?rs?$", "edges?$", "vertex$", "vertices$", "bfs", "dfs"),
    *("dijkstra", "bellman", "floyd", "kruskal", "prim$", "topological", "shortest_path"),
)
_STRINGS = _named(
    *(
        "string",
        "substring",
        "palindrom",
        "anagram",
        "vowels?",
        "words?$",
        "chars?$",
        "characters?$",
    ),
    *("caesar", "levenshtein", "text", "sentence"),
)
_STRUCTURES = _named(
    *(
        "stack",
        "queue",
        "deque",
        "linked_?list",
        "node$",
        "tree",
        "trie",
        "heap",
        "hash_?(?:map|table)",
    ),
    *("binary_?tree", "bst", "singly", "doubly", "circular", "segment_?tree", "union_?find"),
)
_MATHS = _named(
    *(
        "prime",
        "is_prime",
        "gcd",
        "lcm",
        "factor",
        "fibonacci",
        "fib$",
        "divisors?",
        "modular",
        "modulo",
    ),
    *("power", "sqrt", "binomial", "combination", "permutation", "perfect_number", "armstrong"),
    *("euler", "totient", "sieve", "collatz", "digit", "root", "area", "volume", "average", "mean"),
    *("sum_of", "polynomial", "matrix", "determinant", "armstrong", "pi$"),
)


@dataclass(frozen=True)
class Program:
    """A parsed program, with what the rules ask of it read once."""

    tree: ast.Module
    words: str

    @cached_property
    def functions(self) -> list[Function]:
        return functions(self.tree)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def defined(self) -> list[str]:
        """Names of functions and classes, in small letters and with underscores."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return [_snake(node.name) for node in self.nodes if isinstance(node, kinds)]

    @cached_property
    def names(self) -> set[str]:
        """Names that are read or bound, arguments included."""
        read = {node.id.lower() for node in self.nodes if isinstance(node, ast.Name)}
        return read | {node.arg.lower() for node in self.nodes if isinstance(node, ast.arg)}

    @cached_property
    def methods(self) -> set[str]:
        """Names of methods that are called."""
        calls = (node.func for node in self.nodes if isinstance(node, ast.Call))
        return {call.attr for call in calls if isinstance(call, ast.Attribute)}

    @cached_property
    def imported(self) -> set[str]:
        """Modules that are imported, and names from them."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {node.module or "", *(alias.name for alias in node.names)}
        return found

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Whether the words beside the code speak of it."""
        return pattern.search(self.words) is not None

    def defines(self, pattern: re.Pattern[str]) -> bool:
        """Whether a function or class is named so."""
        return any(pattern.search(name) for name in self.defined)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _words(*phrases: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)


def _recursion(program: Program) -> bool:
    return any(_calls(node, node.name) for node in program.functions)


def _calls(node: Function, name: str) -> bool:
    """Whether the function calls itself, as a name or as a method of its object."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            called = each.func
            if isinstance(called, ast.Name) and called.id == name:
                return True
            own = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)
            if own and called.attr == name and called.value.id in {"self", "cls"}:  # type: ignore[attr-defined]
                return True
    return False


def _sorting(program: Program) -> bool:
    return program.defines(_SORTS) or _swaps_in_loop(program)


def _swaps_in_loop(program: Program) -> bool:
    """Two nested loops or more, and two elements that change places when compared."""
    loops = [node for node in program.nodes if isinstance(node, ast.For | ast.While)]
    inner = [each for loop in loops for each in ast.walk(loop) if each is not loop]
    nested = any(isinstance(each, ast.For | ast.While) for each in inner)
    compared = (each for each in inner if isinstance(each, ast.If))
    return nested and any(_is_swap(each) for one in compared for each in ast.walk(one))


def _is_swap(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Tuple):
        return False
    left, right = node.targets[0], node.value
    if not isinstance(right, ast.Tuple) or len(left.elts) != 2 or len(right.elts) != 2:
        return False
    one, other = (ast.unparse(each) for each in left.elts)
    turned = [ast.unparse(each) for each in right.elts] == [other, one]
    return turned and all(isinstance(each, ast.Subscript) for each in left.elts)


def _searching(program: Program) -> bool:
    return (
        program.defines(_SEARCHES)
        or bool(program.imported & {"bisect", "bisect_left", "bisect_right"})
        or any(_halves(node) for node in program.nodes if isinstance(node, ast.While))
    )


def _halves(loop: ast.While) -> bool:
    """Whether the loop takes the middle of two bounds."""
    middles = (node.value for node in ast.walk(loop) if isinstance(node, ast.Assign))
    return any(
        isinstance(each, ast.BinOp)
        and isinstance(each.op, ast.FloorDiv)
        and ast.unparse(each.right) == "2"
        and {"lo", "low", "left", "l", "start", "begin"}
        & {one.id.lower() for one in ast.walk(each.left) if isinstance(one, ast.Name)}
        for each in middles
    )


_DYNAMIC = _words(
    "dynamic programming", "memoi[sz](?:e|ed|ation|ing)", "knapsack", "optimal substructure"
)


def _dynamic(program: Program) -> bool:
    cached = bool(program.imported & {"lru_cache", "cache"}) and _recursion(program)
    named = program.says(_DYNAMIC) or program.defines(_DYNAMICS)
    return cached or named or any(map(_fills_table, program.nodes))


def _fills_table(node: ast.AST) -> bool:
    """An element of a table that is made from other elements of it."""
    if not isinstance(node, ast.Assign | ast.AugAssign):
        return False
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    name = _table(target)
    if name is None or not _TABLES.search(name):
        return False
    reads = (each for each in ast.walk(node.value) if isinstance(each, ast.Subscript))
    return any(_table(each) == name for each in reads)


def _table(node: ast.AST) -> str | None:
    """The name of the list that this is an element of, at any depth."""
    inside = isinstance(node, ast.Subscript)
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id.lower() if inside and isinstance(node, ast.Name) else None


_GRAPH = _words(
    *(
        "graphs?",
        "breadth[- ]first",
        "depth[- ]first",
        "shortest paths?",
        "topological",
        "spanning tree",
    ),
)


def _graphs(program: Program) -> bool:
    named = sum(_GRAPHS.search(name) is not None for name in program.names)
    return program.defines(_GRAPHS) or named >= 2 or (named >= 1 and program.says(_GRAPH))


def _strings(program: Program) -> bool:
    used = len(program.methods & _STRING_METHODS)
    named = program.defines(_STRINGS) or any(_STRINGS.search(name) for name in program.names)
    return used >= 2 or (used >= 1 and named) or program.defines(_STRINGS)


def _structures(program: Program) -> bool:
    return program.defines(_STRUCTURES) or any(
        len({_snake(part.name) for part in functions(node)} & _STRUCTURE_METHODS) >= 2
        for node in program.nodes
        if isinstance(node, ast.ClassDef)
    )


_THEORY = _words(
    *("primes?", "greatest common divisor", "least common multiple", "factorials?", "fibonacci"),
    *(
        "divisors?",
        "modular",
        "number theory",
        "perfect numbers?",
        "square root",
        "triangle",
        "formula",
    ),
)


def _maths(program: Program) -> bool:
    works = any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mod | ast.Pow | ast.Div | ast.FloorDiv)
        for node in program.nodes
    )
    known = bool(program.imported & {"math", "cmath", "fractions", "sympy", "decimal", "gcd"})
    return program.defines(_MATHS) or known or (works and program.says(_THEORY))


SKILLS: Mapping[str, tuple[str, str, Callable[[Program], bool]]] = {
    "skill_recursion": ("Recursion", "a function that calls itself", _recursion),
    "skill_sorting": ("Sorting", "sorts by its own steps, or is named so", _sorting),
    "skill_searching": ("Searching", "looks for a place: binary search, bisection", _searching),
    "skill_dynamic": ("Dynamic programming", "a table or a memory of partial results", _dynamic),
    "skill_graphs": ("Graphs", "vertices, edges and ways through them", _graphs),
    "skill_strings": ("Strings", "takes text apart and puts it together", _strings),
    "skill_structures": ("Data structures", "stacks, queues, lists, trees, heaps", _structures),
    "skill_maths": ("Mathematics", "number theory, arithmetic, geometry", _maths),
}
