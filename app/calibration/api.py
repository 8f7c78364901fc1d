"""Calibration over REST."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.calibration import service
from app.calibration.service import Report
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.review.verdicts import DECISIONS
from app.scoring import trust
from app.web.pagination import Page

router = APIRouter(tags=["calibration"])
Name = Annotated[str, Query(max_length=100)]


class CalibrateIn(BaseModel):
    """What to compare: a signal with `decisions`, or with a rating whose good rows start at
    `passing`."""

    signal: str = Field(max_length=100)
    against: str = Field(DECISIONS, max_length=100)
    cut: float | None = None
    passing: float | None = None


def _out(session: Session, dataset: Dataset, report: Report) -> dict[str, Any]:
    position = service.position_of(session, dataset, report.signal)
    return {
        "signal": report.signal,
        "against": report.against,
        "cut": report.cut,
        "trusted": report.calibration.trusted,
        "calibration": asdict(report.calibration),
        "position": asdict(position) if position is not None else None,
        "disagreements": [asdict(one) for one in report.disagreements],
    }


@router.get("/datasets/{name}/calibration", name="api:calibration")
def calibration(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Name,
    against: Name = DECISIONS,
    cut: float | None = None,
    passing: float | None = None,
) -> dict[str, Any]:
    """How a signal stands to people: agreement, thresholds, biases, the largest disagreements."""
    dataset = datasets.get(session, name)
    found = service.report(session, dataset, signal, against=against, cut=cut, passing=passing)
    return _out(session, dataset, found)


@router.post("/datasets/{name}/calibrations", status_code=201, name="api:record_calibration")
def record(name: str, body: CalibrateIn, session: SessionDep, user: CurrentUser) -> dict[str, Any]:
    """Compare, and keep what was found: filters and releases show it as a badge."""
    dataset = datasets.get(session, name)
    report = service.report(session, dataset, **body.model_dump())
    service.record(session, dataset, report, by=user)
    return _out(session, dataset, report)


@router.get("/datasets/{name}/calibrations", name="api:badges")
def list_badges(name: str, session: SessionDep, _user: CurrentUser) -> Page[dict[str, Any]]:
    """The badge of every signal that was compared with people."""
    found = trust.badges(session, datasets.get(session, name).id)
    items = [{"signal": signal, "badge": badge} for signal, badge in sorted(found.items())]
    return Page(items=items, total=len(items))
