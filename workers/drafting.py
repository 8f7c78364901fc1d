"""What all runs share: the seeds that are left, and writing what was made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import delete

from app.curation.generators.base import Asking, Generator, Made, Outcome
from app.curation.records import Record
from app.generation import service
from app.generation.models import GenerationDraft, GenerationRun
from app.generation.screening import Screening
from app.generation.storing import Line, store
from workers.chunks import Chunk


def seeds(chunk: Chunk, run: GenerationRun, generator: Generator) -> Iterator[Record]:
    """The seeds that are left; all of them for a generator that draws its own examples."""
    session, params = chunk.session, chunk.job.params
    wanted = service.seeds_among(session, run.dataset_id, generator, run.where)
    most = params["seeds"]
    last = 0
    if not isinstance(generator, Asking) or generator.per_seed:
        most = min(most, service.PILOT_TASKS) if run.pilot else most
        most -= chunk.state.get("next", 0)
        last = chunk.state.get("last_seed", 0)
    return service.seeds(session, wanted, last, chunk.params["high"], most)


def forget_cancelled(chunk: Chunk, run: GenerationRun) -> None:
    """Take back the lines of requests that are made anew by who retries a cancelled run."""
    mine = GenerationDraft.run_id == run.id, GenerationDraft.outcome == Outcome.CANCELLED.value
    chunk.session.execute(delete(GenerationDraft).where(*mine))


def write_cancelled(chunk: Chunk, run: GenerationRun, lines: Sequence[Line]) -> None:
    """Account for requests that were paid when the run was cancelled, and commit."""
    made = Made(Outcome.CANCELLED, reason="The run was cancelled before this was taken in.")
    store(chunk.session, run, [replace(one, made=made) for one in lines])
    chunk.keep()


def write(chunk: Chunk, run: GenerationRun, screening: Screening, lines: Sequence[Line]) -> None:
    """Screen these lines and write them; the caller commits."""
    screening.catch_up(chunk.session, run)
    made = screening.screened([one.made for one in lines], [one.leaf for one in lines])
    store(
        chunk.session,
        run,
        [replace(one, made=found) for one, found in zip(lines, made, strict=True)],
    )
