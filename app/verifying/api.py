"""Verifiers over REST: which there are, verifying, how much is verified, the gate of releases."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import VERIFIERS
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.jobs.schemas import JobOut, accepted
from app.samples import service as samples
from app.sandbox import reported
from app.verifying import badges, rates, service
from app.verifying.service import Order
from app.web.methods import MethodOut, method_out
from app.web.pagination import Page

router = APIRouter(tags=["verifiers"])


class VerifierOut(MethodOut):
    """A verifier; `needs` names what it must be given: a sandbox, an embedder or a model."""

    needs: str


class RateOut(BaseModel):
    """Rows by verdict; `share` is what is verified of all rows."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    rows: int
    verified: int
    refuted: int
    unchecked: int
    share: float


class VerificationOut(BaseModel):
    """All verifiers together first, then each; the share that a release must have."""

    at_least: float | None
    rates: list[RateOut]


class GateIn(BaseModel):
    at_least: float | None = Field(
        ge=0, le=1, description="Share of a release that must be verified; null for no gate"
    )


class BadgeOut(BaseModel):
    """A verdict on a sample with its reason."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    verdict: str
    reason: str
    stale: bool


class SandboxOut(BaseModel):
    """What a worker's sandbox keeps from programs, as it was tried out when the worker began."""

    machine: str
    backend: str
    kept: dict[str, str]
    problem: str
    at: str


@router.get("/verifiers", name="api:list_verifiers")
def list_verifiers(_user: CurrentUser) -> Page[VerifierOut]:
    """What can say of samples whether they are right."""
    items = [
        VerifierOut(**method_out(one).model_dump(), needs=one.needs) for one in VERIFIERS.values()
    ]
    return Page(items=items, total=len(items))


@router.get("/sandboxes", name="api:list_sandboxes")
def list_sandboxes(_user: CurrentUser) -> Page[SandboxOut]:
    """How programs are isolated on the machines of workers."""
    items = [SandboxOut.model_validate(one) for one in reported.everything()]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/verify", status_code=202, name="api:verify")
def verify(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Verify the samples that match and have no verdict on their text, in a job."""
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/verification", name="api:get_verification")
def get_verification(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000)] = "",
) -> VerificationOut:
    """How much is verified, of all rows or of those that match."""
    return _out(session, datasets.get(session, name), where)


@router.put("/datasets/{name}/verification", name="api:set_verification_gate")
def set_gate(name: str, body: GateIn, session: SessionDep, user: CurrentUser) -> VerificationOut:
    """Refuse releases of which a smaller share is verified."""
    dataset = datasets.get(session, name)
    rates.set_gate(session, dataset, body.at_least, by=user)
    return _out(session, dataset, "")


@router.get("/samples/{sample_id}/verdicts", name="api:list_verdicts")
def list_verdicts(sample_id: int, session: SessionDep, _user: CurrentUser) -> Page[BadgeOut]:
    """The verdicts on a sample with their reasons, also those that could not be given."""
    found = badges.badges(session, samples.get(session, sample_id))
    return Page(items=[BadgeOut.model_validate(one) for one in found], total=len(found))


def _out(session: Session, dataset: Dataset, where: str) -> VerificationOut:
    found = rates.rates(session, dataset, where)
    items = [RateOut.model_validate(one) for one in found]
    return VerificationOut(at_least=dataset.verified_at_least, rates=items)
