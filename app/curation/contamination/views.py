"""What of a sample or an item is compared by meaning: the question in prose, the program."""

import ast
import re
from collections.abc import Mapping
from enum import StrEnum

from app.curation.records import Kind, Record
from app.curation.text.code import code_of, parse
from app.curation.text.functions import Function
from app.curation.text.parts import full_text, prompt_text, response_text

_DOCSTRING = re.compile(r"(\"\"\"|''')(.*?)\1", re.DOTALL)
_EXAMPLES = re.compile(r">>>|\n\s*(?:for )?examples?\b|\bfor example", re.IGNORECASE)
_TASK = re.compile(
    r"\s*(?:please )?(?:write|create|implement) an? (?:python )?(?:function|program) "
    r"(?:that|to|which) ",
    re.IGNORECASE,
)
# Blocks that begin at the left edge as Python does; what is indented or empty goes on with them.
_BLOCKS = re.compile(
    r"^(?:(?:from|import|def|class|async def) |@)[^\n]*\n?(?:(?:[ \t]+[^\n]*|)\n|[ \t]+[^\n]+\Z)*",
    re.MULTILINE,
)
_FIRST = re.compile(r"^(?:(?:from|import|def|class|async def) |@)", re.MULTILINE)
_LONGEST = 2000  # characters of a question: what comes behind seldom asks
_LONGEST_PROGRAM = 20_000
_LEAST_PROGRAM = 40


class View(StrEnum):
    """A part that is compared with the same part of others."""

    QUESTION = "question"
    PROGRAM = "program"


def views(record: Record) -> Mapping[View, str]:
    """The views that a sample has."""
    found = {View.QUESTION: question(record)}
    tree = program(record)
    if tree is not None and len(shown := ast.unparse(tree)) >= _LEAST_PROGRAM:
        found[View.PROGRAM] = shown
    return found


def question(record: Record) -> str:
    """What is asked, without signatures, examples and the words that open every such task."""
    text = prompt_text(record.kind, record.body) or full_text(record.kind, record.body)
    if "def " in text and (found := _DOCSTRING.search(text, text.rfind("def "))):
        text = found.group(2)
    head = _EXAMPLES.split(text, maxsplit=1)[0].strip()
    return _TASK.sub("", head or text, count=1).strip()[:_LONGEST]


def program(record: Record) -> ast.Module | None:
    """The Python of a sample as a tree without docstrings; None where there is none."""
    found = sourced(record)
    return found[0] if found is not None else None


def sourced(record: Record) -> tuple[ast.Module, str] | None:
    """The same with the text that it was read from."""
    found = _parsed(record)
    if found is None:
        return None
    tree, source = found
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            rest = node.body[1:]
            node.body = rest or [ast.Pass()]
    return tree, source


def _parsed(record: Record) -> tuple[ast.Module, str] | None:
    for text in _places(record):
        if "def " not in text and "import " not in text and "```" not in text:
            continue
        code = code_of(record, text)
        options = [code.text] if code is not None and code.python else []
        first = _FIRST.search(text)
        options += [text[first.start() :], "".join(_BLOCKS.findall(text))] if first else []
        for option in options:
            source = option[:_LONGEST_PROGRAM]
            tree = parse(source)
            if tree is not None and tree.body:
                return tree, source
    return None


def _places(record: Record) -> list[str]:
    whole = full_text(record.kind, record.body)
    if record.kind is Kind.COMPLETION:
        return [whole]
    return [response_text(record.kind, record.body).replace("\r\n", "\n"), whole]
