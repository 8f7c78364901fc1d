"""Learned signals in the browser: from which labels, how good, where to cut; learning another."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import LEARNERS
from app.curation.learners.drift import ALARM
from app.datasets import service as datasets
from app.filtering.preview import preview
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.learning import labels, service
from app.learning.models import LearnedScorer
from app.learning.service import Order
from app.providers.embedders import Tier
from app.review.verdicts import DECISIONS
from app.samples import registry
from app.samples.search import schema_of
from app.web.render import render

router = APIRouter(include_in_schema=False)
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BOTTOM = 372, 150, 38, 24, 22
_MAIN = ("auroc", "spearman")  # of classes, of numbers: the first that a scorer has
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
    at: Annotated[float | None, Query(allow_inf_nan=False)] = None,
) -> HTMLResponse:
    """What was learned here; one version opened with its metrics, its curve and its cuts.

    `labels` and `where` fill the form: a campaign leads here with its own. `at` opens a cut.
    """
    dataset = datasets.get(session, name)
    learned = service.of_dataset(session, dataset.id)
    opened = next((one for one in learned if one.signal == signal), learned[0] if learned else None)
    running = jobs.open_jobs(session, dataset.id, JobKind.LEARN)
    condition = f"{opened.signal}>={at}" if opened and at is not None else ""
    return render(
        request,
        "learning/page.html",
        page="learn",
        dataset=dataset,
        learned=learned,
        opened=opened,
        metrics=_metrics(opened) if opened else [],
        main=_MAIN,
        no_better=_no_better(opened) if opened else "",
        curve=_curve(opened) if opened else [],
        at=at,
        effect=preview(session, schema_of(session, dataset.id), condition) if condition else None,
        drifted=opened is not None and opened.drift is not None and opened.drift > ALARM,
        alarm=ALARM,
        signals=registry.signals(session, dataset.id),
        decisions=DECISIONS,
        ladder=labels.LADDER,
        learners=LEARNERS.values(),
        tiers=Tier,
        given=given,
        where=where,
        jobs=running,
        progress=jobs.progress(session, running),
    )


def _metrics(row: LearnedScorer) -> list[tuple[str, list[float]]]:
    """Titles and (value, low, high) of what was measured out of fold."""
    return [(title, row.metrics[key]) for key, title in _METRICS.items() if key in row.metrics]


def _no_better(row: LearnedScorer) -> str:
    """What agrees as well with the labels without anything learned; empty where nothing does."""
    alone = row.metrics.get("beside", {})
    reached = next((row.metrics[name][0] for name in _MAIN if name in row.metrics), None)
    best = max(alone, key=lambda name: float(alone[name][0]), default="")
    return best if best and reached is not None and reached <= alone[best][0] else ""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the learning curve: where it is drawn, and what it says."""

    x: float
    y: float
    low_y: float
    high_y: float
    labels: int
    quality: float


def _curve(row: LearnedScorer) -> list[Point]:
    if not row.curve:
        return []
    most = max(count for count, *_ in row.curve)
    found = []
    for count, quality, *ends in row.curve:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * count / most
        y, low, high = (_height(value) for value in (quality, *(ends or (quality, quality))))
        found.append(Point(x, y, low, high, count, quality))
    return found


def _height(value: float) -> float:
    return 8 + (_HEIGHT - _BOTTOM - 8) * (1 - min(max(value, 0.0), 1.0))


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
    tier: Annotated[Tier, Form()] = Tier.STATIC,
) -> Response:
    """Learn a signal, and score every sample by it."""
    dataset = datasets.get(session, name)
    order: dict[str, Any] = {"signal": signal.strip(), "labels": given, "learner": learner}
    order |= {"where": where.strip(), "tier": tier, "cut": labels.cut_of(cut)}
    service.start(session, dataset, Order(**order), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/learn", status_code=303)
