"""The requests of a run: many in flight, their outcomes screened and written in their order.

The loop only asks. All that reads or writes the database is done by one other thread, piece after
piece: so models are asked while drafts are screened and written.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from contextvars import copy_context
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from app.curation.generators.base import Asking as AskingGenerator
from app.curation.generators.base import Made, Outcome, Task
from app.curation.generators.lab import Lab
from app.curation.generators.talk import Talk
from app.curation.ports import ModelError, Question, Reply
from app.generation import prompts, teachers
from app.generation.leaks import Leaks, items
from app.generation.models import GenerationRun
from app.generation.screening import Screening
from app.generation.storing import Line
from app.llm.asking import Asking, BudgetError
from app.verifying.tools import tools_for
from workers.answers import Answered, lines_of
from workers.asking import over_budget, to_mend
from workers.chunks import CancelledError, Chunk
from workers.drafting import forget_cancelled, seeds, write, write_cancelled
from workers.rounds import rounds

_WRITTEN = 256  # requests between two checkpoints
_EVERY_S = 2.0  # between two checkpoints where replies come slowly
_HELD = 8 * _WRITTEN  # answered requests that wait to be written: then nothing more is asked
_AHEAD = 8  # tasks per one in flight that are read, or answered behind one that takes long
_BEGUN = 3  # tasks per one in flight that are asked for: each may be left half done
_DOWN = 10  # so many failures in a row, and the endpoint counts as down
_DOWN_AT_END = 3  # of those with nothing behind them
_LOOK_S = 5.0  # between two looks whether the job is still to be done

Result = TypeVar("Result")


class Requests:
    """The requests of one run: asked side by side, answered in any order, written in order."""

    def __init__(
        self, chunk: Chunk, run: GenerationRun, generator: AskingGenerator, thread: Executor
    ) -> None:
        """`thread` is the one that reads and writes the database from now on."""
        self._chunk, self._run, self._generator = chunk, run, generator
        asked = teachers.asked(chunk.session, chunk.job, run)
        self._provider, self._judge = asked.provider, asked.judge or asked.provider
        self._thread = thread
        self._asking, self._judging = asked.asking(thread=thread)
        self._both = teachers.both(self._asking, self._judging)
        self._tools = tools_for(generator)
        self._prompts = prompts.of_run(run.generator, run.prompts)
        self._block = asked.provider.concurrency
        self._begun = asyncio.Semaphore(_BEGUN * self._block)
        self._leaks: asyncio.Task[Leaks]
        self._screening: asyncio.Task[Screening]
        self._saving: asyncio.Task[None] | None = None
        self._saved = time.monotonic()
        self._held: list[Answered] = []
        self._broken_off: list[Line] = []  # of tasks that had replies when they were cancelled
        self._heard = False  # from the model, by this worker
        self._lost: int | None = None  # the request from which on all failed, at an end
        self._writing = False

    async def run(self) -> None:
        """Ask and write all of it; raise where the job cannot go on, or is no longer to be done."""
        async with AsyncExitStack() as stack:
            for asking in self._both:
                stack.push_async_callback(asking.close)
            try:
                await self._whole()
            except CancelledError:
                paid = [one.lines[0] for one in self._held] + self._broken_off
                await self._aside(partial(write_cancelled, self._chunk, self._run, paid))
                raise

    async def _whole(self) -> None:
        await self._aside(partial(forget_cancelled, self._chunk, self._run))
        self._leaks = asyncio.create_task(self._leaked())
        # What drafts are held against is read while the first replies are on their way.
        self._screening = asyncio.create_task(self._screened())
        asked, watched = asyncio.create_task(self._all()), asyncio.create_task(self._watched())
        try:
            ended, _ = await asyncio.wait({asked, watched}, return_when=asyncio.FIRST_COMPLETED)
            await (watched if watched in ended else asked)
        except BudgetError:
            job = self._chunk.job
            raise over_budget(job, self._asking, asks="request", named="run") from None
        except ModelError as error:
            raise to_mend(error, named="run") from error
        finally:
            begun: list[asyncio.Task[Any]] = [asked, watched, self._leaks, self._screening]
            for one in begun:
                one.cancel()
            begun += [self._saving] if self._saving else []
            await asyncio.gather(*begun, return_exceptions=True)

    async def _watched(self) -> None:
        """End when the job is cancelled or given to another, also while no model answers."""
        await self._screening
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._aside(self.look)

    def look(self) -> None:
        """Raise where the job is cancelled or given to another."""
        if not self._writing:  # what broke off in the middle must not be committed
            self._chunk.checkpoint(0)

    async def _aside(self, work: Callable[[], Result]) -> Result:
        """Do it in the thread of the database."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, copy_context().run, work)

    async def _leaked(self) -> Leaks:
        found = await self._aside(partial(items, self._chunk.session))
        return await asyncio.to_thread(Leaks, found)

    async def _screened(self) -> Screening:
        found = Screening(self._generator, await self._leaks)
        steps = found.steps(self._chunk.session, self._run.dataset_id)
        while (step := await self._aside(partial(next, steps, None))) is not None:
            await asyncio.to_thread(step)
        await self._aside(self.look)
        return found

    async def _all(self) -> None:
        if isinstance(self._generator, Lab):
            waves = rounds(self._chunk, self._run, self._generator)
            while (wave := await self._aside(partial(next, waves, None))) is not None:
                await self._each(wave)
        else:
            await self._each(await self._aside(self._tasks))

    async def _each(self, tasks: Iterator[Task]) -> None:
        """Ask, and write all that came back."""
        pending: deque[asyncio.Task[Answered]] = deque()
        try:
            leaks = await self._leaks
            while block := await self._aside(partial(leaks.next, tasks, self._block)):
                pending.extend(asyncio.create_task(self._answered(*one)) for one in block)
                while len(pending) > (_AHEAD - 1) * self._block or (pending and pending[0].done()):
                    await self._take(await pending.popleft())
            while pending:
                await self._take(await pending.popleft())
            self._refuse_silence()
            await self._save(len(self._held))
        except (BudgetError, ModelError):
            await self._save(self._before_failures())
            if self._lost is not None:
                await self._aside(partial(self._chunk.checkpoint, 0, lost=self._lost))
            raise
        except asyncio.CancelledError:  # nobody waits for the replies any more
            there = [
                one for one in pending if one.done() and not (one.cancelled() or one.exception())
            ]
            self._held += [one.result() for one in there]
            for one in pending:
                one.cancel()
            raise
        finally:
            if pending:  # something went wrong
                for asking in self._both:
                    asking.stop()
            await asyncio.gather(*pending, return_exceptions=True)

    def _tasks(self) -> Iterator[Task]:
        first = self._chunk.state.get("next", 0)
        found = self._generator.tasks(seeds(self._chunk, self._run, self._generator), first)
        total = self._chunk.job.total or 0
        return islice(found, max(total - first, 0))

    async def _answered(self, task: Task, refused: Made | None) -> Answered:
        """The lines of a task; what was asked for it so far is paid and told, even if it failed."""
        params = self._chunk.job.params
        talk = Talk(
            partial(_answer, self._asking, task.number),
            self._prompts,
            self._run.language or task.shared("language") or "",
            params["temperature"],
            params["max_tokens"],
            self._tools,
            judge=partial(_answer, self._judging, task.number) if self._judging else None,
        )
        if refused is not None:
            return Answered(task, self._lines(task, [refused], talk))
        try:
            async with self._begun:
                made = await self._generator.made(task, talk)
        except ModelError as error:
            if error.fatal:
                raise
            return Answered(task, self._lines(task, [_failed(error)], talk), failed=True)
        except asyncio.CancelledError:
            if talk.replies or talk.judged:
                self._broken_off.append(self._lines(task, [Made(Outcome.CANCELLED)], talk)[0])
            raise
        questions = tuple(talk.questions)
        return Answered(task, self._lines(task, made, talk), questions=questions)

    def _lines(self, task: Task, made: Sequence[Made], talk: Talk) -> tuple[Line, ...]:
        return lines_of(task, made, talk, self._provider, self._judge)

    async def _take(self, answered: Answered) -> None:
        self._held.append(answered)
        self._heard |= not answered.failed
        failures = len(self._held) - self._good()
        if failures >= _DOWN:
            raise ModelError(answered.lines[0].made.reason, fatal=False)
        if self._saving is not None and (self._saving.done() or len(self._held) >= _HELD):
            await self._written()
        waited = time.monotonic() - self._saved >= _EVERY_S
        good = self._good()
        if self._saving is None and (good >= _WRITTEN or (waited and good)):
            self._saving = asyncio.create_task(self._write(self._first(good)))

    def _refuse_silence(self) -> None:
        """Refuse to end with requests that got no reply; once for the same ones."""
        good = self._good()
        lost = self._held[good:]
        if not lost or (self._heard and len(lost) < _DOWN_AT_END):
            return
        self._lost = lost[0].task.number
        if self._chunk.state.get("lost") != self._lost:
            raise ModelError(lost[-1].lines[0].made.reason, fatal=False)

    def _good(self) -> int:
        """How many stand before the failures at the end, which may be the endpoint's."""
        count = len(self._held)
        while count and self._held[count - 1].failed:
            count -= 1
        return count

    def _before_failures(self) -> int:
        """How many stand before the first failure: when the endpoint is back, it is asked again.

        Replies that came after it are kept, so that they are not paid twice.
        """
        return next((at for at, one in enumerate(self._held) if one.failed), len(self._held))

    def _first(self, count: int) -> list[Answered]:
        some, self._held = self._held[:count], self._held[count:]
        return some

    async def _save(self, count: int) -> None:
        """Write the first of those that are held, behind what is being written."""
        await self._written()
        await self._write(self._first(count))

    async def _written(self) -> None:
        """Wait for what is being written, and hear of what went wrong there."""
        saving, self._saving = self._saving, None
        if saving is not None:
            await saving

    async def _write(self, some: Sequence[Answered]) -> None:
        screening = await self._screening
        self._saved = time.monotonic()
        if some:
            for asking in self._both:
                await asking.save()
            try:
                await self._aside(partial(self._store, screening, some))
            except CancelledError:
                self._held = [*some, *self._held]
                await self._aside(self._chunk.session.rollback)
                raise

    def _store(self, screening: Screening, some: Sequence[Answered]) -> None:
        """Write these, and how far the run is."""
        self._writing = True
        write(self._chunk, self._run, screening, [line for one in some for line in one.lines])
        state = {"next": some[-1].task.number + 1}
        if self._generator.per_seed:
            state["last_seed"] = some[-1].task.seeds[-1].id
        self._chunk.checkpoint(len(some), **state)
        self._writing = False
        useless = [question for one in some if one.useless for question in one.questions]
        if useless:
            for asking in self._both:
                asking.drop(useless)


async def _answer(asking: Asking, turn: int, question: Question) -> Reply:
    await asking.recall_soon(question)
    return await asking.ask(question, turn)


def _failed(error: ModelError) -> Made:
    return Made(Outcome.ERROR, reason=str(error))
