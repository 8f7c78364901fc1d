"""What jobs took: seconds of processors and GPUs, tokens of endpoints, an estimate in kWh."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Uuid, column, func, select, table
from sqlalchemy.orm import Session

from app.jobs.models import Job, JobChunk, JobKind
from app.settings import settings

_J_PER_KWH = 3.6e6
# The ledger of tokens belongs to a domain above this one: it is read by its name.
_usage = table(
    "llm_usage",
    column("job_id", Uuid()),
    *(column(name) for name in ("tokens_in", "tokens_out", "kwh")),
)


@dataclass(frozen=True, slots=True)
class Energy:
    """Seconds of cores and of a GPU, tokens asked of models, and kWh of all three as estimated."""

    cpu_s: float = 0.0
    gpu_s: float = 0.0
    tokens: int = 0
    kwh: float = 0.0

    @classmethod
    def of(cls, cpu_s: float, gpu_s: float, tokens: int = 0, endpoints: float = 0.0) -> "Energy":
        """By the power that the settings give, and what endpoints took."""
        power = settings()
        processors = cpu_s * power.cpu_watts + gpu_s * power.gpu_watts
        return cls(cpu_s, gpu_s, tokens, processors / _J_PER_KWH + endpoints)


def of_jobs(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Energy]:
    """What these jobs took so far."""
    chunks = _seconds(JobChunk.job_id).where(JobChunk.job_id.in_(ids)).group_by(JobChunk.job_id)
    asked = _tokens(_usage.c.job_id).where(_usage.c.job_id.in_(ids)).group_by(_usage.c.job_id)
    return _joined(session, chunks, asked)


def by_kind(session: Session) -> dict[JobKind, Energy]:
    """What all jobs took that are still there, by their kind."""
    chunks = _seconds(Job.kind).join_from(JobChunk, Job).group_by(Job.kind)
    asked = _tokens(Job.kind).join_from(_usage, Job, _usage.c.job_id == Job.id).group_by(Job.kind)
    return dict(sorted(_joined(session, chunks, asked).items()))


def _seconds(by: Any) -> Select[Any]:
    return select(by, func.sum(JobChunk.cpu_s), func.sum(JobChunk.gpu_s))


def _tokens(by: Any) -> Select[Any]:
    tokens = func.sum(_usage.c.tokens_in + _usage.c.tokens_out)
    return select(by, tokens, func.sum(_usage.c.kwh))


def _joined(session: Session, chunks: Select[Any], asked: Select[Any]) -> dict[Any, Energy]:
    took = {key: (cpu_s, gpu_s) for key, cpu_s, gpu_s in session.execute(chunks)}
    tokens = {key: (int(count), kwh) for key, count, kwh in session.execute(asked)}
    return {
        key: Energy.of(*took.get(key, (0.0, 0.0)), *tokens.get(key, (0, 0.0)))
        for key in took.keys() | tokens.keys()
    }
