"""Verifying: verdicts with their reasons, a range per chunk; models are asked side by side."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.curation.ports import ModelError, Question
from app.curation.records import Record
from app.curation.signals.base import Note, Scores
from app.curation.verifiers.base import Asking as AskingVerifier
from app.curation.verifiers.base import Tools, Verdict, Verifier
from app.jobs.models import Job
from app.llm import service as llm
from app.llm.asking import Asking, BudgetError
from app.llm.running import finished
from app.scoring.writing import write_values
from app.verifying import reading, service
from app.verifying.reading import Page
from app.verifying.tools import tools_for
from workers.asking import over_budget, to_mend
from workers.chunks import Chunk, Handler
from workers.ranges import tapered_ranges

_ROWS = 5000
_READ = 500  # rows between two checkpoints
_RUN = 16  # the same where each row is a program that may run for seconds
_AT_ONCE = 2  # sandboxes of one worker: one starts while another computes
_MOST_REASON = 1000
_ASKED = 64
_DOWN = 20  # so many failures among the rows of a page, and the endpoint counts as down


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """Chunks by ranges of ids; of a job that asks a model one, so that its limits hold."""
    signal = service.prepare(session, job)
    job.total = reading.count(session, job, signal)
    if job.params["provider"]:
        return [{"low": 0, "high": 2**62}]
    return tapered_ranges(session, job.params["dataset_id"], _ROWS)


def work(chunk: Chunk) -> None:
    """Verify one range, from where the last checkpoint left off."""
    verifier = service.verifier_of(chunk.job)
    tools = tools_for(verifier)
    if isinstance(verifier, AskingVerifier):
        finished(_ask(chunk, verifier, tools))
        return
    for page in _pages(chunk, verifier, _RUN if verifier.needs == "sandbox" else _READ):
        if verifier.needs == "sandbox":
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                found = list(threads.map(lambda one: verifier.verify(one, tools), page.records))
        else:
            found = [verifier.verify(one, tools) for one in page.records]
        _write(chunk, page, found, page.ids[-1])


def _pages(chunk: Chunk, verifier: Verifier, size: int) -> Iterator[Page]:
    signal = service.slot_of(chunk.session, chunk.job)
    low = chunk.state.get("last", chunk.params["low"] - 1) + 1
    high = chunk.params["high"]
    return reading.pages(chunk.session, chunk.job, signal, verifier.reads(), low, high, size)


def _write(chunk: Chunk, page: Page, found: Sequence[Verdict | None], last: int) -> None:
    """Verdicts of a page, with how far the chunk is; None where a row stays as it is."""
    rows = [place for place, one in enumerate(found) if one is not None]
    verdicts = [one for one in found if one is not None]
    if verdicts:
        values = [[np.nan if one.passed is None else float(one.passed)] for one in verdicts]
        notes = {
            place: Note(one.reason[:_MOST_REASON].replace("\0", "\ufffd"))
            for place, one in enumerate(verdicts)
        }
        scores = Scores(np.array(values, np.float32), notes=notes)
        signal = service.slot_of(chunk.session, chunk.job)
        ids = [page.ids[row] for row in rows]
        revisions = [page.revisions[row] for row in rows]
        write_values(chunk.session, ids, revisions, [([signal], scores)])
    done = len(found) if last == page.ids[-1] else len(verdicts)
    chunk.checkpoint(done, last=last, **_counted(chunk, verdicts))


def _counted(chunk: Chunk, verdicts: Sequence[Verdict]) -> dict[str, int]:
    """What was found in the chunk so far."""
    found = Counter(service.VERDICTS[one.passed] for one in verdicts)
    return {name: chunk.state.get(name, 0) + found[name] for name in service.VERDICTS.values()}


async def _ask(chunk: Chunk, verifier: AskingVerifier, tools: Tools) -> None:
    """Ask about a page of samples side by side, then about the next."""
    asked = service.asked(chunk.session, chunk.job)
    asking = Asking(asked.provider, llm.model_of(asked.provider), asked.account)
    try:
        for page in _pages(chunk, verifier, max(_ASKED, 4 * asked.provider.concurrency)):
            wanted = [verifier.questions(one) for one in page.records]
            asking.recall(chain.from_iterable(one for one in wanted if isinstance(one, list)))
            tasks = (_answers(asking, one, place) for place, one in enumerate(wanted))
            replies = await asyncio.gather(*tasks, return_exceptions=True)
            asking.flush()
            settle = partial(verifier.settled, tools=tools)
            found, stop = _settled(chunk, settle, page, wanted, replies)
            _write(chunk, page, found, _before(page, found) if stop else page.ids[-1])
            if stop:
                raise stop
    except BudgetError:
        raise over_budget(chunk.job, asking) from None
    except ModelError as error:
        raise to_mend(error) from error
    finally:
        await asking.close()


def _settled(
    chunk: Chunk,
    settle: Callable[[Record, Sequence[str]], Verdict],
    page: Page,
    wanted: Sequence[list[Question] | Verdict],
    replies: Sequence[list[str] | BaseException],
) -> tuple[list[Verdict | None], BaseException | None]:
    """The verdicts of a page, and what stops the job, if anything does.

    A row whose question failed is kept to be retried.
    """
    found: list[Verdict | None] = []
    stop: BaseException | None = None
    failed = [one for one in replies if isinstance(one, ModelError)]
    for record, one, got in zip(page.records, wanted, replies, strict=True):
        if isinstance(one, Verdict):
            found.append(one)
        elif isinstance(got, ModelError) and not got.fatal and len(failed) < _DOWN:
            place = record.external_id or str(record.id)
            chunk.reject(place, str(got), sample_id=record.id)
            found.append(None)
        elif isinstance(got, BaseException):
            stop = got
            found.append(None)
        else:
            found.append(settle(record, got))
    return found, stop


def _before(page: Page, found: Sequence[Verdict | None]) -> int:
    """From where on to go on later: rows behind it that have a verdict are left alone then."""
    return page.ids[next(place for place, one in enumerate(found) if one is None)] - 1


async def _answers(asking: Asking, wanted: list[Question] | Verdict, turn: int) -> list[str]:
    if isinstance(wanted, Verdict):
        return []
    return [(await asking.ask(question, turn)).text for question in wanted]


HANDLER = Handler(plan=plan, work=work, finish=service.verified)
