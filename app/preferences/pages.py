"""Preference pairs in the browser: what there are, what a run would build, building, undo."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.accounts.policies import Principal
from app.curation.pairs.building import ABOUT, Rules
from app.curation.records import Kind
from app.datasets import service as datasets
from app.datasets.models import KINDS_OF, Dataset, Purpose
from app.errors import AppError
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.preferences import report, service
from app.preferences.orders import ABOUT as WAYS
from app.preferences.orders import Order, Way, is_verifier, measured
from app.validation import build
from app.web.forms import FormFields, fields_of, params_from_form
from app.web.render import render

router = APIRouter(include_in_schema=False)
_KEY = "rules"
NEW = "+"  # no dataset has this name


@router.get("/datasets/{name}/preferences", name="preferences:page")
def preferences_page(
    request: Request, name: str, session: SessionDep, _user: CurrentUser
) -> HTMLResponse:
    """The pairs of a dataset by margin, length and source, its runs, a form for another one."""
    dataset = datasets.get(session, name)
    running = jobs.open_jobs(session, dataset.id, JobKind.PAIR)
    return render(
        request,
        "preferences/page.html",
        page="preferences",
        dataset=dataset,
        report=report.report(session, dataset),
        runs=[(one, service.order_of(one)) for one in service.runs(session, dataset.id)],
        latest=service.latest(session, dataset.id),
        gates={gate.value: about for gate, about in ABOUT.items()},
        ways=_ways(session, dataset),
        targets=_targets(session, dataset),
        new=NEW,
        fields=fields_of(Rules),
        method={"key": _KEY},
        jobs=running,
        progress=jobs.progress(session, running),
    )


def _ways(session: Session, dataset: Dataset) -> list[tuple[str, str]]:
    """What pairs can be built by here, with what each is: a way per signal that grades answers."""
    signals = measured(session, dataset, Way.SCORES).values()
    named = [
        (Way.VERIFIED if is_verifier(one) else Way.SCORES, one.name)
        for one in sorted(signals, key=lambda one: not is_verifier(one))
    ]
    alone = [(way.value, WAYS[way]) for way in (Way.LADDER, Way.EDITS, Way.ERRORS)]
    return [*((f"{way}:{name}", WAYS[way]) for way, name in named), *alone]


def _targets(session: Session, dataset: Dataset) -> list[str]:
    """Where pairs may go: this dataset first, if it takes them."""
    names = [
        one.name
        for one in datasets.everything(session)
        if Kind.PREFERENCE in KINDS_OF[one.purpose] and not one.protected
    ]
    return sorted(names, key=lambda name: (name != dataset.name, name))


def _order(session: Session, form: FormFields, by: Principal) -> Order:
    """What the form asks for; a dataset that it names as a new one is made."""
    given: dict[str, Any] = {
        name: form[name].strip() for name in ("by", "into", "where") if form.get(name)
    }
    if given.get("into") == NEW:
        made = datasets.create(
            session, name=form.get("new", "").strip(), by=by, purpose=Purpose.PREFERENCE
        )
        given["into"] = made.name
    return build(Order, {**given, "rules": params_from_form(Rules, form, _KEY)}, "preferences")


@router.post("/datasets/{name}/preferences/preview", name="preferences:preview")
def preview(
    request: Request, name: str, session: SessionDep, user: CurrentLead, form: FormFields
) -> HTMLResponse:
    """What a run would build and refuse; nothing is written."""
    dataset = datasets.get(session, name)
    try:
        with session.begin_nested() as tried:
            trial, error = service.preview(session, dataset, _order(session, form, user)), None
            tried.rollback()  # a new dataset is made when pairs are
    except AppError as refusal:
        trial, error = None, refusal
    gates = {gate: (ABOUT[gate], count) for gate, count in trial.refused.items()} if trial else {}
    return render(
        request, "preferences/_trial.html", dataset=dataset, trial=trial, gates=gates, error=error
    )


@router.post("/datasets/{name}/preferences", name="preferences:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Build pairs."""
    dataset = datasets.get(session, name)
    order = _order(session, form, user)
    service.start(session, dataset, order, by=user)
    return _back(order.into or dataset.name)


@router.post("/datasets/{name}/preferences/undo", name="preferences:undo")
def undo(name: str, session: SessionDep, user: CurrentLead) -> Response:
    """Take the newest run back."""
    dataset = datasets.get(session, name)
    service.undo(session, dataset, by=user)
    return _back(dataset.name)


def _back(name: str) -> Response:
    return RedirectResponse(f"/datasets/{name}/preferences", status_code=303)
