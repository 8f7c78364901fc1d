"""The ledger: replies that are kept, and what they cost, by who pays for what."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.curation.ports import Reply
from app.jobs.models import Job
from app.llm.models import LlmCall, LlmUsage, Provider
from app.llm.service import cost


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


def store(session: Session, provider: Provider, replies: Mapping[bytes, Reply]) -> None:
    """Keep these replies by the hash of their question."""
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


def charge(
    session: Session, provider: Provider, account: Account, replies: list[Reply], reused: int
) -> None:
    """Add what these replies cost, and how many were reused, to the line of the account."""
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
