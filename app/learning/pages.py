"""Learned signals in the browser: from which labels, how good, where to cut; learning another."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import LEARNERS
from app.curation.learners.drift import ALARM
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.learning import labels, service
from app.learning.models import LearnedScorer
from app.learning.service import Order
from app.review.verdicts import DECISIONS
from app.samples import registry
from app.web.render import render

router = APIRouter(include_in_schema=False)
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 372, 150, 30, 22
_METRICS = {
    "auroc": "Area under ROC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "spearman": "Spearman",
    "best_of_4": "Best of 4",
}


@router.get("/datasets/{name}/learn", name="learning:page")
def learn_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Annotated[str, Query(max_length=100)] = "",
    given: Annotated[str, Query(alias="labels", max_length=100)] = "",
    where: Annotated[str, Query(max_length=4000)] = "",
) -> HTMLResponse:
    """What was learned here; one version opened with its metrics, its curve and its cuts.

    `labels` and `where` fill the form: a campaign leads here with its own.
    """
    dataset = datasets.get(session, name)
    learned = service.of_dataset(session, dataset.id)
    opened = next((one for one in learned if one.signal == signal), learned[0] if learned else None)
    running = jobs.open_jobs(session, dataset.id, JobKind.LEARN)
    return render(
        request,
        "learning/page.html",
        page="learn",
        dataset=dataset,
        learned=learned,
        opened=opened,
        metrics=_metrics(opened) if opened else [],
        curve=_curve(opened) if opened else [],
        line=" ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in _curve(opened)) if opened else "",
        drifted=opened is not None and opened.drift is not None and opened.drift > ALARM,
        alarm=ALARM,
        signals=registry.signals(session, dataset.id),
        decisions=DECISIONS,
        ladder=labels.LADDER,
        learners=LEARNERS.values(),
        given=given,
        where=where,
        jobs=running,
        progress=jobs.progress(session, running),
    )


def _metrics(row: LearnedScorer) -> list[tuple[str, list[float]]]:
    """Titles and (value, low, high) of what was measured out of fold."""
    return [(title, row.metrics[key]) for key, title in _METRICS.items() if key in row.metrics]


def _curve(row: LearnedScorer) -> list[tuple[float, float, int, float]]:
    """The learning curve: x, y, labels, quality."""
    if not row.curve:
        return []
    most = max(count for count, _ in row.curve)
    return [
        (
            _LEFT + 8 + (_WIDTH - _LEFT - 16) * count / most,
            8 + (_HEIGHT - _BOTTOM - 8) * (1 - min(max(quality, 0.0), 1.0)),
            count,
            quality,
        )
        for count, quality in row.curve
    ]


@router.post("/datasets/{name}/learn", name="learning:start")
def start(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    signal: Annotated[str, Form(max_length=60)],
    given: Annotated[str, Form(alias="labels", max_length=100)],
    learner: Annotated[str, Form(max_length=100)] = "forest",
    cut: Annotated[str, Form(max_length=30)] = "",
    where: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Learn a signal, and score every sample by it."""
    dataset = datasets.get(session, name)
    order: dict[str, Any] = {"signal": signal.strip(), "labels": given, "learner": learner}
    order["where"] = where.strip()
    service.start(session, dataset, Order(**order, cut=labels.cut_of(cut)), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/learn", status_code=303)
