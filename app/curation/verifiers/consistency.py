"""Whether a model that is asked the same several times arrives at the answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from app.curation.ports import Message, Question
from app.curation.records import Record
from app.curation.signals.refusal import refusal_in
from app.curation.verifiers.base import Asking, FieldName, Tools, Verdict, lacks, text_of
from app.curation.verifiers.plurality import judged, votes

_FEWEST = 2  # answers that can agree
_ASK = (
    "Solve the task. Think step by step, then end with one line `#### ` and the final answer alone."
    " This is attempt {number} of {of}: solve it on your own."
)


class Consistency(Asking):
    """Does a model that solves the task k times arrive at the same answer?

    The prompt is asked k times at a temperature; the answer most replies agree on is compared as
    Plurality does. Too few that agree is no verdict: the task is too hard for the model, or
    unclear. Ask another model than the one that wrote the samples: a model agrees with itself.
    """

    key: ClassVar = "consistency"
    title: ClassVar = "A model arrives at the same answer"

    answer: FieldName = Field("response", description="Field with the answer")
    prompt: FieldName = Field("prompt", description="Field with the task")
    k: int = Field(4, ge=2, le=16, description="How often the model is asked")
    share: float = Field(0.5, gt=0, le=1, description="Share of the replies that must agree")
    temperature: float = Field(0.7, ge=0, le=2, description="Temperature of the replies")
    max_tokens: int = Field(1024, ge=16, le=32_768, description="Tokens of a reply at most")

    def questions(self, record: Record) -> list[Question] | Verdict:
        task = text_of(record, self.prompt)
        if not task or not text_of(record, self.answer):
            return lacks("task with an answer", self.prompt, self.answer)
        return [
            Question(
                (
                    Message("system", _ASK.format(number=number, of=self.k)),
                    Message("user", task),
                ),
                temperature=self.temperature,
                max_tokens=self.max_tokens,
            )
            for number in range(1, self.k + 1)
        ]

    def settled(self, record: Record, replies: Sequence[str], tools: Tools) -> Verdict:
        told = [one for one in replies if one.strip() and not refusal_in(one)]
        if len(told) < _FEWEST:
            lost = len(replies) - len(told)
            return Verdict(None, f"{lost} of {len(replies)} replies are empty or a refusal.")
        found = replace(votes(told), of=len(replies))  # who does not answer agrees with nobody
        return judged(text_of(record, self.answer), found, self.share)
