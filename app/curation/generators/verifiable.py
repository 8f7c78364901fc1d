"""Hard or open problems rewritten so that one short answer can be checked."""

import re
from collections import Counter
from typing import ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind
from app.curation.text.numbers import number
from app.curation.text.parts import prompt_text, response_text
from app.curation.text.stems import stems
from app.curation.verifiers.math_answer import final_answer

_REWRITE = Prompt(
    name="rewrite",
    title="Rewrite into a problem with one number",
    system=(
        "You turn open problems into problems whose answer is one number, so that answers can be "
        "checked by a program. The number must follow from the problem alone; no question that is "
        "answered by yes or no; the answer must not stand in the problem."
    ),
    user=(
        "The problem:\n{{problem}}\n\nIts solution:\n{{solution}}\n\nWrite a new problem of the "
        "same matter with concrete numbers and a single number as its answer. Answer with one "
        "JSON object: problem, answer (the number alone), why_equivalent (one sentence)."
    ),
    needs=("problem",),
    may=("solution",),
    data=("problem", "solution"),
)
_SOLVE = Prompt(
    name="solve",
    title="Solve, to check the answer",
    system="You solve problems step by step and end with the result alone behind ####.",
    user="{{problem}}\n\nSolve it (attempt {{attempt}}). End with a line: #### result",
    needs=("problem",),
    may=("attempt",),
    data=("problem",),
    judges=True,
)
_FIELDS = {"problem": "string", "answer": "string", "why_equivalent": "string"}


class Verifiable(Asking):
    """A hard problem rewritten into one with a single checked number as its answer (Phi-4).

    Passed is a rewrite whose answer is a number that does not stand in the problem, which is
    neither a copy of the original nor about something else, and whose answer most of several
    independent solutions reach. A model that solves what it wrote agrees with itself too easily:
    let another one verify the samples that come of it.
    """

    key: ClassVar = "verifiable"
    title: ClassVar = "Verifiable rewrites"
    kinds: ClassVar = frozenset({Kind.INSTRUCTION, Kind.CHAT})
    prompts: ClassVar = (_REWRITE, _SOLVE)

    solves: int = Field(4, ge=1, le=16, description="Independent solutions")
    share: float = Field(0.6, gt=0, le=1, description="Share of them that must agree")
    nearest: float = Field(0.95, gt=0, le=1, description="From this likeness on it is a copy")
    farthest: float = Field(0.1, ge=0, le=1, description="Least share of words in common")

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        problem = prompt_text(seed.kind, seed.body)
        values = {"problem": problem, "solution": response_text(seed.kind, seed.body)}
        found = await talk.fields("rewrite", values, _FIELDS)
        new, answer = found["problem"].strip(), found["answer"].strip()
        talk.must_be_in_language(new)
        gates = self._gates(problem, new, answer)
        solution = ""
        if all(one.passed for one in gates):
            agreed, solution = await self._solved(new, answer, talk)
            gates.append(agreed)
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": new, "input": "", "output": solution or f"#### {answer}"},
            (seed.id,),
            "rewritten to be verifiable",
            seed.language,
            seed.domain,
            metadata={"answer": answer, "why_equivalent": found["why_equivalent"][:500]},
        )
        return [settled(draft, gates)]

    def _gates(self, problem: str, new: str, answer: str) -> list[Gate]:
        value = number(answer)
        words, mine = stems(problem), stems(new)
        alike = len(words & mine) / max(len(words | mine), 1)
        shown = re.search(rf"(?<![\d.,]){re.escape(answer)}(?![\d]|[.,]\d)", new) is not None
        return [
            Gate("numeric answer", value is not None, f"Its answer is `{answer[:60]}`."),
            Gate(
                "answer not given away",
                not shown,
                f"{answer[:60]} stands in the problem." if shown else "The problem hides it.",
            ),
            Gate("no copy", alike < self.nearest, f"{alike:.2f} of the words are the original's."),
            Gate(
                "same matter",
                alike >= self.farthest,
                f"It shares {alike:.2f} of its words with the original.",
            ),
        ]

    async def _solved(self, problem: str, answer: str, talk: Talk) -> tuple[Gate, str]:
        """Whether most solutions reach the answer, and the first that does."""
        wanted = number(answer)
        results: Counter[str] = Counter()
        right = ""
        for attempt in range(1, self.solves + 1):
            text = await talk.text("solve", {"problem": problem, "attempt": str(attempt)})
            result = final_answer(text)
            value = number(result)
            same = wanted is not None and value is not None and value.same(wanted)
            results[answer if same else result] += 1
            right = right or (text if same else "")
        agree = results[answer]
        reason = f"{agree} of {self.solves} solutions reach {answer}."
        top = results.most_common(1)[0][0]
        return Gate(
            "solved alike", agree >= self.share * self.solves and top == answer, reason
        ), right
