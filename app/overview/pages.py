"""The start page and the home of a dataset: what there is, what runs, what waits."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import func, select

from app.accounts.current import CurrentUser, SessionDep
from app.datasets import imports
from app.datasets import service as datasets
from app.datasets.models import Purpose
from app.jobs import service as jobs
from app.jobs.models import OPEN_STATUSES, Job
from app.overview import queries
from app.releases import service as releases
from app.review import queue, tally
from app.samples.models import Status
from app.web.render import render

router = APIRouter(include_in_schema=False)
_JOBS = 6


@router.get("/", name="overview:start")
def start(request: Request, session: SessionDep, _user: CurrentUser) -> HTMLResponse:
    """All datasets."""
    found = datasets.everything(session)
    return render(
        request,
        "overview/start.html",
        page="start",
        datasets=found,
        statuses={one.id: queries.statuses(queries.counted(session, one.id)) for one in found},
        purposes=list(Purpose),
    )


@router.get("/datasets/{name}", name="datasets:home")
def home(request: Request, name: str, session: SessionDep, _user: CurrentUser) -> HTMLResponse:
    """The funnel from imported to released, jobs, sources, and what waits."""
    dataset = datasets.get(session, name)
    newest = jobs.newest(session, dataset.id, _JOBS)
    history = imports.history(session, dataset.id)
    rows = queries.counted(session, dataset.id)
    stages = queries.funnel(session, dataset, rows, sum(one.rejected for one in history))
    return render(
        request,
        "overview/home.html",
        page="home",
        dataset=dataset,
        stages=stages,
        statuses=queries.statuses(rows),
        sources=queries.sources(session, rows),
        jobs=newest,
        progress=jobs.progress(session, newest),
        releases=releases.everything(session, dataset.id)[:4],
        waiting=tally.read(session, queue.queue_of(session, dataset)).waiting,
        Status=Status,
    )


@router.get("/datasets/{name}/nav", name="datasets:nav")
def nav(request: Request, name: str, session: SessionDep, _user: CurrentUser) -> HTMLResponse:
    """The counts in the sidebar: samples to review, open jobs."""
    dataset = datasets.get(session, name)
    open_jobs = select(func.count()).select_from(Job)
    return render(
        request,
        "overview/_nav.html",
        waiting=tally.read(session, queue.queue_of(session, dataset)).waiting,
        running=session.scalar(
            open_jobs.where(Job.dataset_id == dataset.id, Job.status.in_(OPEN_STATUSES))
        ),
    )
