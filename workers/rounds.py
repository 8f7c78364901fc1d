"""The rounds of a run over the leaves of a taxonomy, until each has its target or was tried enough.

A round is planned when the one before is written, and asked for in waves, each of no more requests
than its leaves may need: what a wave brought is written before the next is planned. The wave and
what is left of the round stand in the state of the chunk.
"""

from collections.abc import Iterator

from app.curation.generators.base import Task
from app.curation.generators.lab import Lab
from app.curation.generators.leaf import Leaf
from app.datasets.models import Dataset
from app.generation import leaves, service
from app.generation.models import GenerationRun
from app.taxonomy import service as taxonomy
from workers.chunks import Chunk


def rounds(chunk: Chunk, run: GenerationRun, generator: Lab) -> Iterator[Iterator[Task]]:
    """The requests of one wave after the other; what is yielded must be written before the next.

    A pilot has one round of one wave.
    """
    session = chunk.session
    dataset = session.get_one(Dataset, run.dataset_id)
    resumed = "plan" in chunk.state
    while True:
        nodes = taxonomy.leaves(session, dataset, generator.paths())
        wanted = service.seeds_among(session, dataset.id, generator, run.where)
        found = leaves.read(session, nodes, wanted)
        if not resumed and not _next(chunk, run, generator, dataset, found):
            return
        resumed = False
        state = chunk.state
        yield leaves.tasks(state["plan"], found, generator, state["first"], state["next"])


def _next(
    chunk: Chunk, run: GenerationRun, generator: Lab, dataset: Dataset, found: dict[int, Leaf]
) -> bool:
    """Plan the next wave, in a new round where this one is through; False when all is."""
    session, number = chunk.session, chunk.state.get("round", 0)
    left = dict(chunk.state.get("left", ()))
    plan = leaves.wave(session, dataset, generator, found, left)
    if not plan and number < (1 if run.pilot else generator.rounds):
        number += 1
        whole = leaves.plan(session, dataset, generator, found, leaves.yields(session, run))
        if run.pilot:
            whole = leaves.first_of(whole, service.PILOT_TASKS)
        left = {leaf_id: count for leaf_id, _, count in whole}
        plan = whole if run.pilot else leaves.wave(session, dataset, generator, found, left)
    if not plan:
        chunk.job.total = chunk.state.get("next", 0)
        return False
    _begin(chunk, plan, left, number)
    return True


def _begin(chunk: Chunk, plan: leaves.Plan, left: dict[int, int], number: int) -> None:
    first = chunk.state.get("next", 0)
    counts = {leaf_id: count for leaf_id, _, count in plan}
    rest = {one: left[one] - count for one, count in counts.items() if left[one] > count}
    chunk.job.total = first + leaves.size(plan) + sum(rest.values())
    state = {"plan": plan, "left": list(rest.items()), "first": first, "next": first}
    chunk.checkpoint(0, round=number, **state)
