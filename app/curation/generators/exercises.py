"""Exercises in Python with tests that their solutions pass in the sandbox."""

import ast
import asyncio
import itertools
import random
import sys
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Needs, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.generators.textbook import listed
from app.curation.records import Kind, Record
from app.curation.text.code import parse
from app.curation.verifiers.code_tests import CodeTests

_EXERCISE = Prompt(
    name="exercise",
    title="Exercise",
    system=(
        "You write exercises for people who learn Python. The signature and the docstring say all "
        "that the function must do. Only the standard library is used. The tests are assert "
        "statements that call the function, with edge cases among them."
    ),
    user=(
        "Skill: {{skill}}\nDifficulty: {{difficulty}}\nThe function is named {{name}}.\n\n"
        "Answer with one JSON object: signature (one line that begins with def and ends with a "
        "colon), docstring (its text, with one example), solution (the indented body), tests "
        "(assert statements, a line each)."
    ),
    needs=("skill", "name"),
    may=("difficulty",),
)
_FIELDS = {"signature": "string", "docstring": "string", "solution": "string", "tests": "string"}
_VERBS = ("count", "find", "merge", "split", "rotate", "group", "check", "rank", "fold", "trace")
_THINGS = ("words", "pairs", "digits", "intervals", "rows", "letters", "steps", "values", "paths")


class Exercises(Asking):
    """Functions to complete: signature, docstring, solution and tests, run in the sandbox.

    The name of the function is given, so that exercises differ (CodeExercises of phi-1). An
    exercise passes if it parses, defines the function with a docstring, has a solution of two
    statements or more, imports the standard library alone, and its solution passes its tests.
    """

    key: ClassVar = "exercises"
    title: ClassVar = "Code exercises"
    needs: ClassVar[Needs] = "sandbox"
    per_seed: ClassVar = False
    prompts: ClassVar = (_EXERCISE,)

    skills: str = Field(
        "strings, lists, dictionaries, recursion, sorting, dynamic programming",
        max_length=8000,
        description="Skills, parted by commas",
    )
    difficulties: str = Field("easy, medium", max_length=500, description="Difficulties")
    exercises: int = Field(100, ge=1, le=100_000, description="How many to ask for")
    statements: int = Field(2, ge=1, le=50, description="Statements of a solution at least")
    seconds: int = Field(5, ge=1, le=60, description="Time limit of the tests in seconds")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed draws other names")

    def count(self, seeds: int) -> int:  # noqa: ARG002
        return self.exercises

    def tasks(self, seeds: Iterator[Record], first: int = 0) -> Iterator[Task]:  # noqa: ARG002
        cells = list(
            itertools.product(listed(self.skills) or ["strings"], listed(self.difficulties) or [""])
        )
        for number in range(first, self.exercises):
            rng = random.Random(self.seed * 1_000_003 + number)
            skill, difficulty = cells[number % len(cells)]
            name = f"{rng.choice(_VERBS)}_{rng.choice(_THINGS)}_{rng.randrange(100)}"
            yield Task(number, values={"skill": skill, "difficulty": difficulty, "name": name})

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.COMPLETION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        found = await talk.fields("exercise", task.values, _FIELDS)
        body = {name: str(found[name]) for name in _FIELDS}
        told = {"skill": task.values["skill"], "difficulty": task.values["difficulty"]}
        draft = Draft(Kind.COMPLETION, body, domain="code", metadata=told)
        gates = self._shape(body, task.values["name"])
        if all(one.passed for one in gates):
            gates.append(await self._tested(body, talk))
        return [settled(draft, gates)]

    def _shape(self, body: dict[str, str], name: str) -> list[Gate]:
        whole = f"{body['signature']}\n{_indented(body['solution'])}"
        tree = parse(whole)
        if tree is None:
            return [Gate("parses", False, "Signature and solution are no Python together.")]
        functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
        named = any(one.name == name for one in functions)
        length = sum(isinstance(one, ast.stmt) for one in ast.walk(tree)) - len(functions)
        foreign = sorted(_imported(tree) - sys.stdlib_module_names)
        return [
            Gate("parses", True, "Signature and solution parse."),
            Gate("function name", named, f"It defines {name}." if named else f"No {name} in it."),
            Gate(
                "not trivial",
                length >= self.statements,
                f"Its solution has {length} statements, {self.statements} are the least.",
            ),
            Gate(
                "standard library",
                not foreign,
                f"It imports {', '.join(foreign)}." if foreign else "It imports nothing foreign.",
            ),
            Gate("has tests", "assert" in body["tests"], "Its tests hold an assert statement."),
        ]

    async def _tested(self, body: dict[str, str], talk: Talk) -> Gate:
        """In a thread: the other questions go on while programs run."""
        verifier = CodeTests(seconds=self.seconds)
        record = Record(Kind.COMPLETION, body)
        verdict = await asyncio.to_thread(verifier.verify, record, talk.tools)
        return Gate("tests pass", verdict.passed is True, verdict.reason)


def _indented(solution: str) -> str:
    lines = solution.strip("\n").split("\n")
    if lines and lines[0][:1] not in (" ", "\t"):
        return "\n".join(f"    {line}" if line.strip() else line for line in lines)
    return "\n".join(lines)


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for one in ast.walk(tree):
        if isinstance(one, ast.Import):
            found |= {name.name.partition(".")[0] for name in one.names}
        elif isinstance(one, ast.ImportFrom):
            found.add((one.module or "").partition(".")[0])
    return found
