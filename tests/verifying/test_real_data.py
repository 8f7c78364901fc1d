"""Verifiers on real data: published solutions pass, broken ones fail, answers are told apart."""

import ast
import gzip
import json
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.curation.records import Kind, Record
from app.curation.verifiers.base import Tools, Verdict, Verifier
from app.curation.verifiers.choice import Choice
from app.curation.verifiers.code_tests import CodeTests
from app.curation.verifiers.grounded import Grounded
from app.curation.verifiers.math_answer import MathAnswer
from benchmarks.verifiers import broken, human_eval, mbpp, verified

DATA = Path("../shared/data")
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")


def judged(verifier: Verifier, records: Sequence[Record]) -> list[Verdict]:
    return verified(verifier, records)[0]


def rows(path: str) -> Iterator[Any]:
    place = DATA / path
    raw = place.read_bytes()
    text = gzip.decompress(raw) if place.suffix == ".gz" else raw
    yield from map(json.loads, text.decode().splitlines())


def answered(output: str, **metadata: Any) -> Record:
    body = {"instruction": "A task.", "input": "", "output": output}
    return Record(Kind.INSTRUCTION, body, metadata=metadata)


def test_of_40_items_the_20_wrong_ones_are_refuted() -> None:
    """Code, numbers and letters; one of the wrong programs never ends."""
    code = human_eval()[:14]
    wrong_code = [broken(one) for one in code[7:13]]
    endless = dict(code[13].body)
    name = code[13].metadata["entry_point"]
    endless["solution"] += f"\n\ndef {name}(*given):\n    while True:\n        pass\n"
    programs = [
        *code[:7],
        *wrong_code,
        Record(Kind.COMPLETION, endless, metadata=code[13].metadata),
    ]
    numbers = [
        answered(one["answer"] if n % 2 else "So #### -7", answer=one["answer"].split("####")[1])
        for n, one in zip(range(14), rows("gsm8k/test.jsonl"), strict=False)
    ]
    letters = [
        answered(f"The answer is ({'ABCD'[(n + n % 2) % 4]}).", answer="ABCD"[n % 4])
        for n in range(12)
    ]

    began = time.monotonic()
    found = [
        *judged(CodeTests(seconds=1), programs),
        *judged(MathAnswer(), numbers),
        *judged(Choice(), letters),
    ]

    right = [*[True] * 7, *[False] * 7, *[False, True] * 7, *[True, False] * 6]
    assert right.count(False) == 20
    assert [one.passed for one in found] == right
    assert "processor time" in found[13].reason
    assert time.monotonic() - began < 15


def test_published_solutions_pass_and_broken_ones_fail() -> None:
    """Every eighth of HumanEval; the benchmark takes all 164."""
    items = human_eval()[::8]

    assert {one.passed for one in judged(CodeTests(), items)} == {True}
    assert {one.passed for one in judged(CodeTests(), [broken(one) for one in items])} == {False}


def test_solutions_of_mbpp_pass_their_asserts() -> None:
    assert {one.passed for one in judged(CodeTests(), mbpp()[::60])} == {True}


def test_a_broken_solution_is_still_a_program() -> None:
    for one in human_eval()[:20]:
        ast.parse(broken(one).body["solution"])


def test_answers_of_math_equal_themselves_and_rarely_each_other() -> None:
    wanted = [one["answer"] for one in rows("math_test/math_test.jsonl")][:300]
    boxed = [f"Thus we have $\\boxed{{{one}}}$." for one in wanted]

    same = judged_here([answered(a, answer=b) for a, b in zip(boxed, wanted, strict=True)])
    other = judged_here([answered(a, answer=b) for a, b in zip(boxed[1:], wanted, strict=False)])

    assert set(same) == {True}
    equal = [a for a, b, c in zip(wanted[1:], wanted, other, strict=False) if c and a != b]
    assert len(equal) <= 1


def judged_here(records: Sequence[Record]) -> list[bool | None]:
    return [MathAnswer().verify(one, Tools()).passed for one in records]


def test_answers_drawn_from_a_context_stand_in_it_more_often_than_in_another() -> None:
    found = [
        one
        for one in rows("dolly_part/dolly_with_context.jsonl")
        if one.get("context") and one["category"] == "information_extraction"
    ][:60]
    own = [answered(one["response"], context=one["context"]) for one in found]
    other = [answered(a["response"], context=b["context"]) for a, b in pairwise(found)]

    stands = sum(Grounded().verify(one, Tools()).passed is True for one in own)
    elsewhere = sum(Grounded().verify(one, Tools()).passed is True for one in other)

    assert stands > 0.5 * len(own)
    assert elsewhere < 0.1 * len(other)
