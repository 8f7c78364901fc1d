"""Duplicates in the browser: clusters, two samples side by side, deciding, undo, looking anew."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import MATCHERS
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import NotFoundError
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.matching import deciding, keeping, reading, service, splitting
from app.matching.against import name_of, releases
from app.matching.deciding import Chosen
from app.matching.models import MatchRun
from app.matching.reading import Detail, Member, Order, State, Summary
from app.matching.splitting import SplitOrder
from app.samples import bulk
from app.validation import build
from app.web.forms import FormFields, fields_of, params_from_form
from app.web.render import render

router = APIRouter(include_in_schema=False)
_PER_PAGE = 50
_LONGEST = 6000  # characters of a text that are compared on the page
_LISTED = 100  # members under the pair
_USUAL: dict[str, Any] = {"state": State.OPEN, "order": Order.SIZE, "marks": "same"}


class Asked(BaseModel):
    """All that the page shows stands in its address, so that it can be sent to a colleague."""

    matcher: str = Field("", max_length=100)
    against: str = Field("", max_length=200)
    least: float = Field(0.0, ge=0, le=1)
    source: str = Field("", max_length=200)
    state: State = State.OPEN
    order: Order = Order.SIZE
    offset: int = Field(0, ge=0, le=10_000_000)
    cluster: int = Field(0, ge=0, le=2**63 - 1)
    other: int = Field(0, ge=0, le=2**63 - 1)
    marks: Literal["same", "changes"] = "same"

    def link(self, **changed: Any) -> str:
        """The address with some of it changed."""
        values = {**self.model_dump(), **changed}
        return "?" + urlencode(
            {name: one for name, one in values.items() if one and one != _USUAL.get(name)}
        )


@router.get("/datasets/{name}/duplicates", name="matching:page")
def duplicates_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    asked: Annotated[Asked, Query()],
) -> HTMLResponse:
    """Clusters of the newest run, and one of them opened."""
    dataset = datasets.get(session, name)
    run = service.run_of(session, dataset, asked.matcher, asked.against)
    running = [
        job
        for kind in (JobKind.MATCH, JobKind.DEDUPLICATE, JobKind.SPLIT)
        for job in jobs.open_jobs(session, dataset.id, kind)
    ]
    known = service.runs(session, dataset.id)
    return render(
        request,
        "duplicates/page.html",
        page="duplicates",
        dataset=dataset,
        asked=asked,
        run=run,
        runs=[(one, name_of(session, one)) for one in known],
        matchers=[(method, fields_of(method)) for method in MATCHERS.values()],
        titles={key: one.title for key, one in MATCHERS.items()},
        datasets=[one.name for one in datasets.everything(session) if one.id != dataset.id],
        releases=releases(session),
        sources=reading.sources(session, run) if run is not None else [],
        latest=deciding.latest(session, dataset.id),
        jobs=running,
        progress=jobs.progress(session, running),
        view=_view(session, run, asked) if run is not None else None,
    )


def _view(session: Session, run: MatchRun, asked: Asked) -> dict[str, Any]:
    matcher = service.matcher_of(run.matcher, run.params)
    what = deciding.chosen(session, run, least=asked.least, source=asked.source)
    found = reading.clusters(
        session,
        what,
        state=asked.state,
        order=asked.order,
        offset=asked.offset,
        limit=_PER_PAGE + 1,
    )
    spread = reading.spread(session, run)
    return {
        "clusters": found[:_PER_PAGE],
        "more": len(found) > _PER_PAGE,
        "per_page": _PER_PAGE,
        "totals": reading.totals(session, what),
        "spread": spread,
        "least": max(asked.least, spread.low),
        "matcher": matcher,
        "recall": matcher.recall(max(asked.least, spread.low)),
        "opened": _opened(session, run, asked, found),
    }


def _opened(
    session: Session, run: MatchRun, asked: Asked, found: list[Summary]
) -> dict[str, Any] | None:
    """The cluster that is looked at, and the pair of it."""
    number = asked.cluster or (found[0].id if found else 0)
    if not number:
        return None
    cluster = keeping.cluster_of(session, number)
    if cluster.run_id != run.id:
        raise NotFoundError(f"Cluster {number} was not found by this run.")
    detail = reading.detail(session, cluster, least=asked.least)
    other = next((one for one in detail.members if one.id == asked.other), None)
    other = other or (detail.members[0] if detail.members else None)
    numbers = [one.id for one in found]
    place = numbers.index(number) if number in numbers else -1
    return {
        "detail": detail,
        "listed": detail.members[:_LISTED],
        "hidden": max(len(detail.members) - _LISTED, 0) + detail.more,
        "other": other,
        "next": numbers[place + 1] if 0 <= place < len(numbers) - 1 else 0,
        "pair": _pair(detail, other) if other is not None else None,
    }


def _pair(detail: Detail, other: Member) -> dict[str, Any]:
    match = reading.compared(detail.keeper, other)
    left, right = detail.keeper.text[:_LONGEST], other.text[:_LONGEST]
    return {
        "match": match,
        "left": _pieces(left, match.first_spans),
        "right": _pieces(right, match.second_spans),
        "left_text": left,
        "right_text": right,
        "cut": max(len(detail.keeper.text), len(other.text)) > _LONGEST,
        "shown": _LONGEST,
    }


def _pieces(text: str, spans: tuple[tuple[int, int], ...]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether the other sample says the same there."""
    pieces, last = [], 0
    for start, end in spans:
        if start >= len(text):
            break
        pieces += [(text[last:start], False), (text[start:end], True)]
        last = end
    pieces.append((text[last:], False))
    return [(piece, same) for piece, same in pieces if piece]


def _back(dataset: Dataset, address: str) -> Response:
    """To the page with the same filter; an address of somewhere else is not followed."""
    query = address if address.startswith("?") else ""
    return RedirectResponse(f"/datasets/{dataset.name}/duplicates{query}", status_code=303)


@router.post("/datasets/{name}/duplicates/look", name="matching:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Look for duplicates by the matcher that was chosen."""
    dataset = datasets.get(session, name)
    key = form.get("matcher", "")
    params = params_from_form(MATCHERS[key], form, key) if key in MATCHERS else {}
    keep = [one.strip() for one in form.get("keep", "").split(",") if one.strip()]
    service.start(
        session,
        dataset,
        key,
        params,
        against=form.get("against", ""),
        keep=keep,
        where=form.get("where", ""),
        by=user,
    )
    return _back(dataset, "")


@router.post("/datasets/{name}/duplicates", name="matching:decide")
def decide(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    action: Annotated[Literal["drop", "dismiss", "keep"], Form()],
    run: Annotated[str, Form(max_length=40)],
    least: Annotated[float, Form(ge=0, le=1)] = 0.0,
    source: Annotated[str, Form(max_length=200)] = "",
    cluster: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0,
    sample: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0,
    back: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Drop or dismiss a cluster, or all of the filter; keep another sample of a cluster."""
    dataset = datasets.get(session, name)
    if action == "keep":
        keeping.keep(session, cluster, sample, by=user)
        return _back(dataset, back)
    found = next((one for one in service.runs(session, dataset.id) if str(one.id) == run), None)
    if found is None:
        raise NotFoundError("A newer run took the place of this one. Look at what it found.")
    chosen: Chosen = deciding.chosen(
        session, found, least=least, source=source, clusters=[cluster] if cluster else None
    )
    verb = bulk.DROP_DUPLICATES if action == "drop" else bulk.NOT_DUPLICATES
    deciding.start(session, dataset, verb, chosen, by=user)
    return _back(dataset, back)


@router.post("/datasets/{name}/duplicates/undo", name="matching:undo")
def undo(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    back: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take the newest decision on duplicates back."""
    dataset = datasets.get(session, name)
    deciding.undo(session, dataset, by=user)
    return _back(dataset, back)


@router.post("/datasets/{name}/duplicates/split", name="matching:split")
def split(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Split into train, dev and test, near-duplicates together."""
    dataset = datasets.get(session, name)
    given = {key: form[key] for key in SplitOrder.model_fields if form.get(key)}
    splitting.start(session, dataset, build(SplitOrder, given, "split"), by=user)
    return _back(dataset, "")
