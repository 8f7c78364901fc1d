"""How the leaves of a taxonomy stand: what was made for each, what failed where, what is short."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import distinct, func, select, tuple_
from sqlalchemy.orm import Session

from app.curation.generators.base import Outcome
from app.curation.generators.lab import Lab
from app.curation.generators.leaf import KNOWLEDGE
from app.datasets.models import Dataset
from app.generation import leaves
from app.generation.models import GenerationDraft, GenerationRun
from app.samples.models import Sample, Status
from app.taxonomy import service as taxonomy
from app.taxonomy.models import TaxonomyNode

_MOST_TOLD = 200  # short leaves in the result of a job


@dataclass(slots=True)
class Standing:
    """A leaf, or all leaves of a branch: targets, samples that stand, drafts that failed by gate.

    `accepted` are the samples that nobody threw out, `approved` those of them that people
    approved, `rejected` those that were thrown out later. `piloted`: pilots alone asked for it.
    """

    path: str
    leaves: int = 0
    target: int | None = None
    seeds: int = 0
    documents: int = 0
    accepted: int = 0
    approved: int = 0
    rejected: int = 0
    requests: int = 0
    drafts: int = 0
    failed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    short: int = 0
    problem: str = ""
    piloted: bool = False

    @property
    def lacking(self) -> int:
        """How many samples are lacking to the target."""
        return max((self.target or 0) - self.accepted, 0)

    def add(self, other: "Standing") -> None:
        """Count a leaf of the branch in."""
        self.leaves += other.leaves
        if other.target is not None:
            self.target = (self.target or 0) + other.target
        for name in ("seeds", "documents", "accepted", "approved", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.requests, self.drafts = self.requests + other.requests, self.drafts + other.drafts
        self.short += other.short
        for gate, count in other.failed.items():
            self.failed[gate] += count


def of_nodes(
    session: Session, dataset: Dataset, run: GenerationRun | None = None
) -> dict[str, Standing]:
    """All nodes by path, in the order of the tree; branches hold the sums of their leaves.

    With a run: its requests and drafts alone, and targets as they were for it.
    """
    nodes = taxonomy.nodes(session, dataset)
    found = {one.path: Standing(one.path) for one in nodes}
    mine = _Counts(session, [one.id for one in nodes if one.leaf], run)
    seeds, documents = taxonomy.counts(session, dataset)
    usable = leaves.usable_seeds(session, [one.id for one in nodes if one.leaf])
    generator = Lab.model_validate(run.params) if run is not None else None
    for node in nodes:
        if not node.leaf:
            continue
        one = mine.standing(node, generator)
        one.seeds, one.documents = seeds.get(node.id, 0), documents.get(node.id, 0)
        one.problem = _problem(node, one, usable.get(node.id, 0))
        for path in _above(node.path):
            if path in found:
                found[path].add(one)
        found[node.path].problem, found[node.path].piloted = one.problem, one.piloted
    return found


def _above(path: str) -> list[str]:
    """The path itself and those of all branches that it is on."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _problem(node: TaxonomyNode, standing: Standing, usable: int) -> str:
    if not standing.seeds:
        return "no seeds"
    if not usable:
        return f"no seeds left, as all {standing.seeds:,} were thrown out"
    if node.branch == KNOWLEDGE and not standing.documents:
        return "no document"
    return ""


class _Counts:
    """What was made for leaves, in three queries for all of them."""

    def __init__(
        self, session: Session, node_ids: list[int], run: GenerationRun | None = None
    ) -> None:
        runs = (
            GenerationDraft.run_id == run.id if run is not None else GenerationRun.pilot.is_(False)
        )
        mine = GenerationDraft.leaf_id.in_(node_ids)
        request = tuple_(GenerationDraft.run_id, GenerationDraft.number)
        drafts = (
            select(GenerationDraft.leaf_id, func.count(distinct(request)), func.count())
            .join(GenerationRun, GenerationRun.id == GenerationDraft.run_id)
            .where(mine, runs)
            .group_by(GenerationDraft.leaf_id)
        )
        self._drafts = {row[0]: (row[1], row[2]) for row in session.execute(drafts)}
        failed = (
            select(
                GenerationDraft.leaf_id,
                GenerationDraft.outcome,
                GenerationDraft.gate,
                func.count(),
            )
            .join(GenerationRun, GenerationRun.id == GenerationDraft.run_id)
            .where(mine, runs, GenerationDraft.outcome != Outcome.ACCEPTED.value)
            .group_by(GenerationDraft.leaf_id, GenerationDraft.outcome, GenerationDraft.gate)
        )
        self._pilot = run is not None and run.pilot
        piloted = (
            select(GenerationDraft.leaf_id)
            .join(GenerationRun, GenerationRun.id == GenerationDraft.run_id)
            .where(mine, GenerationRun.pilot)
            .distinct()
        )
        self._piloted = set(session.scalars(piloted)) if run is None or run.pilot else set()
        self._failed: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for leaf_id, outcome, gate, count in session.execute(failed):
            self._failed[leaf_id or 0][gate or outcome] += count
        made = (
            select(GenerationDraft.leaf_id, Sample.status, func.count(distinct(Sample.id)))
            .join(Sample, Sample.id == GenerationDraft.sample_id)
            .where(mine)
            .group_by(GenerationDraft.leaf_id, Sample.status)
        )
        self._made: dict[int, dict[Status, int]] = defaultdict(dict)
        for leaf_id, status, count in session.execute(made):
            self._made[leaf_id or 0][status] = count

    def standing(self, node: TaxonomyNode, generator: Lab | None) -> Standing:
        made: Mapping[Status, int] = self._made.get(node.id, {})
        requests, drafts = self._drafts.get(node.id, (0, 0))
        thrown = sum(made.get(one, 0) for one in leaves.CLOSED)
        found = Standing(
            node.path,
            leaves=1,
            target=leaves.target_of(node, generator) if generator is not None else node.target,
            accepted=sum(made.values()) - thrown,
            approved=made.get(Status.APPROVED, 0),
            rejected=thrown,
            requests=requests,
            drafts=drafts,
            piloted=node.id in self._piloted and (self._pilot or not drafts),
        )
        found.failed.update(self._failed.get(node.id, {}))
        found.short = 1 if found.lacking else 0
        return found


def of_run(session: Session, run: GenerationRun) -> list[Standing]:
    """The leaves that a run was for."""
    dataset = session.get_one(Dataset, run.dataset_id)
    generator = Lab.model_validate(run.params)
    every = {one.path for one in taxonomy.nodes(session, dataset) if one.leaf}
    paths = generator.paths()
    return [
        one
        for path, one in of_nodes(session, dataset, run).items()
        if path in every
        and (not paths or any(path == under or path.startswith(f"{under}/") for under in paths))
    ]


def why(standing: Standing) -> str:
    """Why a leaf is short, in a sentence; empty where it is not."""
    if not standing.lacking:
        return ""
    if standing.problem:
        asked = "Nothing more can be" if standing.drafts else "Nothing was"
        return f"{asked} asked for it: it has {standing.problem}."
    if standing.piloted:
        return "Only a pilot asked for it, and nothing of a pilot is kept: start a run."
    if standing.rejected and standing.accepted + standing.rejected >= (standing.target or 0):
        thrown = _samples(standing.rejected)
        return f"It had its target; {thrown} thrown out since. Another run makes up for it."
    if not standing.drafts:
        return "Nothing was asked for it yet."
    return _not_enough(standing)


def _not_enough(standing: Standing) -> str:
    worst = sorted(standing.failed.items(), key=lambda item: -item[1])[:3]
    named = ", ".join(f"{count:,} at “{gate}”" for gate, count in worst)
    told = f"{standing.drafts:,} drafts of {standing.requests:,} requests were not enough"
    told = f"{told}: {named} failed." if named else f"{told}."
    return f"{told} {_samples(standing.rejected)} thrown out later." if standing.rejected else told


def _samples(count: int) -> str:
    return f"{count:,} sample was" if count == 1 else f"{count:,} samples were"


def told(session: Session, run: GenerationRun) -> dict[str, Any]:
    """What a job says of its leaves when it is through."""
    found = of_run(session, run)
    short = [one for one in found if one.lacking]
    return {
        "leaves": len(found),
        "reached": len(found) - len(short),
        "short": [
            {"path": one.path, "target": one.target, "accepted": one.accepted, "why": why(one)}
            for one in short[:_MOST_TOLD]
        ],
    }
