"""Contamination in the browser: per benchmark what was found, side by side, and verdicts."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.contamination import certificate, confirming, listing, service, verdicts
from app.contamination.asking import Wanted
from app.contamination.evidence import evidence
from app.contamination.service import Order
from app.contamination.verdicts import Filter, Pair, UndoIn, VerdictIn
from app.curation.catalog import LAYERS
from app.datasets import service as datasets
from app.datasets.models import Dataset, Purpose
from app.errors import InvalidError
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.llm import service as llm
from app.validation import build
from app.web.forms import FormFields
from app.web.pagination import Cursor
from app.web.render import render

router = APIRouter(include_in_schema=False)
_SHOWN = 100
_Number = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
_FormNumber = Annotated[int | None, Form(ge=1, le=2**63 - 1)]


@router.get("/datasets/{name}/contamination", name="contamination:page")
def contamination_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    wanted: Wanted,
    item: _Number = None,
    sample: _Number = None,
    judged_item: _Number = None,
    judged_sample: _Number = None,
    cursor: Cursor = None,
) -> HTMLResponse:
    """All benchmarks with what was found; one pair side by side."""
    dataset = datasets.get(session, name)
    kinds = (JobKind.DECONTAMINATE, JobKind.CONFIRM)
    running = [job for kind in kinds for job in jobs.open_jobs(session, dataset.id, kind)]
    everything = datasets.everything(session)
    others = [one for one in everything if one.id != dataset.id]
    known = certificate.certificate(session, dataset)
    judged = _pair(judged_item, judged_sample)
    return render(
        request,
        "contamination/page.html",
        page="contamination",
        dataset=dataset,
        certificate=known,
        note=known.note,
        total=verdicts.count(session, dataset, wanted),
        wanted=wanted,
        **_pairs(session, dataset, wanted, _pair(item, sample), cursor),
        last=listing.find(session, dataset, judged) if judged else None,
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


def _pair(item: int | None, sample: int | None) -> Pair | None:
    return Pair(item=item, sample=sample) if item and sample else None


def _pairs(
    session: Session, dataset: Dataset, wanted: Filter, pair: Pair | None, cursor: str | None
) -> dict[str, Any]:
    """The pair that is looked at, those beside it, and the page of the list that has it."""
    rows, more = listing.page(session, dataset, wanted, cursor, _SHOWN)
    current = listing.get(session, dataset, pair) if pair else next(iter(rows), None)
    if current and not _stands_in(rows, current):
        begins = listing.before(current)
        found, behind = listing.page(session, dataset, wanted, begins, _SHOWN)
        if _stands_in(found, current):
            rows, more, cursor = found, behind, begins
    return {
        "pairs": rows,
        "more": more,
        "cursor": cursor,
        "current": current,
        "shown": current and evidence(session, dataset, current.item_id, current.sample_id),
        "following": current and listing.following(session, dataset, wanted, current),
        "preceding": current and listing.preceding(session, dataset, wanted, current),
    }


def _stands_in(rows: Sequence[Any], one: Any) -> bool:
    return (one.item_id, one.sample_id) in {(row.item_id, row.sample_id) for row in rows}


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
    item: _FormNumber = None,
    sample: _FormNumber = None,
    confirmed: Annotated[int | None, Form(ge=0)] = None,
    benchmark: Annotated[str, Form(max_length=100)] = "",
    layer: Annotated[str, Form(max_length=40)] = "",
    finding: Annotated[str, Form(max_length=20)] = "",
    state: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Decide on one pair and go on to the next, or on all of the filter; or take that back."""
    dataset = datasets.get(session, name)
    mine = Filter(benchmark=benchmark, layer=layer, finding=finding, state=state)
    pair = _pair(item, sample)
    values: dict[str, Any] = {"pairs": [pair] if pair else []}
    if pair is None:
        values |= {"all_of": mine, "confirmed": confirmed}
    if wanted == "undo":
        verdicts.undo(session, dataset, build(UndoIn, values, "verdict"), by=user)
    else:
        values |= {"verdict": wanted, "reason": reason}
        verdicts.decide(session, dataset, build(VerdictIn, values, "verdict"), by=user)
    query = {key: value for key, value in mine.model_dump().items() if value}
    if pair and wanted == "undo":
        query |= {"item": pair.item, "sample": pair.sample}
    elif pair:
        query |= _next(session, dataset, mine, pair)
    address = f"/datasets/{dataset.name}/contamination?{urlencode(query)}"
    return RedirectResponse(address + ("#pair" if pair else ""), status_code=303)


def _next(session: Session, dataset: Dataset, wanted: Filter, pair: Pair) -> dict[str, int]:
    """The address of what waits after a verdict, with the pair that it was about."""
    judged = listing.get(session, dataset, pair)
    waiting = listing.undecided(session, dataset, wanted, judged) or judged
    return {
        "item": waiting.item_id,
        "sample": waiting.sample_id,
        "judged_item": pair.item,
        "judged_sample": pair.sample,
    }
