"""Calibration in the browser: a signal beside people, where to cut, where the two differ."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.calibration import plots, service
from app.datasets import service as datasets
from app.errors import AppError
from app.samples import registry, texts
from app.scoring import service as scoring
from app.scoring import trust
from app.web.render import render

router = APIRouter(include_in_schema=False)
_LISTED = 20
Name = Annotated[str, Query(max_length=100)]


@router.get("/datasets/{name}/calibration", name="calibration:page")
def calibration_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Name = "",
    against: Name = "",
    cut: Annotated[float | None, Query()] = None,
) -> HTMLResponse:
    """One signal against people; the address is the whole state."""
    dataset = datasets.get(session, name)
    signals = registry.signals(session, dataset.id)
    first = next((one for one in signals if one.key == "judge"), signals[0] if signals else None)
    chosen = signal or (first.name if first else "")
    against = against or service.labels_of(session, dataset, chosen)
    report, problem = None, ""
    try:
        report = service.report(session, dataset, chosen, against, cut=cut) if chosen else None
    except AppError as error:
        problem = str(error)
    shown = report.disagreements[:_LISTED] if report else []
    return render(
        request,
        "calibration/page.html",
        page="calibration",
        dataset=dataset,
        signals=signals,
        chosen=chosen,
        against=against,
        report=report,
        problem=problem,
        badge=trust.badges(session, dataset.id).get(chosen, trust.Badge.NOT_CALIBRATED),
        shown=shown,
        texts=texts.beginnings(session, [one.id for one in shown]),
        reasons=scoring.reasons(session, dataset.id, chosen, [one.id for one in shown]),
        bars=plots.bars(report.rows, report.cut) if report else None,
        curves=plots.curves(report.calibration, report.cut) if report else None,
        roc=plots.roc(report.calibration) if report else "",
        areas=service.areas(session, dataset, report) if report else [],
        position=service.position_of(session, dataset, chosen) if chosen else None,
        confusion=service.confusion(report) if report else None,
    )


@router.post("/datasets/{name}/calibration", name="calibration:record")
def record(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    signal: Annotated[str, Form(max_length=100)],
    against: Annotated[str, Form(max_length=100)],
    cut: Annotated[float, Form()],
) -> Response:
    """Keep what was found: the badge says so from now on."""
    dataset = datasets.get(session, name)
    report = service.report(session, dataset, signal, against, cut=cut)
    service.record(session, dataset, report, by=user)
    address = f"/datasets/{dataset.name}/calibration?signal={signal}&against={against}&cut={cut}"
    return RedirectResponse(address, status_code=303)
