"""Preference pairs: trying what a run would build, building it in a job, taking it back."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.pairs.answers import KINDS
from app.curation.pairs.building import Gate, usual_margin
from app.curation.records import Kind
from app.datasets import service as datasets
from app.datasets.models import KINDS_OF, Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.preferences import candidates, policies, storing
from app.preferences.candidates import Found
from app.preferences.drafting import Draft, draft
from app.preferences.orders import Method, Order, method
from app.samples import bulk, lineage
from app.samples.models import BulkAction, Sample
from app.samples.search import condition

MOST_READ = 50_000  # answers whose questions are read while somebody waits
MOST_TRIED = 10_000  # answers that are compared meanwhile
_AT_ONCE = 300  # groups whose texts are held
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What a run would do: groups of answers, pairs, refusals by gate, and how lengths would lie.

    Of very many groups each so-manieth is `tried`. `longer` is the share of pairs whose chosen
    answer is the longer one.
    """

    method: str
    margin: float
    groups: int
    tried: int
    pairs: int
    longer: float
    refused: Counter[Gate]
    examples: tuple[Draft, ...]


def preview(session: Session, dataset: Dataset, order: Order) -> Trial:
    """Count what would be built and refused; nothing is written."""
    found_by, into = _checked(session, dataset, order)
    answers = candidates.count(session, dataset.id, order.where)
    if found_by.signal is not None and answers > MOST_READ:
        raise InvalidError(
            f"{answers:,} answers match, and a preview reads {MOST_READ:,} at most. Narrow it by "
            "a filter, or start the run: it tells the same, and it can be taken back."
        )
    found = candidates.find(session, dataset.id, found_by, order.where)
    margin = _margin(order, found)
    refused, drafts, tried = Counter(found.refused), list[Draft](), 0
    for part in batches(found, 1 + len(found.ids) // MOST_TRIED):
        tried += len(part)
        drafted = draft(session, part, found_by.name, order.rules, margin)
        known = storing.count_known(session, into.id, drafted.drafts)
        refused.update(drafted.refused)
        if known:
            refused[Gate.KNOWN] += known
        drafts += drafted.drafts
    longer = sum(
        len(one.record.body["chosen"]) > len(one.record.body["rejected"]) for one in drafts
    )
    return Trial(
        found_by.name,
        margin,
        len(found),
        tried,
        len(drafts) - refused[Gate.KNOWN],
        longer / len(drafts) if drafts else 0.0,
        +refused,
        tuple(drafts[:_EXAMPLES]),
    )


def batches(found: Found, step: int = 1) -> Iterator[list[list[candidates.Side]]]:
    """Some groups at a time: all, or each so-manieth."""
    groups = found.groups(step)
    while part := list(islice(groups, _AT_ONCE)):
        yield part


def _margin(order: Order, found: Found) -> float:
    return usual_margin(*found.range) if order.rules.margin is None else order.rules.margin


def _checked(session: Session, dataset: Dataset, order: Order) -> tuple[Method, Dataset]:
    """The method and where the pairs go; refuses what can't be."""
    datasets.refuse_protected(dataset, "made into preference pairs")
    found_by = method(session, dataset, order.by)
    condition(session, dataset.id, order.where)
    into = datasets.get(session, order.into) if order.into else dataset
    datasets.refuse_protected(into, "added to by pairs")
    if Kind.PREFERENCE not in KINDS_OF[into.purpose]:
        raise InvalidError(
            f"{into.name}, whose purpose is {into.purpose}, takes no samples of the kind "
            "preference. Name a dataset that does: make one with the purpose preference."
        )
    return found_by, into


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Build pairs in a job; one run into a dataset at a time."""
    policies.may_build(by)
    found_by, into = _checked(session, dataset, order)
    if jobs.open_jobs(session, into.id, JobKind.PAIR):
        raise ConflictError(f"Pairs of {into.name} are being built or taken back right now.")
    of = _of(session, dataset, order.where)
    source = lineage.source_of_made(session, f"pairs: {found_by.way}", of, by)
    action = BulkAction(
        dataset_id=into.id,
        created_by=by.id,
        action=bulk.PAIRS,
        argument=found_by.name,
        where=order.where,
    )
    session.add(action)
    session.flush()
    job = jobs.start(
        session,
        JobKind.PAIR,
        f"Preference pairs of {dataset.name} by {found_by.name}",
        by=by,
        dataset_id=into.id,
        params={
            "dataset_id": dataset.id,
            "action": str(action.id),
            "undo": False,
            "source": source.id,
            "order": order.model_dump(mode="json"),
        },
    )
    action.job_id = job.id
    after = {"by": found_by.name, "of": dataset.name, **order.model_dump(mode="json")}
    audit.record(
        session, by, "pairs.start", ("bulk_action", action.id), dataset_id=into.id, after=after
    )
    return job


def _of(session: Session, dataset: Dataset, where: str) -> ColumnElement[bool]:
    return condition(session, dataset.id, where) & Sample.kind.in_(KINDS)


def order_of(job: Job) -> Order:
    """What was asked for."""
    return Order.model_validate(job.params["order"])


def action_of(session: Session, job: Job) -> BulkAction:
    """The run that a job makes, or takes back."""
    return bulk.get(session, uuid.UUID(job.params["action"]))


def find(session: Session, job: Job) -> tuple[Found, str, float]:
    """The candidates of a job, the name of its method, and the margin that it asks for."""
    order = order_of(job)
    dataset = datasets.by_id(session, job.params["dataset_id"])
    found_by = method(session, dataset, order.by)
    found = candidates.find(session, dataset.id, found_by, order.where)
    return found, found_by.name, _margin(order, found)


def undo(session: Session, dataset: Dataset, *, by: Principal) -> Job:
    """Take the newest run into a dataset back: its pairs that nobody decided on or edited."""
    policies.may_build(by)
    row = latest(session, dataset.id)
    if row is None:
        raise NotFoundError(f"No run has built pairs in {dataset.name} that could be taken back.")
    return bulk.undo(session, row.id, by=by)


def latest(session: Session, dataset_id: int) -> BulkAction | None:
    """The newest run whose pairs stand."""
    query = select(BulkAction).where(
        BulkAction.dataset_id == dataset_id,
        BulkAction.action == bulk.PAIRS,
        BulkAction.undone_at.is_(None),
        BulkAction.affected > 0,
    )
    return session.scalar(query.order_by(BulkAction.created_at.desc()).limit(1))


def finish(session: Session, job: Job) -> None:
    """Note what came of it."""
    action = action_of(session, job)
    if job.params["undo"]:
        action.undone_at = now()
    else:
        action.affected = storing.made(session, action)
        job.result = {**job.result, "pairs": action.affected}
    job.result = {**job.result, "action": str(action.id)}


def stopped(session: Session, job: Job) -> None:
    """What was built until then can be taken back; an undo that failed left all as it was."""
    if not job.params["undo"]:
        finish(session, job)


def runs(session: Session, dataset_id: int, limit: int = 20) -> Sequence[Job]:
    """The newest runs that build pairs of a dataset, or into it."""
    query = select(Job).where(
        Job.kind == JobKind.PAIR,
        Job.params["undo"].as_boolean().is_(False),
        or_(Job.dataset_id == dataset_id, Job.params["dataset_id"].as_integer() == dataset_id),
    )
    return session.scalars(query.order_by(Job.created_at.desc()).limit(limit)).all()


def result_of(refused: Counter[Gate], margin: float, groups: int) -> dict[str, Any]:
    """What a job tells of its gates."""
    counts = {gate.value: count for gate, count in sorted(refused.items()) if count}
    return {"groups": groups, "margin": margin, "refused": counts}
