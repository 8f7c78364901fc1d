"""Code against its tests, in the sandbox."""

import ast
from typing import Any, ClassVar

from pydantic import Field

from app.curation.ports import Trial
from app.curation.records import Kind, Record
from app.curation.text.code import code_of, parse
from app.curation.verifiers.base import (
    FieldName,
    Needs,
    Tools,
    Verdict,
    Verifier,
    field_of,
    lacks,
    text_of,
)

_TESTS = ("body.tests", "metadata.test", "metadata.tests", "metadata.test_list")


class CodeTests(Verifier):
    """Does the program pass its tests?

    Takes plain asserts (MBPP), `check(candidate)` (HumanEval), unittest cases and test functions.
    The program runs in one sandbox, the tests in another: between them go plain values alone, so
    a program that prints, exits, patches or lies is not believed. What the tests use of the
    program besides the function they test (helpers of the program's own) is the program's word,
    unless the exercise gives it in its signature. Tests can't see the program's source, and don't
    find calls of `input`. A library that the sandbox does not have makes no verdict.
    """

    key: ClassVar = "code_tests"
    title: ClassVar = "Code passes its tests"
    needs: ClassVar[Needs] = "sandbox"

    answer: FieldName = Field(
        "", description="Field with the program; empty: the solution, or the code of the response."
    )
    tests: FieldName = Field(
        "", description="Field with the tests; empty: body.tests, metadata.test, .tests, .test_list"
    )
    entry_point: FieldName = Field(
        "metadata.entry_point", description="Field with the name of the function to test, if any"
    )
    seconds: int = Field(5, ge=1, le=120, description="Seconds of processor time for one program")
    memory_mb: int = Field(512, ge=64, le=8192, description="Memory in MiB for one program")
    numpy: bool = Field(False, description="Programs may import NumPy")

    def verify(self, record: Record, tools: Tools) -> Verdict:
        program, tests = self._program(record), self._tests(record)
        if not program:
            return lacks("program", self.answer or "body.solution and the code of the response")
        if not tests:
            return lacks("test", *([self.tests] if self.tests else _TESTS))
        if tools.sandbox is None:
            return Verdict(None, "There is no sandbox to run it in.")
        found = tools.sandbox.check(
            Trial(
                program=program,
                tests=tests,
                entry_point=text_of(record, self.entry_point) or _last_function(program),
                helpers=_given(record),
                seconds=self.seconds,
                memory_mb=self.memory_mb,
                libraries=("numpy",) if self.numpy else (),
            )
        )
        if found.passed:
            return Verdict(True, f"All tests passed; they called the program {found.calls} times.")
        return Verdict(found.passed, found.reason)

    def _program(self, record: Record) -> str:
        if self.answer:
            answer = text_of(record, self.answer)
            found = code_of(record, answer) if record.kind is not Kind.COMPLETION else None
            return found.text if found else answer
        found = code_of(record, text_of(record, "response"))
        return found.text if found else ""

    def _tests(self, record: Record) -> str:
        """The tests, behind what MBPP sets up for them."""
        found = text_of(record, self.tests, *_TESTS)
        set_up = field_of(record, "", "metadata.test_setup_code", "metadata.test_imports")
        if found and set_up:
            first = "\n".join(set_up) if isinstance(set_up, list) else str(set_up)
            return f"{first}\n{found}"
        return found


def _given(record: Record) -> str:
    """What stands in the signature before the solution begins: helpers and imports."""
    given: Any = record.body.get("signature") if record.kind is Kind.COMPLETION else None
    return str(given or "")


def _last_function(program: str) -> str:
    """The name of the function that a program ends with: the one that exercises ask for."""
    tree = parse(program)
    names = [
        one.name
        for one in (tree.body if tree else ())
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return names[-1] if names else ""
