"""Which program and tests are taken of a sample; code beside its explanation."""

import pytest

from app.curation.ports import Finding
from app.curation.records import Kind, Record
from app.curation.verifiers.base import Tools
from app.curation.verifiers.code_structure import CodeStructure
from app.curation.verifiers.code_tests import CodeTests
from tests.curation.verifiers.records import Recorder, answered, verdict

BODY = {
    "signature": "def add(a, b):\n",
    "docstring": "Add.",
    "solution": "return a + b",
    "tests": "assert add(1, 2) == 3",
}
EXPLAINED = (
    "To add two numbers we define a function which takes both of them and returns their sum, as "
    "the operator for addition does.\n```python\ndef add(a, b):\n    total = a + b\n"
    "    return total\n```\n"
)


def test_a_completion_is_put_together_and_its_entry_point_found() -> None:
    sandbox = Recorder(Finding(True, calls=3))

    found = CodeTests(numpy=True).verify(Record(Kind.COMPLETION, BODY), Tools(sandbox=sandbox))

    (trial,) = sandbox.trials
    assert found.passed is True
    assert "3 times" in found.reason
    assert trial.program == 'def add(a, b):\n\n    """Add."""\n    return a + b'
    assert (trial.entry_point, trial.helpers) == ("add", "def add(a, b):\n")
    assert trial.libraries == ("numpy",)


def test_code_of_an_answer_and_lists_of_tests_are_taken_as_mbpp_has_them() -> None:
    sandbox = Recorder(Finding(False, "Line 1"))
    record = answered(
        "Here:\n```python\nclass Stack:\n    pass\n```",
        test_list=["assert 1", "assert 2"],
        test_setup_code="import math",
        entry_point="Stack",
    )

    found = CodeTests(seconds=2, memory_mb=128).verify(record, Tools(sandbox=sandbox))

    (trial,) = sandbox.trials
    assert (found.passed, found.reason) == (False, "Line 1")
    assert trial.program == "class Stack:\n    pass\n"
    assert trial.tests == "import math\nassert 1\nassert 2"
    assert (trial.entry_point, trial.seconds, trial.memory_mb) == ("Stack", 2, 128)
    assert trial.libraries == ()


@pytest.mark.parametrize(
    ("code", "program"),
    [("x = 1", "x = 1"), ("```\nx = 2\n```", "x = 2\n")],
)
def test_a_field_holds_the_program_itself_or_a_fence_around_it(code: str, program: str) -> None:
    sandbox = Recorder(Finding(None, "no"))
    record = answered("words", code=code, tests="assert x", test_imports=["import os", "import re"])

    CodeTests(answer="metadata.code").verify(record, Tools(sandbox=sandbox))

    assert sandbox.trials[0].program == program
    assert sandbox.trials[0].tests == "import os\nimport re\nassert x"
    assert sandbox.trials[0].entry_point == ""


def test_without_program_tests_or_sandbox_there_is_no_verdict() -> None:
    verifier = CodeTests(tests="metadata.mine")
    fenced = "```\nx = 1\n```"

    assert "no program" in verdict(verifier, "Just words.").reason
    assert "metadata.mine" in verdict(verifier, fenced).reason
    assert "no sandbox" in verdict(verifier, fenced, mine="assert x").reason


def test_code_with_its_explanation_is_verified() -> None:
    found = verdict(CodeStructure(), EXPLAINED)

    assert (found.passed, found.reason) == (True, "1 blocks of code, 23 words around them.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def add(a, b): return a + b", "0 blocks of code, 1 are asked"),
        ("```python\nx = 1\n```", "0 words explain the code, 20 are asked for"),
        (EXPLAINED + "```python\nx = 1", "is not closed"),
        (EXPLAINED + "```python\nx = = 1\n```", "Block 2 is no Python that parses"),
        ("", "There is no text"),
    ],
)
def test_what_lacks_a_part_is_refuted(text: str, says: str) -> None:
    found = verdict(CodeStructure(), text)

    assert found.passed in {False, None}
    assert says in found.reason


def test_thin_functions_are_told_and_refuted_where_that_is_asked_for() -> None:
    thin = EXPLAINED + "```py\ndef f(a, b):\n    return a\n```\n```bash\nls = =\n```\n"

    told, refuted = verdict(CodeStructure(), thin), verdict(CodeStructure(substance=True), thin)

    assert told.passed is True
    assert "`f` has a body of one line; `f` does not use `b`" in told.reason
    assert refuted.passed is False


def test_samples_without_fence_or_explanation_are_counted_exactly() -> None:
    texts = [EXPLAINED] * 7 + ["Only words, many of them, " * 5] * 5 + ["```\nx\n```"] * 3

    found = [verdict(CodeStructure(), one).passed for one in texts]

    assert found == [True] * 7 + [False] * 8
