"""Trying a rubric on a few samples before any job: what the judge would say, side by side."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.ports import ModelError, Question
from app.curation.records import Record
from app.curation.rubrics.base import Rubric, UnreadableError
from app.curation.rubrics.pairwise import joined, questions
from app.curation.text.parts import prompt_text, response_text
from app.datasets.models import Dataset
from app.judging.service import among
from app.llm import policies
from app.llm import service as llm
from app.llm.asking import Asking
from app.llm.ledger import Account
from app.llm.running import finished
from app.samples import service as samples
from app.samples.search import schema_of
from app.samples.strata import drawn

ROWS = 5
_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Tried:
    """A sample and what the judge said; `problem` where it said nothing of use."""

    record: Record
    score: float | None
    reason: str
    problem: str = ""

    @property
    def prompt(self) -> str:
        """What the sample asks, shortened."""
        return prompt_text(self.record.kind, self.record.body)[:_SHOWN]

    @property
    def response(self) -> str:
        """What it answers, shortened."""
        return response_text(self.record.kind, self.record.body)[:_SHOWN]


def on_some(
    session: Session,
    dataset: Dataset,
    rubric: Rubric,
    provider_name: str,
    *,
    by: Principal,
    where: str = "",
    seed: int = 0,
) -> list[Tried]:
    """Grade five samples drawn in proportion; the same five for the same seed."""
    policies.may_spend(by)
    provider = llm.get(session, provider_name)
    llm.must_be_endpoint(provider)
    fit = among(rubric, where)
    ids = drawn(session, schema_of(session, dataset.id), fit, ROWS, seed=seed).tolist()
    records = [_record(session, sample_id) for sample_id in ids]
    account = Account(None, by.id, dataset.id, f"{rubric.name}, tried")
    asking = Asking(provider, llm.model_of(provider, tries=1), account)
    asked = [(record, questions(rubric, record)) for record in records]
    asking.recall(chain.from_iterable(each for _, each in asked))
    return finished(_all(asking, rubric, asked))


def _record(session: Session, sample_id: int) -> Record:
    sample = samples.get(session, sample_id)
    body = samples.body(session, sample).body
    return Record(sample.kind, body, external_id=sample.external_id, id=sample.id)


async def _all(
    asking: Asking, rubric: Rubric, asked: Sequence[tuple[Record, tuple[Question, ...]]]
) -> list[Tried]:
    try:
        return await asyncio.gather(*(_one(asking, rubric, *one) for one in asked))
    finally:
        await asking.close()


async def _one(
    asking: Asking, rubric: Rubric, record: Record, asked: tuple[Question, ...]
) -> Tried:
    grades = []
    for question in asked:
        try:
            reply = await asking.ask(question)
        except ModelError as error:
            return Tried(record, None, "", str(error))
        try:
            grades.append(rubric.grade(reply.text))
        except UnreadableError as error:
            return Tried(record, None, reply.text[:500], str(error))
    grade = joined(grades)[0] if rubric.pairwise else grades[0]
    return Tried(record, grade.score, grade.reason)
