"""Contamination in the browser: per benchmark what was found, side by side, and verdicts."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.contamination import certificate, confirming, service, verdicts
from app.contamination.asking import Wanted
from app.contamination.evidence import evidence
from app.contamination.listing import page
from app.contamination.service import Order
from app.contamination.verdicts import Filter, Pair, VerdictIn
from app.curation.catalog import LAYERS
from app.datasets import service as datasets
from app.datasets.models import Purpose
from app.errors import InvalidError
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.llm import service as llm
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)
_SHOWN = 100


@router.get("/datasets/{name}/contamination", name="contamination:page")
def contamination_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    wanted: Wanted,
    item: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    sample: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> HTMLResponse:
    """All benchmarks with what was found; one pair side by side."""
    dataset = datasets.get(session, name)
    kinds = (JobKind.DECONTAMINATE, JobKind.CONFIRM)
    running = [job for kind in kinds for job in jobs.open_jobs(session, dataset.id, kind)]
    rows = page(session, dataset, wanted, None, _SHOWN)
    if item is None and rows:
        item, sample = rows[0].item_id, rows[0].sample_id
    shown = evidence(session, dataset, item, sample) if item and sample else None
    everything = datasets.everything(session)
    others = [one for one in everything if one.id != dataset.id]
    known = certificate.certificate(session, dataset)
    return render(
        request,
        "contamination/page.html",
        page="contamination",
        dataset=dataset,
        certificate=known,
        note=known.note,
        pairs=rows,
        total=verdicts.count(session, dataset, wanted),
        wanted=wanted,
        shown=shown,
        current=next(
            (one for one in rows if shown and (one.item_id, one.sample_id) == (item, sample)), None
        ),
        layers=LAYERS,
        default=service.DEFAULT,
        providers=llm.everything(session),
        candidates=verdicts.count(session, dataset, Filter(finding="candidate", state="open")),
        names={one.id: one.name for one in everything},
        benchmarks=[one.name for one in others if one.purpose is Purpose.BENCHMARK],
        others=[one.name for one in others if one.purpose is not Purpose.BENCHMARK],
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.post("/datasets/{name}/contamination", name="contamination:start")
def start(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    against: Annotated[list[str] | None, Form()] = None,
    layers: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Look for benchmarks."""
    dataset = datasets.get(session, name)
    if not against:
        raise InvalidError("Choose a benchmark to look for.")
    order = build(Order, {"against": against, "layers": layers or []}, "contamination")
    service.start(session, dataset, order, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/contamination", status_code=303)


@router.post("/datasets/{name}/contamination/confirm", name="contamination:confirm")
def confirm(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Put the open candidates to a judge."""
    dataset = datasets.get(session, name)
    given = {field: form[field] for field in confirming.Order.model_fields if form.get(field)}
    confirming.start(session, dataset, build(confirming.Order, given, "confirm"), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/contamination", status_code=303)


@router.post("/datasets/{name}/contamination/verdict", name="contamination:judge")
def judge(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    wanted: Annotated[str, Form(max_length=20)],
    reason: Annotated[str, Form(max_length=1000)] = "",
    item: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
    sample: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
    confirmed: Annotated[int | None, Form(ge=0)] = None,
    benchmark: Annotated[str, Form(max_length=100)] = "",
    layer: Annotated[str, Form(max_length=40)] = "",
    finding: Annotated[str, Form(max_length=20)] = "",
    state: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Decide on one pair, or on all of the filter; or take the decision on a pair back."""
    dataset = datasets.get(session, name)
    mine = Filter(benchmark=benchmark, layer=layer, finding=finding, state=state)
    pairs = [Pair(item=item, sample=sample)] if item and sample else []
    if wanted == "undo":
        verdicts.undo(session, dataset, pairs, by=user)
    else:
        values: dict[str, Any] = {"verdict": wanted, "reason": reason, "pairs": pairs}
        if not pairs:
            values |= {"all_of": mine, "confirmed": confirmed}
        verdicts.decide(session, dataset, build(VerdictIn, values, "verdict"), by=user)
    query = "&".join(f"{key}={value}" for key, value in mine.model_dump().items() if value)
    return RedirectResponse(f"/datasets/{dataset.name}/contamination?{query}", status_code=303)
