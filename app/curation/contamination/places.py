"""Where the code that was compared stands in the text of a sample."""

import ast
from collections.abc import Iterator, Sequence

from app.curation.contamination.base import Spans
from app.curation.text.functions import Function

Lines = tuple[int, int]  # the first and the last, counted from 1


def spans(full: str, source: str, statements: Sequence[ast.stmt]) -> Spans:
    """The statements in the whole text, function by function; none that are not word for word.

    Programs are put together of several parts of a sample, and indented anew: then only what
    stands on lines as they are is found.
    """
    lines, found = source.split("\n"), []
    at = max(full.find(source), 0)
    for first, last in (one for each in statements for one in _lines(each)):
        text = "\n".join(lines[first - 1 : last]).strip()
        start = full.find(text, at)
        if start >= 0 and text:
            at = start + len(text)
            found.append((start, at))
    return tuple(found)


def _lines(statement: ast.stmt) -> Iterator[Lines]:
    """The lines of a statement; of a function its head and its body, without a docstring."""
    last = statement.end_lineno or statement.lineno
    if not isinstance(statement, Function):
        yield statement.lineno, last
        return
    head = _head(statement)
    body = getattr(statement.body[0], "lineno", last + 1)
    if body <= head + 1:
        yield statement.lineno, last
        return
    yield statement.lineno, head
    if body <= last:
        yield body, last


def _head(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The last line of its parameters."""
    parts = [function.args, *([function.returns] if function.returns else [])]
    inner = (one for part in parts for one in ast.walk(part))
    ends = (one.end_lineno or 0 for one in inner if isinstance(one, ast.arg | ast.expr))
    return max([function.lineno, *ends])
