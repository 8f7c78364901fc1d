"""From a program to its instruction and back: instruction reversal, as Phi-4's makers did it."""

import ast
import re
from typing import ClassVar

from pydantic import Field

from app.curation.contamination.trees import program_similarity
from app.curation.contamination.views import program
from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.text.code import FENCED, parse

_TELL = Prompt(
    name="tell",
    title="Tell what the program was asked to do",
    system=(
        "You read programs and write the request that each was written for. The request names "
        "every function, its arguments and results, and all behaviour that a test could see; it "
        "shows no line of the program."
    ),
    user="The program:\n{{program}}\n\nAnswer with the request alone.",
    needs=("program",),
    data=("program",),
)
_WRITE = Prompt(
    name="write",
    title="Write the program from the request",
    system="You write Python. Answer with one program in one fenced block, without explanation.",
    user="{{request}}",
    needs=("request",),
    data=("request",),
    judges=True,
)
_SMALLEST = 8  # words of a request


class Reversal(Asking):
    """The request for a program that there is, kept where it brings a like program back.

    A request from which the model writes a program whose syntax tree is near enough to the
    original's says what the program does (Phi-4: fidelity of the regenerated code). The answer is
    the original program. A model that reads what it wrote itself understands it too easily: let
    another one judge.
    """

    key: ClassVar = "reversal"
    title: ClassVar = "Requests for programs (reversal)"
    kinds: ClassVar = frozenset({Kind.TEXT, Kind.COMPLETION, Kind.INSTRUCTION, Kind.CHAT})
    near_copy: ClassVar = True
    prompts: ClassVar = (_TELL, _WRITE)

    alike: float = Field(
        0.6, gt=0, le=1, description="Least likeness of the syntax trees, names left out"
    )
    fewest: int = Field(20, ge=5, le=500, description="Programs of fewer nodes say too little")

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        tree = program(seed)
        gates = [self._large(tree)]
        shown, request = ast.unparse(tree) if tree is not None else "", ""
        if tree is not None and gates[0].passed:
            request = await talk.text("tell", {"program": shown})
            talk.must_be_in_language(request)
            gates += _of_request(request, shown)
            if all(one.passed for one in gates):
                gates.append(await self._back(tree, request, talk))
        return [settled(_draft(seed, request, shown), gates)]

    def _large(self, tree: ast.Module | None) -> Gate:
        nodes = sum(1 for _ in ast.walk(tree)) if tree is not None else 0
        told = f"Its program has {nodes} nodes, {self.fewest} are the least."
        return Gate("a program", nodes >= self.fewest, told if nodes else "It holds no Python.")

    async def _back(self, tree: ast.Module, request: str, talk: Talk) -> Gate:
        written = _program_in(await talk.text("write", {"request": request}, cold=True))
        if written is None:
            return Gate("brings it back", False, "What is written from it is no Python.")
        alike = program_similarity(tree, written)
        reason = f"The program written from it is alike to {alike:.2f}, {self.alike:g} is least."
        return Gate("brings it back", alike >= self.alike, reason)


def _of_request(request: str, shown: str) -> list[Gate]:
    words = len(request.split())
    lines = {one.strip() for one in shown.splitlines() if len(one.strip()) > 20}
    copied = next((one for one in lines if one in request), "")
    return [
        Gate("length", words >= _SMALLEST, f"It has {words} words, {_SMALLEST} are the least."),
        Gate(
            "shows no code",
            not copied,
            f"It shows the line `{copied[:80]}`." if copied else "It shows no line of it.",
        ),
    ]


def _program_in(text: str) -> ast.Module | None:
    blocks = [code for _, code in FENCED.findall(text)] or [text]
    tree = parse(re.sub(r"^\s*python\n", "", "\n".join(blocks)))
    return tree if tree is not None and tree.body else None


def _draft(seed: Record, request: str, shown: str) -> Draft:
    return Draft(
        Kind.INSTRUCTION,
        {"instruction": request, "input": "", "output": f"```python\n{shown}\n```"},
        (seed.id,),
        "written for it",
        seed.language,
        "code",
    )
