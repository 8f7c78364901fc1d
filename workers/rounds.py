"""The rounds of a run over the leaves of a taxonomy, until each has its target or was tried enough.

A round is planned when the one before is written; its plan stands in the state of the chunk.
"""

from collections.abc import Iterator

from app.curation.generators.base import Task
from app.curation.generators.lab import Lab
from app.datasets.models import Dataset
from app.generation import leaves, service
from app.generation.models import GenerationRun
from app.taxonomy import service as taxonomy
from workers.chunks import Chunk


def rounds(chunk: Chunk, run: GenerationRun, generator: Lab) -> Iterator[Iterator[Task]]:
    """The requests of one round after the other; what is yielded must be written before the next.

    A pilot has one round.
    """
    session = chunk.session
    dataset = session.get_one(Dataset, run.dataset_id)
    most = 1 if run.pilot else generator.rounds
    resumed = "plan" in chunk.state
    while resumed or chunk.state.get("round", 0) < most:
        nodes = taxonomy.leaves(session, dataset, generator.paths())
        wanted = service.seeds_among(session, dataset.id, generator, run.where)
        found = leaves.read(session, nodes, wanted)
        if not resumed:
            plan = leaves.plan(session, dataset, generator, found, leaves.yields(session, run))
            if not plan:
                return
            _begin(chunk, leaves.first_of(plan, service.PILOT_TASKS) if run.pilot else plan)
        resumed = False
        state = chunk.state
        yield leaves.tasks(state["plan"], found, generator, state["first"], state["next"])


def _begin(chunk: Chunk, plan: leaves.Plan) -> None:
    first = chunk.state.get("next", 0)
    chunk.job.total = first + leaves.size(plan)
    number = chunk.state.get("round", 0) + 1
    chunk.checkpoint(0, plan=plan, first=first, next=first, round=number)
