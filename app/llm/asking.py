"""Asking a model on account: every reply is stored, what was asked before is not paid again.

Replies are written with their cost a few times a second, in transactions of their own: a worker
that is killed loses the replies of that moment at most.
"""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

import orjson
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.curation.ports import LanguageModel, ModelError, Question, Reply
from app.db import session_scope
from app.jobs.models import Job
from app.llm.models import LlmCall, LlmUsage, Provider
from app.llm.service import cost

_FLUSH_S = 0.25
_LOOK_AGAIN_S = 0.02
_REMEMBERED = 10_000
_BYTES_PER_TOKEN = 2.5  # fewer than in any common language: an estimate that errs upwards


class BudgetError(Exception):
    """The next question could cost more than is left."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays for what: one line of the ledger."""

    job_id: uuid.UUID | None
    user_id: uuid.UUID | None
    dataset_id: int | None
    purpose: str
    budget: Decimal | None = None

    @classmethod
    def of(cls, job: Job, purpose: str) -> Self:
        """The account of a job, with the budget that stands in its parameters, if one does."""
        budget = job.params.get("budget")
        money = Decimal(budget) if budget else None
        return cls(job.id, job.created_by, job.dataset_id, purpose, money)


@dataclass(slots=True)
class Purse:
    """What a job spent so far, and what its questions in flight may cost; models can share one."""

    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)


@dataclass(slots=True)
class _Open:
    """What was asked since the last write."""

    replies: dict[bytes, Reply] = field(default_factory=dict)
    lost: list[Reply] = field(default_factory=list)  # paid for, but of no use to anybody
    reused: int = 0


class Asking:
    """A model whose replies are kept. For one event loop and one thread."""

    def __init__(
        self,
        provider: Provider,
        model: LanguageModel,
        account: Account,
        beside: "Asking | None" = None,
    ) -> None:
        """`beside`: another model of the same job, whose budget is this one's too."""
        self._provider = provider
        self._model = model
        self._account = account
        self._known: dict[bytes, Reply] = {}
        self._open = _Open()
        self._flushed = time.monotonic()
        self._soon: list[Question] = []
        self._turn: asyncio.Future[None] | None = None
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
            loop = asyncio.get_running_loop()
            self._turn = loop.create_future()
            loop.call_soon(self._recall_all)
        await asyncio.shield(self._turn)  # one that is cancelled must not end it for the others

    def _recall_all(self) -> None:
        soon, turn = self._soon, self._turn
        self._soon, self._turn = [], None
        if turn is None or turn.cancelled():
            return
        try:
            self.recall(soon)
        except SQLAlchemyError as error:
            turn.set_exception(error)
        else:
            turn.set_result(None)

    async def ask(self, question: Question) -> Reply:
        """The stored reply, or a new one; raise BudgetError before it could cost too much."""
        key = self.key(question)
        known = self._known.get(key) or self._open.replies.get(key)
        if known is not None:
            self._open.reused += 1
            return known
        most = self._most(question)
        if self._account.budget is not None:
            await self._reserve(most, self._account.budget)
        try:
            reply = await self._model.ask(question)
        except ModelError as error:
            self._lose(question, error.answered)
            raise
        finally:
            if self._account.budget is not None:
                self._purse.reserved -= most
        self._purse.spent += cost(self._provider, reply.tokens_in, reply.tokens_out)
        self._open.replies[key] = reply
        if time.monotonic() - self._flushed >= _FLUSH_S:
            self.flush()
        return reply

    def _lose(self, question: Question, times: int) -> None:
        """Book answers that could not be read as the longest that they may have been."""
        lost = Reply("", "lost", _tokens(question), question.max_tokens, 0.0)
        self._open.lost += [lost] * times
        price = cost(self._provider, lost.tokens_in, lost.tokens_out)
        self._purse.spent += times * price

    async def _reserve(self, most: Decimal, budget: Decimal) -> None:
        """Wait until the most that a question can cost is free beside those in flight.

        Most questions cost less than they may: what is given back then is enough for the next.
        Raise BudgetError where it is too much although nothing is in flight.
        """
        purse = self._purse
        while purse.spent + purse.reserved + most > budget:
            if not purse.reserved:
                raise BudgetError
            await asyncio.sleep(_LOOK_AGAIN_S)
        purse.reserved += most

    def forget(self, question: Question) -> None:
        """Ask anew next time: the reply was of no use."""
        self.flush()
        key = self.key(question)
        self._known.pop(key, None)
        with session_scope() as session:
            session.execute(delete(LlmCall).where(LlmCall.hash == key))

    def flush(self) -> None:
        """Write replies and costs."""
        self._flushed = time.monotonic()
        replies, lost, reused = self._open.replies, self._open.lost, self._open.reused
        if not replies and not lost and not reused:
            return
        with session_scope() as session:
            _store(session, self._provider, replies)
            _charge(session, self._provider, self._account, [*replies.values(), *lost], reused)
        self._known |= replies
        self._open = _Open()

    async def close(self) -> None:
        """Write what is open and let go of the model."""
        self.flush()
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
            query = select(func.sum(LlmUsage.money)).where(LlmUsage.job_id == self._account.job_id)
            return Purse(session.scalar(query) or Decimal(0))


def _tokens(question: Question) -> int:
    size = sum(len(one.content.encode()) for one in question.messages)
    return int(size / _BYTES_PER_TOKEN) + 1


def _store(session: Session, provider: Provider, replies: Mapping[bytes, Reply]) -> None:
    rows = [
        {
            "hash": key,
            "provider_id": provider.id,
            "text": reply.text.replace("\0", "\ufffd"),
            "finish": reply.finish,
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "seconds": reply.seconds,
        }
        for key, reply in sorted(replies.items())
    ]
    if rows:
        session.execute(insert(LlmCall).on_conflict_do_nothing(), rows)


def _charge(
    session: Session, provider: Provider, account: Account, replies: list[Reply], reused: int
) -> None:
    tokens_in = sum(reply.tokens_in for reply in replies)
    tokens_out = sum(reply.tokens_out for reply in replies)
    added = {
        "calls": len(replies),
        "reused": reused,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "money": cost(provider, tokens_in, tokens_out),
        "kwh": provider.kwh * (tokens_in + tokens_out) / 1_000_000,
        "seconds": sum(reply.seconds for reply in replies),
    }
    line = insert(LlmUsage).values(
        job_id=account.job_id,
        provider_id=provider.id,
        user_id=account.user_id,
        dataset_id=account.dataset_id,
        purpose=account.purpose,
        **added,
    )
    sums = {name: getattr(LlmUsage, name) + line.excluded[name] for name in added}
    session.execute(
        line.on_conflict_do_update(index_elements=["job_id", "provider_id", "purpose"], set_=sums)
    )
