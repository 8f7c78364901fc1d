"""What a worker holds while it does a part of a job, and what each kind of job must bring."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.db import session_scope
from app.jobs.models import DeadLetter, Job, JobChunk, JobStatus
from workers.meter import Meter


class CancelledError(Exception):
    """The owner asked to stop."""


class PausedError(Exception):
    """The job can't go on without a person; the sentence says why. What was saved stays."""


class LostChunkError(Exception):
    """The chunk was given to another worker: what this one holds must not be written."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What a kind of job does. `plan` gives the chunks' params; `work` does one; `finish` closes.

    A chunk with `waits` in its params is done after all others, even when some of them failed.
    `plan` sets `job.total`. `finish` may write `job.result`; it runs once, in the transaction
    that closes the job. `failed` undoes what must not stay when the job fails or is cancelled.
    """

    plan: Callable[[Session, Job], Sequence[dict[str, Any]]]
    work: Callable[["Chunk"], None]
    finish: Callable[[Session, Job], None] = lambda _session, _job: None
    failed: Callable[[Session, Job], None] = lambda _session, _job: None


class Chunk:
    """The chunk a worker holds: its session, params, state and checkpoints."""

    def __init__(self, session: Session, job: Job, row: JobChunk) -> None:
        self.session = session
        self.job = job
        self.id = row.id
        self.params = row.params
        self.state = dict(row.state)
        self._done = row.done
        self._attempt = row.attempt
        self._meter = Meter()

    @property
    def attempt(self) -> int:
        """How often the chunk was begun, this time included."""
        return self._attempt

    @property
    def done(self) -> int:
        """Records done so far, those before a crash included."""
        return self._done

    def phase(self, words: str) -> None:
        """Tell those who wait what a step does that counts no rows; seen at once."""
        self.state["phase"] = words
        mine = JobChunk.id == self.id, JobChunk.attempt == self._attempt
        with session_scope() as session:
            told = JobChunk.state.op("||")({"phase": words})
            session.execute(update(JobChunk).where(*mine).values(state=told))

    def restart(self) -> None:
        """Begin anew: for work that has no half-way state."""
        self._done, self.state = 0, {}

    def reject(
        self,
        place: str,
        reason: str,
        *,
        line: int | None = None,
        column: int | None = None,
        sample_id: int | None = None,
        raw: str = "",
    ) -> None:
        """Keep a record that failed, with its reason; it is written with the next checkpoint."""
        letter = DeadLetter(
            job_id=self.job.id,
            chunk_id=self.id,
            place=place,
            line=line,
            column=column,
            sample_id=sample_id,
            reason=reason,
            raw=raw,
        )
        self.session.add(letter)

    def taken(self) -> dict[str, Any]:
        """What the chunk took since it was last written, to be added to its row."""
        cpu_s, gpu_s = self._meter.taken()
        return {"cpu_s": JobChunk.cpu_s + cpu_s, "gpu_s": JobChunk.gpu_s + gpu_s}

    def keep(self) -> None:
        """Commit what was written, though the owner asked to stop: it is what the job took."""
        self.session.commit()

    def checkpoint(self, done: int, **state: Any) -> None:
        """Commit the rows written since the last one, with how far the chunk is.

        Raises CancelledError when the owner asked to stop, LostChunkError when the chunk was
        taken away; in both cases nothing of this step stays.
        """
        if state:  # a restart goes on from here, so earlier tries count no more
            self.state.update(state, saved_by=self._attempt)
        self._done += done
        moved = self.session.execute(
            update(JobChunk)
            .where(
                JobChunk.id == self.id,
                JobChunk.attempt == self._attempt,
                JobChunk.status == JobStatus.RUNNING,
            )
            .values(
                done=self._done,
                state=self.state,
                heartbeat_at=text("clock_timestamp()"),
                **self.taken(),
            )
            .returning(JobChunk.id)
        ).one_or_none()
        if moved is None:
            raise LostChunkError
        if self.session.scalar(
            text("SELECT cancel_requested FROM jobs WHERE id = :id"), {"id": self.job.id}
        ):
            raise CancelledError
        self.session.commit()
