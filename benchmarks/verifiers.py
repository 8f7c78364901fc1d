"""Sandboxes per second beside plain processes; published solutions, broken ones, real answers."""

import ast
import gzip
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.curation.records import Kind, Record
from app.curation.verifiers.arithmetic import Arithmetic
from app.curation.verifiers.base import Tools, Verdict, Verifier
from app.curation.verifiers.code_tests import CodeTests
from app.curation.verifiers.math_answer import MathAnswer
from app.sandbox.boxes import Box
from app.sandbox.strength import BACKENDS, box, problem_of
from benchmarks.results import Place, Result

DATA = Path("../shared/data")
_SOURCE = "print(sum(range(1000)))"
_AT_ONCE, _PROGRAMS, _TIMES = 2, 60, 3
_WRONG = """

def _wrong(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list | tuple):
        return value + type(value)([0])
    return 0


_right = {name}


def {name}(*args, **named):
    return _wrong(_right(*args, **named))
"""


def measure(place: Place) -> Iterator[Result]:
    """Sandboxes, then HumanEval and MBPP through them, then the answers of GSM8K."""
    yield from _sandboxes()
    yield from _code(place)
    yield from _answers(place)
    yield from _by_algebra(place)


def _sandboxes() -> Iterator[Result]:
    yield Result(
        "short Python programs, two at once: as plain processes",
        _rate(lambda: subprocess.run([sys.executable, "-sS", "-c", _SOURCE], check=True)),
    )
    for backend in BACKENDS:
        what = f"the same, each isolated by {backend.NAME}"
        if problem := problem_of(backend):
            yield Result(what, f"does not work here: {problem}")
            continue
        one = Box(backend)
        found = _rates(lambda one=one: one.run(_SOURCE))  # type: ignore[misc]
        rate = statistics.median(found)
        yield Result(what, f"{rate:.0f}/s", "20/s", met=rate >= 20)


def _rates(action: Callable[[], object]) -> list[float]:
    """Programs per second, several times."""
    found = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(lambda _: action(), range(_PROGRAMS)))
        found.append(_PROGRAMS / (time.perf_counter() - began))
    return found


def _rate(action: Callable[[], object]) -> str:
    return f"{statistics.median(_rates(action)):.0f}/s"


def _code(place: Place) -> Iterator[Result]:
    items = human_eval(place.data)
    for what, records, wanted in (
        ("HumanEval: published solutions that pass", items, True),
        ("HumanEval: broken solutions that fail", [broken(one) for one in items], False),
        ("MBPP: published solutions that pass", mbpp(place.data), True),
    ):
        found, seconds = verified(CodeTests(), records)
        right = sum(one.passed is wanted for one in found)
        yield Result(
            what,
            f"{right} of {len(records)}, {len(records) / seconds:.0f}/s (two sandboxes each)",
            f"{len(records)} of {len(records)}",
            met=right == len(records),
        )


def _answers(place: Place) -> Iterator[Result]:
    with gzip.open(place.data / "gsm8k" / "train.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    records = [
        Record(
            Kind.INSTRUCTION,
            {"instruction": one["question"], "input": "", "output": one["answer"]},
            metadata={"answer": one["answer"].split("####")[1]},
        )
        for one in rows
    ]
    for verifier in (MathAnswer(), Arithmetic()):
        began = time.perf_counter()
        found = [verifier.verify(one, Tools()) for one in records]
        seconds = time.perf_counter() - began
        passed = sum(one.passed is True for one in found)
        refuted = sum(one.passed is False for one in found)
        yield Result(
            f"{len(found):,} training answers of GSM8K by {verifier.key}, one core",
            f"{seconds:.1f} s: {passed:,} verified, {refuted:,} refuted",
            "10 s",
            met=seconds < 10,
        )


def _by_algebra(place: Place) -> Iterator[Result]:
    """Formulas against each other: nearly all differ, and have to be worked out to tell."""
    path = place.data / "math_test" / "math_test.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()[: max(place.part(1000), 50)]
    answers = [json.loads(line)["answer"] for line in lines]
    began = time.perf_counter()
    found = [
        MathAnswer().verify(
            Record(
                Kind.INSTRUCTION,
                {"instruction": "", "input": "", "output": f"It is $\\boxed{{{one}}}$."},
                metadata={"answer": other},
            ),
            Tools(),
        )
        for one, other in pairwise(answers)
    ]
    seconds = time.perf_counter() - began
    pairs = zip(found, pairwise(answers), strict=True)
    equal = sum(a.passed is True and one != other for a, (one, other) in pairs)
    yield Result(
        f"MATH: {len(found):,} answers against that of the next problem, one core",
        f"{len(found) / seconds:,.0f}/s; {equal} in other words are equal",
    )


def verified(verifier: Verifier, records: Sequence[Record]) -> tuple[list[Verdict], float]:
    """Verdicts, two at once, and the seconds they took."""
    tools = Tools(sandbox=box())
    began = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = list(threads.map(lambda one: verifier.verify(one, tools), records))
    return found, time.perf_counter() - began


def human_eval(data: Path = DATA) -> list[Record]:
    """HumanEval with its canonical solutions."""
    with gzip.open(data / "code_benchmarks" / "HumanEval.jsonl.gz", "rt") as file:
        return [_exercise(json.loads(line)) for line in file]


def _exercise(row: dict[str, Any]) -> Record:
    body = {
        "signature": row["prompt"],
        "docstring": "",
        "solution": row["prompt"] + row["canonical_solution"],
        "tests": row["test"],
    }
    about = {"entry_point": row["entry_point"]}
    return Record(Kind.COMPLETION, body, external_id=row["task_id"], metadata=about)


def mbpp(data: Path = DATA) -> list[Record]:
    """MBPP with its published solutions."""
    path = data / "code_benchmarks" / "mbpp_974.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Record(
            Kind.COMPLETION,
            {"signature": "", "docstring": row["text"], "solution": row["code"], "tests": ""},
            external_id=str(row["task_id"]),
            metadata={"test_list": row["test_list"], "test_setup_code": row["test_setup_code"]},
        )
        for row in rows
    ]


def broken(record: Record) -> Record:
    """The same exercise with every answer of its function changed."""
    name = record.metadata["entry_point"]
    code = record.body["solution"] + _WRONG.format(name=name)
    ast.parse(code)
    return Record(
        record.kind,
        {**record.body, "solution": code},
        external_id=record.external_id,
        metadata=record.metadata,
    )
