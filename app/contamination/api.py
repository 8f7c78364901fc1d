"""Contamination over REST: looking for benchmarks, what was found, verdicts, the certificate."""

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.contamination import certificate, confirming, service, verdicts
from app.contamination.asking import Wanted
from app.contamination.evidence import evidence
from app.contamination.listing import page
from app.contamination.schemas import (
    CertificateOut,
    DecidedOut,
    EvidenceOut,
    HitOut,
    LayerOut,
    PairOut,
)
from app.contamination.service import Order
from app.contamination.verdicts import UndoIn, VerdictIn
from app.curation.catalog import LAYERS
from app.datasets import service as datasets
from app.jobs.schemas import JobOut, accepted
from app.web.pagination import Cursor, Limit, Page

router = APIRouter(tags=["contamination"])


@router.get("/layers", name="api:list_layers")
def list_layers(_user: CurrentUser) -> Page[LayerOut]:
    """The layers that find benchmark items, with the thresholds they were published with."""
    items = [
        LayerOut(key=key, title=each.title, help=each.help(), params=each.model_json_schema())
        for key, each in LAYERS.items()
    ]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/decontaminations", status_code=202, name="api:decontaminate")
def decontaminate(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Look for the items of benchmarks in every row, in a job.

    With the benchmarks and layers of an earlier run only new and edited rows are read.
    """
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/contamination", name="api:list_contamination")
def list_contamination(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    wanted: Wanted,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[PairOut]:
    """Items found in samples, matches first, then the likeliest."""
    dataset = datasets.get(session, name)
    rows, following = page(session, dataset, wanted, cursor, limit)
    items = [_pair(session, row) for row in rows]
    return Page(items=items, next=following, total=verdicts.count(session, dataset, wanted))


def _pair(session: Session, row: Any) -> PairOut:
    fields = {one: getattr(row, one) for one in PairOut.model_fields if one != "benchmark"}
    return PairOut(**fields, benchmark=datasets.by_id(session, row.benchmark_id).name)


@router.get("/datasets/{name}/contamination/{item}/{sample}", name="api:get_contamination")
def get_contamination(
    name: str, item: int, sample: int, session: SessionDep, _user: CurrentUser
) -> EvidenceOut:
    """Both texts of a pair, with what each layer found."""
    found = evidence(session, datasets.get(session, name), item, sample)
    return EvidenceOut(
        item_id=found.item.id,
        item_text="".join(one.text for one in found.item.segments),
        sample_id=found.sample.id,
        sample_text="".join(one.text for one in found.sample.segments),
        hits=[HitOut.model_validate(one) for one in found.hits],
    )


@router.post("/datasets/{name}/contamination/confirm", status_code=202, name="api:confirm")
def confirm(
    name: str,
    body: confirming.Order,
    session: SessionDep,
    user: CurrentUser,
    response: Response,
) -> JobOut:
    """Put open candidates to a judge, in a job: each gets a verdict that can be taken back."""
    job = confirming.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.post("/datasets/{name}/contamination/verdicts", name="api:judge_contamination")
def judge(name: str, body: VerdictIn, session: SessionDep, user: CurrentUser) -> DecidedOut:
    """Remove, quarantine or allow rows, by pairs or all of a filter."""
    dataset = datasets.get(session, name)
    return DecidedOut(pairs=verdicts.decide(session, dataset, body, by=user))


@router.post("/datasets/{name}/contamination/verdicts/undo", name="api:unjudge_contamination")
def undo(name: str, body: UndoIn, session: SessionDep, user: CurrentUser) -> DecidedOut:
    """Take verdicts back, by pairs or all of a filter; rows they moved go back."""
    dataset = datasets.get(session, name)
    return DecidedOut(pairs=verdicts.undo(session, dataset, body, by=user))


@router.get("/datasets/{name}/contamination/certificate", name="api:certificate")
def get_certificate(name: str, session: SessionDep, _user: CurrentUser) -> CertificateOut:
    """What was looked for, how, what was found, who decided what, and what is not covered."""
    found = certificate.certificate(session, datasets.get(session, name))
    return CertificateOut.model_validate(found)
