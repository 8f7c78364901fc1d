"""Asking a judge about candidates of contamination: a page side by side, then its verdicts."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.contamination import confirming, verdicts
from app.contamination.confirming import RUBRIC, Asked
from app.curation.ports import ModelError
from app.curation.rubrics.base import Grade, UnreadableError
from app.datasets import service as datasets
from app.errors import ConflictError
from app.jobs import service as jobs
from app.jobs.models import Job
from app.llm import service as llm
from app.llm.asking import Asking, BudgetError
from app.llm.running import finished
from workers.asking import over_budget, to_mend
from workers.chunks import Chunk, Handler

_PAGE = 64
_DOWN = 20  # so many failures among the pairs of a page, and the endpoint counts as down

Answer = Grade | str | ModelError


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk, so that limits of the endpoint and the budget hold."""
    dataset = datasets.by_id(session, job.params["dataset_id"])
    candidates = confirming.order_of(job).candidates()
    job.total = verdicts.count(session, dataset, candidates)
    job.result = {**confirming.result()}
    return [{}]


def work(chunk: Chunk) -> None:
    """Ask about candidate after candidate, from where the last write left off."""
    finished(_all(chunk))


async def _all(chunk: Chunk) -> None:
    session, job = chunk.session, chunk.job
    dataset, order = datasets.by_id(session, job.params["dataset_id"]), confirming.order_of(job)
    provider = llm.get(session, order.provider)
    asking = Asking(provider, llm.model_of(provider), confirming.account(job))
    size = max(_PAGE, 2 * provider.concurrency)
    try:
        last: Sequence[int] = chunk.state.get("last", [])
        while page := confirming.following(session, dataset, order, last, size):
            asking.recall(one.question for one in page)
            answers = await asyncio.gather(
                *(_answer(asking, one, place) for place, one in enumerate(page)),
                return_exceptions=True,
            )
            asking.flush()
            stop = _stop(answers)
            _write(chunk, page, answers, stopped=stop is not None)
            if stop is not None:
                raise stop
            last = chunk.state["last"]
        _refuse_silence(chunk)
    except BudgetError:
        raise over_budget(job, asking) from None
    finally:
        await asking.close()


def _refuse_silence(chunk: Chunk) -> None:
    """A judge of whom nothing can be read has confirmed nothing."""
    found = chunk.state
    if found.get("unsaid") and not (found.get("same") or found.get("different")):
        raise ConflictError(
            f"None of the {found['unsaid']:,} replies of the judge could be read, and all pairs "
            "stay open. Ask another model; what it said stands with each pair that failed."
        )


async def _answer(asking: Asking, one: Asked, turn: int) -> Grade | str:
    """What the judge says; where it can't be read, asked once more, then why it can't."""
    first = await asking.ask(one.question, turn)
    try:
        return RUBRIC.grade(first.text)
    except UnreadableError as problem:
        again = RUBRIC.repair(one.question, first.text, str(problem))
    second = await asking.ask(again, turn)
    try:
        return RUBRIC.grade(second.text)
    except UnreadableError as problem:
        asking.forget(one.question)
        asking.forget(again)
        return str(problem)


def _stop(answers: Sequence[Any]) -> BaseException | None:
    """What ends the job for now: the budget, an endpoint that is down, a fault of ours."""
    failed = [one for one in answers if isinstance(one, ModelError)]
    down = len(failed) >= min(_DOWN, len(answers))
    for one in answers:
        if isinstance(one, ModelError):
            if one.fatal or down:
                return to_mend(one)
        elif isinstance(one, BaseException):
            return one
    return None


def _write(chunk: Chunk, page: Sequence[Asked], answers: Sequence[Any], *, stopped: bool) -> None:
    """Verdicts of a page, and pairs that stay open, in one transaction.

    Of a page that was stopped the verdicts alone: what has none is asked about again.
    """
    session, job = chunk.session, chunk.job
    dataset, by = datasets.by_id(session, job.params["dataset_id"]), jobs.owner(session, job)
    found = {name: chunk.state.get(name, 0) for name in confirming.result()}
    for one, answer in zip(page, answers, strict=True):
        if not isinstance(answer, Grade):
            if not stopped:
                chunk.reject(f"item {one.item}", str(answer), sample_id=one.sample)
                found["unsaid"] += 1
        elif confirming.settle(session, dataset, job, one, answer, by):
            found["same"] += 1
        else:
            found["different"] += 1
    last = chunk.state.get("last", []) if stopped else [page[-1].item, page[-1].sample]
    done = sum(isinstance(one, Grade) for one in answers) if stopped else len(page)
    chunk.checkpoint(done, last=last, **found)
    job.result = {**job.result, **found}


HANDLER = Handler(plan=plan, work=work, finish=confirming.finish)
