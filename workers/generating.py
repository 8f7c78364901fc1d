"""Generating: a run with a model is asked and written, one without is made in batches.

One worker does a run: so limits and budget hold exactly, and a run compares with itself. A worker
that is killed loses no reply that was paid for, and what it wrote it does not write again.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.generators.base import Asking, Plain
from app.generation import finishing, service
from app.generation.models import GenerationRun
from app.generation.screening import Screening
from app.generation.storing import Line
from app.jobs.models import Job
from app.llm.running import finished
from app.samples.models import Sample
from app.verifying.tools import tools_for
from workers.chunks import Chunk, Handler
from workers.drafting import seeds, write
from workers.requesting import Requests

_BATCH = 500  # seeds of a generator that asks nobody: what it draws depends on these ends


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk; what the run makes has higher ids than its seeds may have."""
    run = service.get(session, job.params["run"])
    generator = service.generator_of(run)
    tools_for(generator)  # refuses here, in words, rather than in every request
    job.total = service.tasks_of(generator, job, pilot=run.pilot)
    return [{"high": session.scalar(select(func.max(Sample.id))) or 0}]


def work(chunk: Chunk) -> None:
    """Go on from where the last checkpoint left off."""
    run = service.get(chunk.session, chunk.job.params["run"])
    generator = service.generator_of(run)
    if isinstance(generator, Asking):
        with ThreadPoolExecutor(1, thread_name_prefix="database") as thread:
            finished(Requests(chunk, run, generator, thread).run())
    elif isinstance(generator, Plain):
        _plain(chunk, run, generator)


def _plain(chunk: Chunk, run: GenerationRun, generator: Plain) -> None:
    screening = Screening.of(chunk.session, run.dataset_id, generator)
    found = seeds(chunk, run, generator)
    number = chunk.state.get("next", 0)
    while batch := list(islice(found, _BATCH)):
        made = generator.make(batch)
        lines = [
            Line(number + row, item, one)
            for row, some in enumerate(made)
            for item, one in enumerate(some)
        ]
        write(chunk, run, screening, lines)
        number += len(batch)
        chunk.checkpoint(len(batch), next=number, last_seed=batch[-1].id)


HANDLER = Handler(plan=plan, work=work, finish=finishing.finish)
