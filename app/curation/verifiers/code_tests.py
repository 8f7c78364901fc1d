"""Code against its tests, in the sandbox."""

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, field_validator

from app.curation.ports import Trial
from app.curation.records import Kind, Record
from app.curation.text.code import FENCED, code_of, parse
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

# What comes with each of them, too.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "scipy": ("scipy", "numpy"),
    "sympy": ("sympy", "mpmath"),
    "networkx": ("networkx",),
}
_PYTHON = frozenset({"", "py", "python", "python3"})
_BEGINS = re.compile(r"^(?:async def|def|class)\b", re.MULTILINE)
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
    libraries: str = Field(
        "numpy",
        max_length=200,
        description="Installed packages that programs may import, parted by commas: "
        + ", ".join(LIBRARIES),
    )

    @field_validator("libraries")
    @classmethod
    def _known(cls, given: str) -> str:
        for name in _names(given):
            if name not in LIBRARIES:
                raise ValueError(f"{name} is none of {', '.join(LIBRARIES)}")
        return given

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
                libraries=tuple(
                    dict.fromkeys(one for name in _names(self.libraries) for one in LIBRARIES[name])
                ),
            )
        )
        if found.passed:
            return Verdict(True, f"All tests passed; they called the program {found.calls} times.")
        return Verdict(found.passed, found.reason)

    def _program(self, record: Record) -> str:
        """The program, behind what the exercise gives where it is whole without its signature."""
        if self.answer or record.kind is not Kind.COMPLETION:
            answer = text_of(record, self.answer or "response")
            return self._of_answer(record, answer)
        found = code_of(record, "")
        program, prelude = found.text if found else "", _prelude(_given(record))
        return program if not prelude or prelude in program else f"{prelude}\n{program}"

    def _of_answer(self, record: Record, answer: str) -> str:
        """The code within an answer; where its blocks are no program together, the one that is."""
        blocks = [code for name, code in FENCED.findall(answer) if name.lower() in _PYTHON]
        together = "\n".join(blocks)
        if blocks and parse(together) is None:
            named = f"def {text_of(record, self.entry_point)}"
            whole = [one for one in blocks if parse(one) is not None]
            best: str = max(whole or blocks, key=lambda one: (named in one, len(one)))
            return best
        if blocks:
            return together
        found = code_of(replace(record, kind=Kind.TEXT), answer)
        return found.text if found else answer if self.answer else ""

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


def _prelude(signature: str) -> str:
    """Imports and helpers of a signature: what stands before the function to write."""
    begins = [found.start() for found in _BEGINS.finditer(signature)]
    prelude = signature[: begins[-1]].strip() if begins else ""
    return prelude if parse(prelude) is not None else ""


def _names(given: str) -> list[str]:
    return [one.strip() for one in given.split(",") if one.strip()]


def _last_function(program: str) -> str:
    """The name of the function that a program ends with: the one that exercises ask for."""
    tree = parse(program)
    names = [
        one.name
        for one in (tree.body if tree else ())
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return names[-1] if names else ""
