"""Review over REST."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.current import CurrentUser, SessionDep
from app.curation.pairs.sides import Side
from app.datasets import service as datasets
from app.review import comparing, queue, service, tally
from app.review.models import Verdict
from app.samples import registry
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.samples.schemas import SampleOut, sample_out
from app.sources.models import Source

router = APIRouter(tags=["review"])


class DecisionIn(BaseModel):
    """A verdict on the revision that was seen; `body` when it was edited first."""

    verdict: Verdict
    revision: int
    note: str = Field("", max_length=10_000)
    body: dict[str, Any] | None = None


class DecisionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    sample_id: int
    verdict: Verdict
    revision: int
    edited_from: int | None
    note: str
    preferred: str | None = Field(description="Of a pair: chosen, rejected or tie")
    place: str | None = Field(description="Where the preferred answer stood: a, b or tie")
    previous_status: Status
    created_at: datetime
    undone_at: datetime | None


class SidesOut(BaseModel):
    """A pair in an order that is drawn for each person: nothing tells which one was chosen."""

    model_config = ConfigDict(from_attributes=True)

    prompt: str
    a: str
    b: str
    revision: int


class PreferenceIn(BaseModel):
    """Which answer of a pair is better, by the order in which one was shown them."""

    preferred: Side
    revision: int
    note: str = Field("", max_length=10_000)


class NextOut(BaseModel):
    """The sample to review and until when it is held; null when nothing is left."""

    sample: SampleOut | None
    held_until: datetime | None
    remaining: int


class QueueIn(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    where: str = Field("", max_length=4000)
    order_by: str = Field(
        "",
        max_length=200,
        description="field, -field, uncertain:SIGNAL, disagreement, disagreement:A,B or novel",
    )
    random_share: float = Field(0, ge=0, le=1)
    blind: bool = False


@router.get("/review/next", name="api:review_next")
def next_sample(
    session: SessionDep,
    user: CurrentUser,
    dataset: Annotated[str, Query(max_length=100)],
) -> NextOut:
    """The next sample of a dataset's queue; nobody else is given it meanwhile."""
    found = datasets.get(session, dataset)
    review_queue = queue.queue_of(session, found)
    items = queue.lease_next(session, found, by=user)
    waiting = tally.read(session, review_queue).waiting
    if not items:
        return NextOut(sample=None, held_until=None, remaining=waiting)
    sample = samples.get(session, items[0].sample_id)
    shown = _shown(session, sample, blind=review_queue.blind)
    return NextOut(sample=shown, held_until=items[0].leased_until, remaining=waiting)


def _shown(session: SessionDep, sample: Sample, *, blind: bool) -> SampleOut:
    """In blind mode scores and source are left out here, not hidden by the page."""
    signals = [] if blind else registry.signals(session, sample.dataset_id)
    source = "" if blind else session.get_one(Source, sample.source_id).name
    out = sample_out(sample, samples.body(session, sample), signals, {sample.source_id: source})
    if blind:
        out.metadata, out.tags, out.domain, out.origin = {}, [], None, None
        out.external_id = None
    return out


@router.post("/samples/{sample_id}/decisions", status_code=201, name="api:decide")
def decide(sample_id: int, body: DecisionIn, session: SessionDep, user: CurrentUser) -> DecisionOut:
    """Decide on a sample; 409 when it was edited meanwhile or somebody else holds it."""
    decision = service.decide(
        session,
        sample_id,
        verdict=body.verdict,
        revision=body.revision,
        note=body.note,
        body=body.body,
        by=user,
    )
    return DecisionOut.model_validate(decision)


@router.get("/samples/{sample_id}/sides", name="api:get_sides")
def get_sides(sample_id: int, session: SessionDep, user: CurrentUser) -> SidesOut:
    """Both answers of a pair in one's own order."""
    sample = samples.get(session, sample_id)
    found = comparing.sides(sample, samples.body(session, sample), user)
    return SidesOut(prompt=found.prompt, a=found.a, b=found.b, revision=sample.revision)


@router.post("/samples/{sample_id}/preferences", status_code=201, name="api:prefer")
def prefer(
    sample_id: int, body: PreferenceIn, session: SessionDep, user: CurrentUser
) -> DecisionOut:
    """Say which answer of a pair is better, or that neither is; undone as other decisions are."""
    decision = comparing.prefer(
        session,
        sample_id,
        side=body.preferred,
        revision=body.revision,
        note=body.note,
        by=user,
    )
    return DecisionOut.model_validate(decision)


@router.post("/decisions/{decision_id}/undo", name="api:undo_decision")
def undo(decision_id: int, session: SessionDep, user: CurrentUser) -> DecisionOut:
    """Take a decision back; the sample is where it was."""
    return DecisionOut.model_validate(service.undo(session, decision_id, by=user))


@router.get("/datasets/{name}/review-queue", name="api:review_queue")
def show_queue(name: str, session: SessionDep, _user: CurrentUser) -> QueueIn:
    """Which samples come to reviewers, in which order, with which share at random."""
    return QueueIn.model_validate(queue.queue_of(session, datasets.get(session, name)))


@router.put("/datasets/{name}/review-queue", name="api:configure_review")
def configure(name: str, body: QueueIn, session: SessionDep, user: CurrentUser) -> QueueIn:
    """Set which samples come to reviewers, in which order, with which share at random."""
    changed = queue.configure(
        session,
        datasets.get(session, name),
        where=body.where,
        order_by=body.order_by,
        random_share=body.random_share,
        blind=body.blind,
        by=user,
    )
    return QueueIn(
        where=changed.where,
        order_by=changed.order_by,
        random_share=changed.random_share,
        blind=changed.blind,
    )
