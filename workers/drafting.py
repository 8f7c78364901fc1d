"""What all runs share: the seeds that are left, and writing what was made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.curation.generators.base import Asking, Generator
from app.curation.records import Record
from app.generation import service
from app.generation.models import GenerationRun
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


def write(chunk: Chunk, run: GenerationRun, screening: Screening, lines: Sequence[Line]) -> None:
    """Screen these lines and write them; the caller commits."""
    screening.catch_up(chunk.session, run)
    made = screening.screened([one.made for one in lines], [one.leaf for one in lines])
    store(
        chunk.session,
        run,
        [replace(one, made=found) for one, found in zip(lines, made, strict=True)],
    )
