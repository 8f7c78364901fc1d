"""Filters in the browser: conditions as a funnel, a threshold to drag, apply and undo."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import PROFILES
from app.curation.rules.nodes import Node
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.filtering import preview, service
from app.filtering.models import RuleSet
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.samples import distribution
from app.samples.search import Schema, schema_of
from app.scoring import trust
from app.web.render import render

router = APIRouter(include_in_schema=False)
_BINS = 50
_STEPS = 200
Conditions = Annotated[list[str] | None, Query(max_length=100, alias="c")]


@router.get("/datasets/{name}/filters", name="filtering:page")
def filters_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    set_name: Annotated[str, Query(alias="set", max_length=100)] = "",
    c: Conditions = None,
    off: Annotated[list[int] | None, Query()] = None,
    at: Annotated[int, Query(ge=0, le=100)] = 0,
    profile: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """One rule set: what its conditions do, before they do it. The address is its whole state."""
    dataset = datasets.get(session, name)
    schema = schema_of(session, dataset.id)
    sets = service.rule_sets(session, dataset.id)
    current = next((one for one in sets if one.name == set_name), None)
    if current is None and not set_name and c is None and not profile and sets:
        current = sets[0]
    conditions = _conditions(session, current, c, off or [], profile)
    context = _bench(session, schema, conditions, at)
    known = trust.badges(session, dataset.id)
    running = [
        job
        for kind in (JobKind.APPLY_RULES, JobKind.UNDO_RULES)
        for job in jobs.open_jobs(session, dataset.id, kind)
    ]
    return render(
        request,
        "filtering/page.html",
        page="filters",
        dataset=dataset,
        sets=sets,
        current=current,
        set_name=set_name or (current.name if current else "keep"),
        standing=service.standing(session, current) if current else None,
        versions={one.id: one for one in service.versions(session, current)} if current else {},
        history=service.applications(session, current) if current else [],
        profiles=PROFILES.values(),
        signals=schema.signals,
        badges=[trust.named_in(schema, one["expression"], known) for one in conditions],
        running=running,
        progress=jobs.progress(session, running),
        **context,
    )


def _conditions(
    session: Session,
    current: RuleSet | None,
    given: Sequence[str] | None,
    off: Sequence[int],
    profile: str,
) -> list[dict[str, Any]]:
    """From the address, else from a profile, else from the newest version."""
    if profile:
        return service.from_profile(profile)
    if given is not None:
        return [
            {"expression": one.strip(), "enabled": number not in off}
            for number, one in enumerate(given, start=1)
            if one.strip()
        ]
    return list(service.newest(session, current).conditions) if current else []


def _bench(
    session: Session, schema: Schema, conditions: list[dict[str, Any]], at: int
) -> dict[str, Any]:
    """Counts and plots of the conditions; a wrong one is shown with what is wrong in it."""
    problem, bad = None, 0
    nodes: list[Node] = []
    for number, one in enumerate(conditions, start=1):
        try:
            parts = distribution.parts_of(schema, one["expression"])
        except InvalidError as error:
            problem, bad = error, number
            continue
        if one["enabled"]:
            nodes += parts
    where = " ".join(_grouped(schema, one["expression"]) for one in conditions if one["enabled"])
    at = at if 1 <= at <= len(conditions) else _movable(schema, conditions)
    shown = preview.preview(session, schema, where) if problem is None else None
    return {
        "conditions": _with_counts(conditions, shown),
        "preview": shown,
        "where": where,
        "problem": problem,
        "bad": bad,
        "at": at,
        "cut": _cut(session, schema, conditions, at, shown.total) if shown else None,
    }


def _movable(schema: Schema, conditions: list[dict[str, Any]]) -> int:
    """The last condition whose bound can be moved, so that the page opens on a plot."""
    for number in range(len(conditions), 0, -1):
        try:
            parts = distribution.parts_of(schema, conditions[number - 1]["expression"])
        except InvalidError:
            continue
        if len(parts) == 1 and _numeric_cut(schema, parts[0]) is not None:
            return number
    return len(conditions)


def _numeric_cut(schema: Schema, part: Node) -> distribution.Cut | None:
    cut = distribution.cut_of(part)
    return cut if cut is not None and schema.fields[cut.field].type == "number" else None


def _grouped(schema: Schema, expression: str) -> str:
    try:
        several = len(distribution.parts_of(schema, expression)) > 1
    except InvalidError:
        several = False
    return f"({expression})" if several else expression


def _with_counts(
    conditions: list[dict[str, Any]], shown: preview.Preview | None
) -> list[dict[str, Any]]:
    steps = iter(shown.steps if shown else ())
    left = shown.total if shown else 0
    found = []
    for one in conditions:
        step = next(steps, None) if one["enabled"] else None
        left = step.left if step else left
        found.append({**one, "lost": step.lost if step else 0, "left": left})
    return found


def _cut(
    session: Session, schema: Schema, conditions: list[dict[str, Any]], at: int, total: int
) -> dict[str, Any] | None:
    """The plot of one condition with a movable bound: bins, counts per step, samples beside it."""
    if not 1 <= at <= len(conditions):
        return None
    parts = distribution.parts_of(schema, conditions[at - 1]["expression"])
    cut = _numeric_cut(schema, parts[0]) if len(parts) == 1 else None
    if cut is None:
        return None
    others = [
        part
        for number, one in enumerate(conditions, start=1)
        if number != at and one["enabled"]
        for part in distribution.parts_of(schema, one["expression"])
    ]
    fine = distribution.histogram_among(session, schema, cut.field, others, _STEPS)
    bars = fine.merged(_STEPS // _BINS)
    stays, goes = distribution.at_the_cut(session, schema, cut, others)
    return {
        "cut": cut,
        "bars": bars,
        "tallest": max(1, *map(sum, zip(bars.counts, bars.earlier, strict=True))),
        "steps": _steps(fine, cut, total),
        "stays": stays,
        "goes": goes,
    }


def _steps(fine: distribution.Histogram, cut: distribution.Cut, total: int) -> dict[str, Any]:
    """For the script: how many rows stay with the cut at each step; unmeasured rows always do."""
    measured = sum(fine.counts)
    below, kept = 0, []
    for count in [0, *fine.counts]:
        below += count
        kept.append((measured - below if cut.keeps_above else below) + fine.missing)
    return {
        "low": fine.low,
        "high": fine.high,
        "kept": kept,
        "total": total,
        "above": cut.keeps_above,
    }


@router.post("/datasets/{name}/filters", name="filtering:save")
def save(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    set_name: Annotated[str, Form(alias="set", max_length=100)],
    c: Annotated[list[str], Form(max_length=100)],
    off: Annotated[list[int] | None, Form()] = None,
    then: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Save the conditions as a version, and apply it when that was the button."""
    dataset = datasets.get(session, name)
    conditions = _conditions(session, None, c, off or [], "")
    version = service.save(session, dataset, name=set_name, conditions=conditions, by=user)
    if then == "apply":
        service.apply(session, version, by=user)
    return _back(dataset, set_name.strip())


@router.post("/rules/{rule_id}/undo", name="filtering:undo")
def undo(rule_id: uuid.UUID, session: SessionDep, user: CurrentLead) -> Response:
    """Undo the application that stands."""
    rule_set = service.get_set(session, rule_id)
    service.undo_standing(session, rule_set, by=user)
    return _back(datasets.by_id(session, rule_set.dataset_id), rule_set.name)


def _back(dataset: Dataset, set_name: str) -> Response:
    return RedirectResponse(
        f"/datasets/{dataset.name}/filters?set={quote(set_name)}", status_code=303
    )
