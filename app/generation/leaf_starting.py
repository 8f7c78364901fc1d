"""Which runs over the leaves of a taxonomy are refused before they begin."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.curation.generators.lab import Lab
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.generation import leaves
from app.generation.models import GenerationRun
from app.jobs.models import OPEN_STATUSES, Job
from app.taxonomy import service as taxonomy


def refuse_none(
    session: Session,
    dataset: Dataset,
    generator: Lab,
    wanted: ColumnElement[bool],
    sample: int | None,
) -> int:
    """The requests of a first round; refuses a run for which nothing can be asked."""
    if sample is not None:
        raise InvalidError("`lab` goes by leaves, each with its own seeds: leave `sample` out.")
    nodes = leaves.chosen(session, dataset, generator)
    found = leaves.read(session, nodes, wanted)
    count = leaves.size(leaves.plan(session, dataset, generator, found, {}))
    if count:
        return count
    problems = [f"{one.path}: {one.problem()}" for one in found.values() if one.problem()]
    if not problems:
        raise InvalidError(f"The leaves have their targets ({len(nodes):,}). Raise one to go on.")
    more = f" So it is with {len(problems):,} of {len(nodes):,}." if len(nodes) > 1 else ""
    raise InvalidError(f"There is no leaf to ask for. {problems[0]}{more}")


def refuse_at_work(session: Session, dataset: Dataset, generator: Lab) -> None:
    """Refuse a run on leaves that another one, open or paused, is for: both would fill them."""
    taxonomy.hold(session, dataset)
    mine = {one.id for one in taxonomy.leaves(session, dataset, generator.paths())}
    query = (
        select(GenerationRun, Job.status)
        .join(Job, Job.id == GenerationRun.job_id)
        .where(
            GenerationRun.dataset_id == dataset.id,
            GenerationRun.generator == Lab.key,
            GenerationRun.pilot.is_(False),
            Job.status.in_(OPEN_STATUSES),
        )
        .order_by(GenerationRun.number)
    )
    for run, status in session.execute(query):
        paths = Lab.model_validate(run.params).paths()
        shared = [one for one in taxonomy.leaves(session, dataset, paths) if one.id in mine]
        if shared:
            more = f" and {len(shared) - 1:,} more" if len(shared) > 1 else ""
            raise ConflictError(
                f"Run {run.number} is {status.value} for {shared[0].path}{more}. Wait until it is "
                "through or cancel it, or choose other leaves."
            )
