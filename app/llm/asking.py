"""Asking a model on account: every reply is stored, what was asked before is not paid again.

Replies are written with their cost a few times a second, in transactions of their own: a worker
that is killed loses the replies of that moment at most.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import orjson
from sqlalchemy import delete, select

from app.curation.ports import LanguageModel, ModelError, Question, Reply
from app.db import session_scope
from app.llm.ledger import Account, charge, store
from app.llm.models import LlmCall, Provider
from app.llm.service import cost, spent
from app.llm.slots import Slots

_FLUSH_S = 0.25
_LOOK_AGAIN_S = 0.02
_REMEMBERED = 10_000
_BYTES_PER_TOKEN = 2.5  # fewer than in any common language: an estimate that errs upwards


class BudgetError(Exception):
    """The next question could cost more than is left."""


@dataclass(slots=True)
class Purse:
    """What a job spent so far, and what its questions in flight may cost; models can share one."""

    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    waiting: list[tuple[int, object]] = field(default_factory=list)

    def is_next(self, turn: tuple[int, object]) -> bool:
        """Whether nobody with a lower turn waits for money, nor anybody before with the same."""
        return min(self.waiting, key=lambda one: one[0]) is turn


@dataclass(slots=True)
class _Open:
    """What was asked since the last write."""

    replies: dict[bytes, Reply] = field(default_factory=dict)
    lost: list[Reply] = field(default_factory=list)  # paid for, but of no use to anybody
    reused: int = 0


class Asking:
    """A model whose replies are kept, with no more questions in flight than its provider takes.

    For one event loop.
    """

    def __init__(
        self,
        provider: Provider,
        model: LanguageModel,
        account: Account,
        beside: "Asking | None" = None,
        thread: Executor | None = None,
    ) -> None:
        """`beside`: another model of the same job, whose budget is this one's too.

        `thread`: the one that reads and writes the database, so that the loop need not wait for it.
        """
        self._provider = provider
        self._model = model
        self._account = account
        self._thread = thread
        self._slots = Slots(provider.concurrency)
        self._stopped = False
        self._known: dict[bytes, Reply] = {}
        self._open = _Open()
        self._flushed = time.monotonic()
        self._going: dict[bytes, asyncio.Future[None]] = {}
        self._soon: list[Question] = []
        self._turn: asyncio.Task[None] | None = None
        self._purse: Purse = beside.purse if beside is not None else self._purse_before()

    @property
    def purse(self) -> Purse:
        """What is spent and reserved, shared with another model of the job."""
        return self._purse

    @property
    def spent(self) -> Decimal:
        """What the job cost so far, before it was paused included."""
        return self._purse.spent

    def recall(self, questions: Iterable[Question]) -> None:
        """Read the replies that are stored for questions that come next."""
        hashes = [self.key(one) for one in questions]
        for key in list(self._known)[:-_REMEMBERED]:
            del self._known[key]
        with session_scope() as session:
            rows = session.scalars(select(LlmCall).where(LlmCall.hash.in_(hashes)))
            self._known |= {
                row.hash: Reply(row.text, row.finish, row.tokens_in, row.tokens_out, row.seconds)
                for row in rows
            }

    async def recall_soon(self, question: Question) -> None:
        """Read a stored reply, together with all that are asked for in the same turn of the loop.

        For questions that are not known before the reply to another one: each alone would make
        the loop wait for the database.
        """
        self._soon.append(question)
        if self._turn is None:
            self._turn = asyncio.create_task(self._recall_all())
        await asyncio.shield(self._turn)  # one that is cancelled must not end it for the others

    async def _recall_all(self) -> None:
        soon, self._soon, self._turn = self._soon, [], None
        await self._aside(partial(self.recall, soon))

    async def ask(self, question: Question, turn: int = 0) -> Reply:
        """The stored reply, or a new one; raise BudgetError before it could cost too much.

        Of questions that wait the one with the lowest `turn` is asked first. One that is on its
        way is not asked a second time beside it.
        """
        key = self.key(question)
        while key in self._going:
            await asyncio.wait([self._going[key]])
        known = self._known.get(key) or self._open.replies.get(key)
        if known is not None:
            self._open.reused += 1
            return known
        self._going[key] = asyncio.get_running_loop().create_future()
        try:
            async with self._slots.held(turn):
                if self._stopped:
                    raise asyncio.CancelledError
                reply = await self._paid(question, turn)
            self._open.replies[key] = reply
        finally:
            self._going.pop(key).set_result(None)
        if time.monotonic() - self._flushed >= _FLUSH_S:
            await self.save()
        return reply

    async def _paid(self, question: Question, turn: int) -> Reply:
        most = self._most(question)
        if self._account.budget is not None:
            await self._reserve(most, self._account.budget, turn)
        try:
            reply = await self._model.ask(question)
        except ModelError as error:
            self._lose(question, error.answered)
            raise
        finally:
            if self._account.budget is not None:
                self._purse.reserved -= most
        self._purse.spent += cost(self._provider, reply.tokens_in, reply.tokens_out)
        return reply

    def stop(self) -> None:
        """Ask nothing more: what waits for its turn is cancelled, what is in flight comes back."""
        self._stopped = True

    def _lose(self, question: Question, times: int) -> None:
        """Book answers that could not be read as the longest that they may have been."""
        lost = Reply("", "lost", _tokens(question), question.max_tokens, 0.0)
        self._open.lost += [lost] * times
        price = cost(self._provider, lost.tokens_in, lost.tokens_out)
        self._purse.spent += times * price

    async def _reserve(self, most: Decimal, budget: Decimal, turn: int) -> None:
        """Wait until the most that a question can cost is free beside those in flight.

        The lowest turn has it first.

        Most questions cost less than they may: what is given back then is enough for the next.
        Raise BudgetError where it is too much although nothing is in flight.
        """
        purse = self._purse
        mine = (turn, object())
        purse.waiting.append(mine)
        try:
            while not purse.is_next(mine) or purse.spent + purse.reserved + most > budget:
                if purse.is_next(mine) and not purse.reserved:
                    raise BudgetError
                await asyncio.sleep(_LOOK_AGAIN_S)
            purse.reserved += most
        finally:
            purse.waiting.remove(mine)

    def forget(self, question: Question) -> None:
        """Ask anew next time: the reply was of no use."""
        self.flush()
        self.drop([question])

    def drop(self, questions: Iterable[Question]) -> None:
        """Ask anew next time, of replies that are written already."""
        keys = [self.key(one) for one in questions]
        for key in keys:
            self._known.pop(key, None)
        with session_scope() as session:
            session.execute(delete(LlmCall).where(LlmCall.hash.in_(keys)))

    def flush(self) -> None:
        """Write replies and costs, here and now."""
        with self._taken() as taken:
            self._write(taken)

    async def save(self) -> None:
        """Write replies and costs, in the thread that does so."""
        with self._taken() as taken:
            await self._aside(partial(self._write, taken))

    @contextmanager
    def _taken(self) -> Iterator[_Open]:
        """What is to be written; what comes meanwhile is for the next time, as is what failed."""
        taken, self._open = self._open, _Open()
        self._flushed = time.monotonic()
        self._known |= taken.replies
        try:
            yield taken
        except Exception:
            self._open.replies |= taken.replies
            self._open.lost += taken.lost
            self._open.reused += taken.reused
            raise

    def _write(self, taken: _Open) -> None:
        if not taken.replies and not taken.lost and not taken.reused:
            return
        with session_scope() as session:
            store(session, self._provider, taken.replies)
            paid = [*taken.replies.values(), *taken.lost]
            charge(session, self._provider, self._account, paid, taken.reused)

    async def _aside(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            work()
        else:
            run = copy_context().run
            await asyncio.get_running_loop().run_in_executor(self._thread, run, work)

    async def close(self) -> None:
        """Write what is open and let go of the model."""
        await self.save()
        await self._model.close()

    def key(self, question: Question) -> bytes:
        """SHA-256 over endpoint, model, parameters and messages."""
        recipe: list[Any] = [
            self._provider.url,
            self._provider.model,
            question.temperature,
            question.max_tokens,
            question.schema,
            [[one.role, one.content] for one in question.messages],
        ]
        return hashlib.sha256(orjson.dumps(recipe, option=orjson.OPT_SORT_KEYS)).digest()

    def _most(self, question: Question) -> Decimal:
        return cost(self._provider, _tokens(question), question.max_tokens)

    def _purse_before(self) -> Purse:
        if self._account.budget is None:
            return Purse()
        with session_scope() as session:
            return Purse(Decimal(spent(session, self._account.job_id)["money"]))


def _tokens(question: Question) -> int:
    size = sum(len(one.content.encode()) for one in question.messages)
    return int(size / _BYTES_PER_TOKEN) + 1
