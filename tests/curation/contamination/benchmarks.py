"""Items of public benchmarks and rows of instruction sets, as records, from the real data."""

import ast
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from app.curation.records import Kind, Record

HERE = Path(__file__).parent


def instruction(asked: str, answer: str = "", given: str = "") -> Record:
    body = {"instruction": asked, "input": given, "output": answer}
    return Record(Kind.INSTRUCTION, body)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    yield from (orjson.loads(line) for line in raw.splitlines() if line.strip())


def items(folder: Path) -> Mapping[str, Sequence[Record]]:
    """HumanEval, MBPP, GSM8K and MMLU."""
    code = folder / "code_benchmarks"
    return {
        "human_eval": [
            Record(
                Kind.COMPLETION,
                {
                    "signature": one["prompt"],
                    "docstring": "",
                    "solution": one["canonical_solution"],
                    "tests": one["test"],
                },
            )
            for one in _lines(code / "HumanEval.jsonl.gz")
        ],
        "mbpp": [instruction(one["text"], one["code"]) for one in _lines(code / "mbpp_974.jsonl")],
        "gsm8k": [
            instruction(one["question"], one["answer"])
            for one in _lines(folder / "gsm8k" / "test.jsonl")
        ],
        "mmlu": [_choices(one) for one in _lines(folder / "mmlu" / "mmlu_test.jsonl.gz")],
    }


def _choices(one: Mapping[str, Any]) -> Record:
    options = "\n".join(
        f"{letter}. {text}" for letter, text in zip("ABCD", one["choices"], strict=True)
    )
    return instruction(f"{one['question']}\n{options}", one["answer"])


def rephrased() -> list[tuple[str, int, str]]:
    """Items in other words, written for these tests: benchmark, place, text."""
    return [
        (name, at, text) for name, at, text in json.loads((HERE / "rephrased.json").read_text())
    ]


def renamed(source: str) -> str:
    """A program with other names for all that it names itself."""
    tree = ast.parse(source)
    names = sorted(
        {one.id for one in ast.walk(tree) if _stored(one)}  # type: ignore[attr-defined]
        | {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)}
        | {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    )
    return ast.unparse(_Names({name: f"var_{at}" for at, name in enumerate(names)}).visit(tree))


def _stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


class _Names(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self._names.get(node.name, node.name)
        self.generic_visit(node)
        return node
