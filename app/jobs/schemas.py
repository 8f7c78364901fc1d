"""Jobs as JSON."""

import uuid
from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app.jobs import service
from app.jobs.models import Job, JobKind, JobStatus, Queue
from app.jobs.service import Progress
from app.validation import Money


class EnergyOut(BaseModel):
    """Seconds of cores and of a GPU, tokens asked of models, kWh of all three as estimated."""

    model_config = ConfigDict(from_attributes=True)

    cpu_s: float
    gpu_s: float
    tokens: int
    kwh: float


class KindEnergyOut(EnergyOut):
    """The same of all jobs of a kind."""

    kind: JobKind


class JobOut(BaseModel):
    """A job and how far it is; `rate` is rows per second, `seconds_left` null when unknown."""

    id: uuid.UUID
    kind: JobKind
    queue: Queue
    title: str
    status: JobStatus
    dataset_id: int | None
    done: int
    total: int | None
    failed: int
    rate: float
    seconds_left: float | None
    phase: str = Field(description="What it does right now, where that counts no rows")
    energy: EnergyOut
    error: str | None
    result: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RetryIn(BaseModel):
    budget: Money | None = Field(None, description="What the job may cost in all")


class DeadLetterOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    place: str
    line: int | None
    column: int | None
    sample_id: int | None
    reason: str
    raw: str


def job_out(job: Job, progress: Progress) -> JobOut:
    """The job with its progress."""
    return JobOut(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        title=job.title,
        status=job.status,
        dataset_id=job.dataset_id,
        done=progress.done,
        total=progress.total,
        failed=progress.failed,
        rate=round(progress.rate, 1),
        seconds_left=progress.seconds_left,
        phase=progress.phase,
        energy=EnergyOut.model_validate(progress.energy),
        error=job.error,
        result=job.result,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def accepted(session: Session, job: Job, response: Response) -> JobOut:
    """The answer of a route that started a job: where it is, and how far."""
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_out(job, service.progress(session, [job])[job.id])
