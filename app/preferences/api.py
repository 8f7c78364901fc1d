"""Preference pairs over REST: trying, building, taking back, the report."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.pairs.building import ABOUT
from app.datasets import service as datasets
from app.jobs.models import Job
from app.jobs.schemas import JobOut, accepted
from app.preferences import report, service
from app.preferences.orders import Order

router = APIRouter(tags=["preferences"])


class RefusedOut(BaseModel):
    """How many pairs, or answers, a gate kept out."""

    gate: str
    count: int
    about: str


class ExampleOut(BaseModel):
    """A pair that would be built."""

    prompt: str
    chosen: str
    rejected: str
    metadata: dict[str, Any]


class TrialOut(BaseModel):
    """What a run would do; `longer` is the share of pairs whose chosen answer is the longer one.

    Of very many groups each so-manieth is `tried`: pairs and refusals are of these.
    """

    by: str
    margin: float
    groups: int
    tried: int
    pairs: int
    longer: float
    refused: list[RefusedOut]
    examples: list[ExampleOut]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MarginsOut(_Out):
    low: float
    high: float
    counts: list[int]
    median: float | None
    missing: int


class LengthsOut(_Out):
    """Medians in characters; `warns` where the chosen answer is the longer one too often."""

    chosen: float | None
    rejected: float | None
    longer: float
    warns: bool


class WayOut(_Out):
    by: str
    pairs: int
    margin: float | None
    longer: float


class GroupOut(_Out):
    chosen: str
    rejected: str
    pairs: int


class PeopleOut(_Out):
    """What people preferred in review: the chosen one, the other, neither; the first place."""

    decided: int
    agreed: int
    disagreed: int
    tied: int
    first: int


class RunOut(BaseModel):
    """A run that built pairs, with what its gates kept out."""

    job: str
    status: str
    by: str
    into: str
    where: str
    pairs: int
    refused: list[RefusedOut]


class ReportOut(BaseModel):
    """The pairs of a dataset that are open or approved, and its newest runs.

    Of very many a draw of `drawn` is looked at; what is told beside `pairs` is of these.
    """

    pairs: int
    drawn: int
    margins: MarginsOut
    lengths: LengthsOut
    ways: list[WayOut]
    sources: list[GroupOut]
    models: list[GroupOut]
    people: PeopleOut
    runs: list[RunOut]


@router.post("/datasets/{name}/preferences", status_code=202, name="api:build_preferences")
def build(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Build pairs of a better and a worse answer to the same question, in a job."""
    return _job(
        session, service.start(session, datasets.get(session, name), body, by=user), response
    )


@router.post("/datasets/{name}/preferences/preview", name="api:preview_preferences")
def preview(name: str, body: Order, session: SessionDep, _user: CurrentLead) -> TrialOut:
    """What would be built and what each gate would keep out; nothing is written."""
    found = service.preview(session, datasets.get(session, name), body)
    return TrialOut(
        by=found.method,
        margin=found.margin,
        groups=found.groups,
        tried=found.tried,
        pairs=found.pairs,
        longer=found.longer,
        refused=_refused({gate.value: count for gate, count in found.refused.items()}),
        examples=[
            ExampleOut(**one.record.body, metadata=dict(one.record.metadata))
            for one in found.examples
        ],
    )


@router.post("/datasets/{name}/preferences/undo", status_code=202, name="api:undo_preferences")
def undo(name: str, session: SessionDep, user: CurrentUser, response: Response) -> JobOut:
    """Take the newest run into a dataset back: its pairs that nobody decided on or edited."""
    return _job(session, service.undo(session, datasets.get(session, name), by=user), response)


@router.get("/datasets/{name}/preferences", name="api:get_preferences")
def get_report(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000)] = "",
) -> ReportOut:
    """Margins, lengths and sources of the pairs, what people preferred, the newest runs."""
    dataset = datasets.get(session, name)
    found = report.report(session, dataset, where)
    return ReportOut(
        pairs=found.pairs,
        drawn=found.drawn,
        margins=MarginsOut.model_validate(found.margins),
        lengths=LengthsOut.model_validate(found.lengths),
        ways=[WayOut.model_validate(one) for one in found.ways],
        sources=[GroupOut.model_validate(one) for one in found.sources],
        models=[GroupOut.model_validate(one) for one in found.models],
        people=PeopleOut.model_validate(found.people),
        runs=[_run(one) for one in service.runs(session, dataset.id)],
    )


def _run(job: Job) -> RunOut:
    order = service.order_of(job)
    return RunOut(
        job=str(job.id),
        status=job.status,
        by=order.by,
        into=order.into,
        where=order.where,
        pairs=job.result.get("pairs", 0),
        refused=_refused(job.result.get("refused", {})),
    )


def _refused(counts: dict[str, int]) -> list[RefusedOut]:
    return [
        RefusedOut(gate=gate, count=counts[gate], about=about)
        for gate, about in ABOUT.items()
        if gate in counts
    ]


def _job(session: SessionDep, job: Job, response: Response) -> JobOut:
    return accepted(session, job, response)
