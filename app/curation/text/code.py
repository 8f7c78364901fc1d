"""The code within a sample, and what Python's own parser says of it."""

import ast
import re
import textwrap
import threading
import warnings
from dataclasses import dataclass

from app.curation.records import Kind, Record

FENCED = re.compile(
    r"^[ \t]*```[ \t]*([\w+#-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL
)
_PYTHON_FENCES = frozenset({"", "py", "python", "python3"})
_PYTHON_LINE = re.compile(
    r"\s*(?:def \w+\s*\(|class \w+|import \w|from [\w.]+ import |return\b|@\w|#|[)\]}]+,?:?$"
    r"|(?:if|for|while|with|elif|else|try|except|finally)\b.*:\s*(?:#.*)?$"
    r"|[\w.\[\]\"', ]+\s*[-+*/|&]?=\s*\S|[\w.]+\(.*\)\s*$|raise |assert |pass$|yield |\"\"\")"
)
# Begins with a line feed, which is found much faster than the places where a line begins.
_PYTHON_SURE = re.compile(
    r"\n[ \t]*(?:def \w+\s*\(.*|class \w+.*:|import \w[\w., ]*$|from [\w.]+ import )", re.MULTILINE
)
# Enough to judge by; the second keeps the pattern fast on lines of a megabyte.
_MAX_LINES = 200
_MAX_LINE = 300
# Two threads that build trees at once confuse CPython 3.11's count of how deep it is: SystemError.
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True, slots=True)
class Code:
    """Program text; `python` tells whether it is meant to be Python."""

    text: str
    python: bool


def code_of(record: Record, text: str) -> Code | None:
    """The code of a sample: a completion, fenced blocks, or all of it; None for prose."""
    if record.kind is Kind.COMPLETION:
        return Code(_completion(record), python=True)
    if "```" in text and (blocks := FENCED.findall(text)):
        python = all(name.lower() in _PYTHON_FENCES for name, _ in blocks)
        return Code("\n".join(block for _, block in blocks), python)
    if looks_like_python(text):
        return Code(text, python=True)
    return Code(text, python=False) if record.domain == "code" and text else None


def looks_like_python(text: str) -> bool:
    """Whether most lines have the shape of Python, and one of them is surely none of prose."""
    if not _PYTHON_SURE.search("\n" + text):
        return False
    lines = [line for line in text.split("\n")[:_MAX_LINES] if line.strip()]
    return 2 * sum(_PYTHON_LINE.match(line[:_MAX_LINE]) is not None for line in lines) > len(lines)


def parse(code: str) -> ast.Module | None:
    """The syntax tree, or None for what is no Python 3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _ONE_AT_A_TIME:
                return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _completion(record: Record) -> str:
    """Signature, docstring and solution put together in the first way that parses."""
    parts = {name: record.body.get(name) or "" for name in ("signature", "docstring", "solution")}
    solution = parts["solution"]
    body = textwrap.indent(textwrap.dedent(solution), "    ")
    doc = textwrap.indent(f'"""{parts["docstring"]}"""\n', "    ") if parts["docstring"] else ""
    options = (solution, parts["signature"] + solution, f"{parts['signature']}\n{doc}{body}")
    return next((option for option in options if _is_whole(option)), solution)


def _is_whole(code: str) -> bool:
    """Whether it parses and is no body that only its function makes whole: `return a + b`."""
    tree = parse(code)
    if tree is None:
        return False
    try:
        compile(tree, "<sample>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return bool(tree.body)
