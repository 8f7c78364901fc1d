"""Scores in the browser: what is measured and how it spreads; measuring more."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import SIGNALS, VERIFIERS
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.samples import distribution, registry
from app.samples.models import DatasetSignal
from app.samples.search import Schema, schema_of
from app.scoring import coverage, league, ratings, service, trust
from app.web.forms import FormFields, Uploads, fields_of, params_from_form
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/scores", name="scoring:page")
def scores_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Annotated[str, Query(max_length=100)] = "",
    by: Annotated[str, Query(max_length=20)] = "source",
    low_first: Annotated[bool, Query()] = False,
) -> HTMLResponse:
    """All signals of a dataset; one opened: its histogram, its league, the samples at both ends."""
    dataset = datasets.get(session, name)
    schema = schema_of(session, dataset.id)
    known = schema.signals
    opened = next((one for one in known if one.name == signal), known[0] if known else None)
    kinds = (JobKind.SCORE, JobKind.CLASSIFY)
    running = [job for kind in kinds for job in jobs.open_jobs(session, dataset.id, kind)]
    return render(
        request,
        "scoring/page.html",
        page="scores",
        dataset=dataset,
        signals=known,
        families=registry.by_method(known),
        badges=trust.badges(session, dataset.id),
        opened=opened,
        verifies=opened is not None and opened.key in VERIFIERS,
        histogram=distribution.histogram(session, schema, opened.name) if opened else None,
        covered=_covered(session, dataset, opened),
        ends=distribution.ends(session, schema, opened.name) if opened else None,
        by=by if by in league.GROUPS else "source",
        groups=league.GROUPS,
        low_first=low_first,
        league=_league(session, schema, opened, by, low_first) if opened else [],
        methods=[(method, fields_of(method)) for method in SIGNALS.values()],
        measured={one.key for one in known},
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.post("/datasets/{name}/ratings", name="scoring:ratings")
def add_ratings(
    request: Request,
    name: str,
    files: Uploads,
    form: FormFields,
    session: SessionDep,
    user: CurrentLead,
) -> HTMLResponse:
    """Put ratings from a file on samples that are here, and say what became of its rows."""
    dataset = datasets.get(session, name)
    rated = ratings.from_uploads(session, dataset, files, ratings.from_form(form), by=user)
    return render(request, "scoring/rated.html", page="scores", dataset=dataset, rated=rated)


def _league(
    session: Session, schema: Schema, signal: DatasetSignal, by: str, low_first: bool
) -> list[league.Place]:
    rank = ("-" if low_first else "") + signal.name
    return league.league(session, schema, rank, by if by in league.GROUPS else "source")


def _covered(
    session: SessionDep, dataset: Dataset, opened: DatasetSignal | None
) -> list[coverage.Marked]:
    """How many samples each flag marks, where the opened signal is one of flags."""
    if opened is None or opened.key not in SIGNALS or not SIGNALS[opened.key].flags:
        return []
    return coverage.coverage(session, dataset, opened.key)


@router.post("/datasets/{name}/scores", name="scoring:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Measure the chosen signals."""
    dataset = datasets.get(session, name)
    wanted = [
        service.Wanted(key, params_from_form(method, form, key))
        for key, method in SIGNALS.items()
        if f"signal.{key}" in form
    ]
    service.start(session, dataset, wanted, by=user, where=form.get("where", ""))
    return RedirectResponse(f"/datasets/{dataset.name}/scores", status_code=303)
