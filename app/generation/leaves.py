"""A run over the leaves of a taxonomy: what each lacks, and the requests of the next round.

All is read from the database at the start of a round, so a run that was stopped goes on as if it
had not been.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, distinct, func, select, tuple_
from sqlalchemy.orm import Session

from app.curation.generators.base import Outcome, Task
from app.curation.generators.lab import Lab
from app.curation.generators.leaf import KNOWLEDGE, Leaf, normal, passages_of
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.generation.models import GenerationDraft, GenerationRun
from app.samples.models import Sample, SampleBody, Status
from app.taxonomy import service as taxonomy
from app.taxonomy.models import TaxonomyDocument, TaxonomyNode, TaxonomySeed

CLOSED = (Status.REJECTED, Status.DROPPED, Status.QUARANTINED)
Plan = list[tuple[int, int, int]]  # leaf, the first of its requests among all for it, how many
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Yield:
    """What the requests for a leaf brought: all drafts, and those that were accepted."""

    drafts: int = 0
    accepted: int = 0


def chosen(session: Session, dataset: Dataset, generator: Lab) -> list[TaxonomyNode]:
    """The leaves that a generator is for; refuses where there are none."""
    taxonomy.refuse_unknown(session, dataset, generator.paths())
    found = taxonomy.leaves(session, dataset, generator.paths())
    if not found:
        raise InvalidError(
            f"{dataset.name} has no taxonomy yet: import one on the page Taxonomy, or with "
            f"`winnow taxonomy import {dataset.name} FILE`."
            if not generator.paths()
            else f"There is no leaf below {', '.join(generator.paths())[:200]}."
        )
    return found


def seeds_of(session: Session, dataset_id: int, generator: Lab) -> ColumnElement[bool]:
    """The samples that are seeds of the leaves that a generator is for."""
    dataset = session.get_one(Dataset, dataset_id)
    ids = [one.id for one in taxonomy.leaves(session, dataset, generator.paths())]
    return Sample.id.in_(select(TaxonomySeed.sample_id).where(TaxonomySeed.node_id.in_(ids)))


def target_of(node: TaxonomyNode, generator: Lab) -> int:
    """How many samples a leaf should have."""
    return generator.target if node.target is None else node.target


def read(
    session: Session, nodes: Sequence[TaxonomyNode], wanted: ColumnElement[bool]
) -> dict[int, Leaf]:
    """Leaves with their seeds that match and the passages of their documents, by id."""
    seeds = _seeds(session, [one.id for one in nodes], wanted)
    texts: dict[int, list[str]] = defaultdict(list)
    knowing = [one.id for one in nodes if one.branch == KNOWLEDGE]
    query = select(TaxonomyDocument.node_id, TaxonomyDocument.text)
    query = query.where(TaxonomyDocument.node_id.in_(knowing)).order_by(TaxonomyDocument.name)
    for node_id, words in session.execute(query):
        texts[node_id].append(words)
    return {
        one.id: Leaf(one.id, one.path, _task(one), tuple(seeds[one.id]), passages_of(texts[one.id]))
        for one in nodes
    }


def _task(node: TaxonomyNode) -> str:
    """What is to be taught, in the words of the file."""
    return " ".join(one for one in (node.domain, node.outline, node.task_description) if one)


def _seeds(
    session: Session, node_ids: Sequence[int], wanted: ColumnElement[bool]
) -> dict[int, list[Record]]:
    query = (
        select(TaxonomySeed.node_id, TaxonomySeed.context, Sample.id, SampleBody.body)
        .join(Sample, Sample.id == TaxonomySeed.sample_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(TaxonomySeed.node_id.in_(node_ids), wanted)
        .order_by(TaxonomySeed.node_id, TaxonomySeed.position)
    )
    found: dict[int, list[Record]] = defaultdict(list)
    for node_id, context, sample_id, body in session.execute(query):
        told = {"context": context} if context else {}
        found[node_id].append(Record(Kind.INSTRUCTION, body, metadata=told, id=sample_id))
    return found


def usable_seeds(session: Session, node_ids: Sequence[int]) -> dict[int, int]:
    """How many seeds each leaf has that nobody threw out."""
    query = (
        select(TaxonomySeed.node_id, func.count())
        .join(Sample, Sample.id == TaxonomySeed.sample_id)
        .where(TaxonomySeed.node_id.in_(node_ids), Sample.status.not_in(CLOSED))
        .group_by(TaxonomySeed.node_id)
    )
    return dict(session.execute(query).all())


def have(session: Session, node_ids: Sequence[int]) -> dict[int, int]:
    """How many accepted samples each leaf has that nobody threw out since."""
    query = (
        select(GenerationDraft.leaf_id, func.count(distinct(Sample.id)))
        .join(Sample, Sample.id == GenerationDraft.sample_id)
        .where(GenerationDraft.leaf_id.in_(node_ids), Sample.status.not_in(CLOSED))
        .group_by(GenerationDraft.leaf_id)
    )
    return {leaf_id: count for leaf_id, count in session.execute(query) if leaf_id is not None}


def yields(session: Session, run: GenerationRun) -> dict[int, Yield]:
    """What a run brought for each leaf so far."""
    accepted = func.count().filter(GenerationDraft.outcome == Outcome.ACCEPTED.value)
    query = (
        select(GenerationDraft.leaf_id, func.count(), accepted)
        .where(GenerationDraft.run_id == run.id, GenerationDraft.leaf_id.is_not(None))
        .group_by(GenerationDraft.leaf_id)
    )
    return {row[0]: Yield(row[1], row[2]) for row in session.execute(query) if row[0] is not None}


def plan(
    session: Session,
    dataset: Dataset,
    generator: Lab,
    leaves: Mapping[int, Leaf],
    so_far: Mapping[int, Yield],
) -> Plan:
    """The requests of a round: for each leaf that lacks samples and can be asked for."""
    lacking = _lacking(session, dataset, generator, leaves)
    asked = _asked(session, list(lacking))
    found: Plan = []
    for one, count in lacking.items():
        brought = so_far.get(one, Yield())
        requests = generator.requests(count, brought.drafts, brought.accepted)
        found.append((one, asked.get(one, 0), requests))
    return found


def wave(
    session: Session,
    dataset: Dataset,
    generator: Lab,
    leaves: Mapping[int, Leaf],
    left: Mapping[int, int],
) -> Plan:
    """Of the requests that are left in a round those that may be asked at once.

    They would bring a leaf just to its target if all drafts passed. So a leaf that has it by
    then is asked for no more, and one request at most brings more than was wanted.
    """
    lacking = _lacking(session, dataset, generator, leaves)
    asked = _asked(session, list(lacking))
    return [
        (one, asked.get(one, 0), min(left[one], generator.requests(count, 0, 0)))
        for one, count in lacking.items()
        if left.get(one, 0)
    ]


def _lacking(
    session: Session, dataset: Dataset, generator: Lab, leaves: Mapping[int, Leaf]
) -> dict[int, int]:
    """How many samples each leaf lacks that can be asked for, in the order of the tree."""
    nodes = taxonomy.leaves(session, dataset, generator.paths())
    there = have(session, [one.id for one in nodes])
    found = {one.id: target_of(one, generator) - there.get(one.id, 0) for one in nodes}
    return {
        one: count
        for one, count in found.items()
        if count > 0 and one in leaves and not leaves[one].problem()
    }


def _asked(session: Session, node_ids: Sequence[int]) -> dict[int, int]:
    """How often was asked for each leaf, pilots left out: a run repeats their requests for free."""
    request = tuple_(GenerationDraft.run_id, GenerationDraft.number)
    query = (
        select(GenerationDraft.leaf_id, func.count(distinct(request)))
        .join(GenerationRun, GenerationRun.id == GenerationDraft.run_id)
        .where(GenerationDraft.leaf_id.in_(node_ids), GenerationRun.pilot.is_(False))
        .group_by(GenerationDraft.leaf_id)
    )
    return {leaf_id: count for leaf_id, count in session.execute(query) if leaf_id is not None}


def size(plan_: Plan) -> int:
    """How many requests a round has."""
    return sum(count for _, _, count in plan_)


def first_of(plan_: Plan, most: int) -> Plan:
    """The first so many requests, as they are asked: one of each leaf, then a second of each."""
    counts: dict[int, int] = defaultdict(int)
    for leaf_id, _ in _in_turns(plan_)[:most]:
        counts[leaf_id] += 1
    return [(one, serial, counts[one]) for one, serial, _ in plan_ if counts[one]]


def tasks(
    plan_: Plan, leaves: Mapping[int, Leaf], generator: Lab, first: int, after: int
) -> Iterator[Task]:
    """The requests of a round, numbered from `first`, those numbered `after` and later alone."""
    for number, (leaf_id, serial) in enumerate(_in_turns(plan_), start=first):
        if number >= after and leaf_id in leaves and not leaves[leaf_id].problem():
            yield generator.task(leaves[leaf_id], number, serial)


def some(
    session: Session, dataset: Dataset, generator: Lab, wanted: ColumnElement[bool], most: int
) -> list[Task]:
    """The first so many requests of a run, to be tried."""
    found = read(session, chosen(session, dataset, generator), wanted)
    first = first_of(plan(session, dataset, generator, found, {}), most)
    return list(tasks(first, found, generator, 0, 0))


def requests_left(session: Session, run: GenerationRun, generator: Lab) -> int:
    """How many requests the leaves need to get to their targets, by the yield of a run."""
    dataset = session.get_one(Dataset, run.dataset_id)
    nodes = taxonomy.leaves(session, dataset, generator.paths())
    brought = yields(session, run).values()
    drafts, accepted = sum(one.drafts for one in brought), sum(one.accepted for one in brought)
    there = have(session, [one.id for one in nodes])
    lacking = [target_of(one, generator) - there.get(one.id, 0) for one in nodes]
    return sum(generator.requests(one, drafts, accepted) for one in lacking if one > 0)


def _in_turns(plan_: Plan) -> list[tuple[int, int]]:
    most = max((count for _, _, count in plan_), default=0)
    return [
        (leaf_id, serial + turn)
        for turn in range(most)
        for leaf_id, serial, count in plan_
        if turn < count
    ]


def known(session: Session, dataset_id: int) -> set[Key]:
    """The questions that the leaves of a dataset have: their seeds', and what was made for them."""
    mine = TaxonomyNode.dataset_id == dataset_id
    by_seed = select(TaxonomySeed.node_id, TaxonomySeed.sample_id).join(
        TaxonomyNode, TaxonomyNode.id == TaxonomySeed.node_id
    )
    by_run = select(GenerationDraft.leaf_id, GenerationDraft.sample_id).join(
        TaxonomyNode, TaxonomyNode.id == GenerationDraft.leaf_id
    )
    found: set[Key] = set()
    for pairs in (by_seed.where(mine).subquery(), by_run.where(mine).subquery()):
        leaf_id, sample_id = pairs.c
        query = (
            select(leaf_id, SampleBody.body)
            .join(Sample, Sample.id == sample_id)
            .join(
                SampleBody,
                (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
            )
        )
        found |= {key(node_id, body) for node_id, body in session.execute(query)}
    return found


def key(leaf_id: int, body: Mapping[str, str]) -> Key:
    """By what a leaf knows a question again: its words, and those of the text it is about."""
    return leaf_id, normal(body.get("instruction", "")), normal(body.get("input", ""))
