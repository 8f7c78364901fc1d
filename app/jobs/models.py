"""Jobs, the chunks workers claim, and the records that failed."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class JobKind(StrEnum):
    """What a job does; each has a function in `workers`."""

    IMPORT = "import"
    SCORE = "score"
    BULK = "bulk"
    APPLY_RULES = "apply_rules"
    UNDO_RULES = "undo_rules"
    RELEASE = "release"
    PURGE = "purge"
    JUDGE = "judge"
    EMBED = "embed"
    LEARN = "learn"
    DERIVE = "derive"
    CAMPAIGN = "campaign"
    PERPLEXITY = "perplexity"
    CLASSIFY = "classify"
    MASK = "mask"
    MATCH = "match"
    DEDUPLICATE = "deduplicate"
    SPLIT = "split"
    DECONTAMINATE = "decontaminate"
    CONFIRM = "confirm"
    TOPICS = "topics"
    MAP = "map"
    VERIFY = "verify"
    GENERATE = "generate"
    PAIR = "pair"


class Queue(StrEnum):
    """Which machines run it."""

    CPU = "cpu"
    LLM = "llm"
    GPU = "gpu"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"


# A paused job waits for somebody to let it go on.
OPEN_STATUSES = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED)


def _enum(kind: type[StrEnum], name: str) -> Enum:
    return Enum(kind, name=name, values_callable=lambda members: [item.value for item in members])


class Job(CreatedAt, Base):
    """A piece of long work. Its row is the truth; messages only wake the workers."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "status", "queue"), Index(None, "dataset_id", "created_at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[JobKind] = mapped_column(_enum(JobKind, "job_kind"))
    queue: Mapped[Queue] = mapped_column(_enum(Queue, "job_queue"), default=Queue.CPU)
    status: Mapped[JobStatus] = mapped_column(
        _enum(JobStatus, "job_status"), default=JobStatus.QUEUED
    )
    title: Mapped[str]
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    total: Mapped[int | None]
    error: Mapped[str | None]
    request_id: Mapped[str | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobChunk(Base):
    """A part of a job that one worker does at a time.

    `attempt` fences: a worker that lost its chunk to another can write nothing more. `state` is
    what the chunk needs to go on after a crash; it is written in the same transaction as the
    chunk's rows; so are the seconds of processors and of a GPU that all tries of it took.
    """

    __tablename__ = "job_chunks"
    __table_args__ = (
        UniqueConstraint("job_id", "position"),
        Index(None, "status", "heartbeat_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    state: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    status: Mapped[JobStatus] = mapped_column(
        _enum(JobStatus, "job_status"), default=JobStatus.QUEUED
    )
    attempt: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    heartbeat_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    cpu_s: Mapped[float] = mapped_column(default=0.0)
    gpu_s: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[str | None]


class DeadLetter(CreatedAt, Base):
    """A record that failed in a job: which, why, and its text; it can be retried alone."""

    __tablename__ = "dead_letters"
    __table_args__ = (Index(None, "job_id", "id"), Index(None, "chunk_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    chunk_id: Mapped[int | None] = mapped_column(ForeignKey("job_chunks.id", ondelete="CASCADE"))
    place: Mapped[str]
    line: Mapped[int | None] = mapped_column(BigInteger)
    column: Mapped[int | None] = mapped_column(BigInteger)
    sample_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str]
    raw: Mapped[str] = mapped_column(default="")
