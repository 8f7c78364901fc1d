"""Programs that do the same in other words: the syntax tree with renamed identifiers."""

import ast
import builtins
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import Field

from app.curation.matchers.minhash import MinHash
from app.curation.signals.batch import Batch
from app.curation.text.code import Code as Program
from app.curation.text.code import code_of, parse
from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes
from app.curation.text.shingles import Words, grams

_BUILT_IN = frozenset(dir(builtins))
_SURE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Code(MinHash):
    """Python programs of the same shape, whatever their names, comments and layout.

    The syntax tree is read in order; names that the program gives itself all count as one, names of
    others (imports, methods, built-in functions) stay, docstrings go. Runs of nodes are compared
    as MinHash compares runs of words. What is no Python 3 is not
    compared. Exercises of one kind share much: 0.8 and more are mostly copies.
    """

    key: ClassVar = "code"
    title: ClassVar = "Code"

    nodes: int = Field(5, ge=1, le=50, description="Nodes of the tree per run.")
    literals: bool = Field(True, description="Numbers and texts in the code count.")

    def signed_by(self) -> dict[str, object]:
        return super().signed_by() | {"nodes": self.nodes, "literals": self.literals}

    def grams(self, batch: Batch) -> tuple[Hashes, Ints]:
        rows = [
            self._tokens(code_of(record, text), text)
            for record, text in zip(batch, batch.texts, strict=True)
        ]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        hashes = np.array([one for row in rows for one in row], np.uint64)
        empty = np.empty(0, np.int64)
        return grams(Words(empty, empty, hashes, offsets), self.nodes)

    def _tokens(self, code: Program | None, text: str) -> list[int]:
        """Hashes of the nodes; none for what is no program, though prose of one word parses."""
        known = code is not None and code.python
        tree = parse(code.text if known and code is not None else text)
        if tree is None or not (known or any(isinstance(one, _SURE) for one in tree.body)):
            return []
        return [_hashed(token) for token in self._walk(tree)]

    def _walk(self, node: ast.AST) -> Iterator[str]:
        """Nodes in the order of the text, deep ones without recursion of Python."""
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if not isinstance(one, ast.expr_context):
                yield self._token(one)
            children = list(ast.iter_child_nodes(one))
            if isinstance(one, _DOCUMENTED) and ast.get_docstring(one, clean=False) is not None:
                children.remove(one.body[0])
            waiting += reversed(children)

    def _token(self, node: ast.AST) -> str:
        kind = type(node).__name__
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                return name if name in _BUILT_IN else "name"
            case ast.Attribute(attr=name) | ast.alias(name=name):
                return f"{kind}.{name}"
            case ast.Constant(value=value) if self.literals:
                return f"{kind} {value!r}"
            case _:
                return kind


@lru_cache(maxsize=100_000)
def _hashed(token: str) -> int:
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
