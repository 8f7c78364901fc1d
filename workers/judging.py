"""Judging: many questions in flight, grades written in the order of the samples.

One worker does a job: so the limits of an endpoint and the budget hold exactly, and one worker
keeps more questions in flight than endpoints answer.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.curation.ports import ModelError, Question, Reply
from app.curation.records import Record
from app.curation.rubrics.base import Grade, Rubric, UnreadableError
from app.curation.rubrics.pairwise import Order, joined, questions
from app.curation.signals.base import Note, Scores
from app.curation.text.orders import gives_orders
from app.curation.text.parts import full_text
from app.datasets import service as datasets
from app.jobs.models import Job
from app.judging import service
from app.llm import service as llm
from app.llm.asking import Asking, BudgetError
from app.llm.running import finished
from app.scoring import reading
from app.scoring.writing import write_values
from workers.asking import over_budget, to_mend
from workers.chunks import Chunk, Handler, PausedError

_READ, _WRITTEN = 256, 256  # samples at a time: nothing else is done meanwhile
_AHEAD = 4  # questions waiting per one in flight, so that a slow reply holds nobody up
_ORDERS = "The sample gives orders to its judge."
_DOWN = 20  # so many failures in a row, and the endpoint counts as down


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sample's grade, or why it has none; the replies it took."""

    record: Record
    revision: int
    grade: Grade | None
    order: Order | None = None  # how the order of a pair mattered
    problem: str = ""
    raw: str = ""
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sample:
    """A sample to grade, with what is asked about it: once, of a pair in both orders."""

    record: Record
    revision: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """The grade in the replies to one question, or why there is none."""

    grade: Grade | str
    replies: tuple[Reply, ...]


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk; the ids of a drawn sample stand in it."""
    dataset = datasets.by_id(session, job.params["dataset_id"])
    ids = service.prepare(session, job, dataset)
    everything = reading.count(session, dataset.id, job.params["where"])
    job.total = everything if ids is None else len(ids)
    job.result = {"matching": everything}
    return [{"ids": ids}]


def work(chunk: Chunk) -> None:
    """Grade sample after sample, from where the last write left off."""
    finished(_Grading(chunk).run())


class _Grading:
    """The questions of one job: asked side by side, answered in any order, written in order."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._job = chunk.job
        judge = service.judge_of(chunk.session, chunk.job)
        self._rubric: Rubric = judge.rubric
        self._provider = judge.provider
        self._asking = Asking(judge.provider, llm.model_of(judge.provider), judge.account)
        self._free = asyncio.Semaphore(judge.provider.concurrency)
        self._most = judge.provider.concurrency * _AHEAD
        self._stopping = False
        self._failures = 0
        self._taken: list[tuple[int, int, float]] = []

    async def run(self) -> None:
        try:
            await self._all()
        except BudgetError:
            raise over_budget(self._job, self._asking) from None
        finally:
            await self._asking.close()
        if self._job.params["pilot"]:
            matching, asked = self._job.result["matching"], self._job.params.get("asked")
            rows = min(matching, asked) if asked else matching
            found = service.estimate(self._provider, self._taken, rows)
            self._job.result = {**self._job.result, "estimate": found}

    async def _all(self) -> None:
        tasks: deque[asyncio.Task[Outcome]] = deque()
        done: list[Outcome] = []
        try:
            for sample in self._samples():
                tasks.append(asyncio.create_task(self._grade(sample)))
                while len(tasks) >= self._most or tasks[0].done():
                    await self._collect(tasks, done)
                    if not tasks:
                        break
            while tasks:
                await self._collect(tasks, done)
            self._write(done)
        except (BudgetError, PausedError):
            self._write(done)
            raise
        finally:
            await self._end(tasks)

    async def _collect(self, tasks: deque[asyncio.Task[Outcome]], done: list[Outcome]) -> None:
        done.append(await tasks.popleft())
        if len(done) >= _WRITTEN:
            self._write(done)

    async def _end(self, tasks: deque[asyncio.Task[Outcome]]) -> None:
        """Wait for what was asked already: it is paid, and its reply is kept for the next try."""
        self._stopping = True
        await asyncio.gather(*tasks, return_exceptions=True)

    def _samples(self) -> Iterator[_Sample]:
        """Samples behind the last one written, in the order of ids; stored replies are recalled."""
        session, ids = self._chunk.session, self._chunk.params["ids"]
        last = self._chunk.state.get("last", 0)
        for page in reading.pages(session, self._job, last + 1, 2**62, ids=ids, size=_READ):
            asked = [questions(self._rubric, record) for record in page.records]
            self._asking.recall(chain.from_iterable(asked))
            yield from map(_Sample, page.records, page.revisions, asked)

    async def _grade(self, sample: _Sample) -> Outcome:
        async with self._free:
            if self._stopping:
                raise asyncio.CancelledError
            try:
                outcome = await self._graded(sample)
            except ModelError as error:
                self._failures += 1
                if error.fatal or self._failures >= _DOWN:
                    raise to_mend(error) from error
                return Outcome(sample.record, sample.revision, None, problem=str(error))
        self._failures = 0
        return outcome

    async def _graded(self, sample: _Sample) -> Outcome:
        """All that is asked about a sample; a reply without a grade leaves it without."""
        grades: list[Grade] = []
        replies: list[Reply] = []
        for question in sample.questions:
            found = await self._answered(question)
            replies += found.replies
            if isinstance(found.grade, str):
                raw, taken = found.replies[-1].text, tuple(replies)
                return Outcome(sample.record, sample.revision, None, None, found.grade, raw, taken)
            grades.append(found.grade)
        grade, order = joined(grades) if self._rubric.pairwise else (grades[0], None)
        return Outcome(sample.record, sample.revision, grade, order, replies=tuple(replies))

    async def _answered(self, question: Question) -> _Answer:
        """Ask; where the reply holds no grade, ask once more and say what was wrong with it."""
        first = await self._asking.ask(question)
        try:
            return _Answer(self._rubric.grade(first.text), (first,))
        except UnreadableError as problem:
            again = self._rubric.repair(question, first.text, str(problem))
        second = await self._asking.ask(again)
        try:
            return _Answer(self._rubric.grade(second.text), (first, second))
        except UnreadableError as problem:
            self._forget(question, again)
            return _Answer(str(problem), (first, second))

    def _forget(self, *questions: Question) -> None:
        for question in questions:
            self._asking.forget(question)

    def _write(self, outcomes: list[Outcome]) -> None:
        """Grades with their reasons, and those that failed, in one transaction."""
        if not outcomes:
            return
        self._asking.flush()
        self._taken += [_taken(one) for one in outcomes if one.replies]
        for one in outcomes:
            if one.grade is None:
                place = one.record.external_id or str(one.record.id)
                raw = one.raw[:20_000]
                self._chunk.reject(place, one.problem, sample_id=one.record.id, raw=raw)
        texts = (full_text(one.record.kind, one.record.body) for one in outcomes)
        orders = [gives_orders(text) for text in texts]
        if not self._job.params["pilot"]:
            self._store(outcomes, orders)
        found = self._chunk.state.get("giving_orders", 0) + sum(orders)
        self._chunk.checkpoint(len(outcomes), last=outcomes[-1].record.id, giving_orders=found)
        self._job.result = {**self._job.result, "giving_orders": found}
        outcomes.clear()

    def _store(self, outcomes: list[Outcome], orders: list[bool]) -> None:
        slots = service.slots(self._chunk.session, self._job)
        values = [
            [
                np.nan if one.grade is None else one.grade.score,
                np.nan if one.order is None else float(one.order),
            ][: len(slots)]
            for one in outcomes
        ]
        notes = {
            row: Note(f"{_ORDERS} {one.grade.reason}" if speaks else one.grade.reason)
            for row, (one, speaks) in enumerate(zip(outcomes, orders, strict=True))
            if one.grade is not None
        }
        write_values(
            self._chunk.session,
            [one.record.id for one in outcomes],
            [one.revision for one in outcomes],
            [(slots, Scores(np.array(values, np.float32), notes=notes))],
        )


def _taken(outcome: Outcome) -> tuple[int, int, float]:
    return (
        sum(one.tokens_in for one in outcome.replies),
        sum(one.tokens_out for one in outcome.replies),
        sum(one.seconds for one in outcome.replies),
    )


HANDLER = Handler(plan=plan, work=work, finish=service.judged)
