"""The catalog in the browser."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.rules.fields import complete
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.jobs import service as jobs
from app.samples import bulk, catalog, queries, service, views
from app.samples.search import parsed, schema_of
from app.web.render import render

router = APIRouter(include_in_schema=False)
Where = Annotated[str, Query(max_length=4000)]
_PAGE = 50
_MOST_COLUMNS = 8


@router.get("/datasets/{name}/samples", name="samples:catalog")
def catalog_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Where = "",
    sort: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    columns: Annotated[str, Query(max_length=1000)] = "",
) -> HTMLResponse:
    """The catalog: a search, its facets, a page of rows; further pages come as rows alone."""
    dataset = datasets.get(session, name)
    try:
        page = catalog.read(session, dataset, where=where, sort=sort, cursor=cursor, limit=_PAGE)
    except InvalidError as error:
        return _wrong_search(request, session, dataset, where, error)
    context = _context(session, dataset, page, where, sort, columns)
    if cursor and request.headers.get("HX-Request") == "true":
        return render(request, "samples/_rows.html", **context)
    return render(
        request,
        "samples/page.html",
        page="catalog",
        views=views.everything(session, dataset.id),
        address=views.address,
        last_bulk=bulk.latest(session, dataset.id),
        error=None,
        **context,
    )


def _context(
    session: Session,
    dataset: Dataset,
    page: catalog.CatalogPage,
    where: str,
    sort: str,
    columns: str,
) -> dict[str, Any]:
    names = [name for name in columns.split(",") if name]
    known = {signal.name: signal for signal in page.signals}
    chosen = [known[name] for name in names if name in known][:_MOST_COLUMNS]
    return {
        "dataset": dataset,
        "result": page,
        "where": where,
        "sort": sort,
        "columns": ",".join(signal.name for signal in chosen),
        "shown": chosen or (views.default_columns(page.signals) if not columns else []),
        "sources": queries.source_names(session),
        "words": queries.words_of(page.node),
        "scores": {
            row.sample.id: service.named_scores(row.sample, page.signals) for row in page.rows
        },
    }


def _wrong_search(
    request: Request, session: Session, dataset: Dataset, where: str, error: InvalidError
) -> HTMLResponse:
    response = render(
        request,
        "samples/page.html",
        page="catalog",
        dataset=dataset,
        result=None,
        where=where,
        sort="",
        columns="",
        shown=[],
        views=views.everything(session, dataset.id),
        address=views.address,
        last_bulk=None,
        error=error,
    )
    response.status_code = error.status
    return response


@router.get("/datasets/{name}/facets", name="samples:facets")
def facets(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Where = "",
    sort: Annotated[str, Query(max_length=100)] = "",
    columns: Annotated[str, Query(max_length=1000)] = "",
) -> HTMLResponse:
    """Counts: how many match, and how they spread; they come after the rows."""
    dataset = datasets.get(session, name)
    schema = schema_of(session, dataset.id)
    node = parsed(schema, where)
    total, found = queries.facets(session, schema, node)
    return render(
        request,
        "samples/_facets.html",
        dataset=dataset,
        facets=found,
        total=total,
        chosen=queries.chosen(node),
        toggle=lambda facet, value: views.toggled(node, facet, value),
        where=where,
        sort=sort,
        columns=columns,
    )


@router.get("/datasets/{name}/complete", name="samples:complete")
def completions(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Where = "",
    at: Annotated[int, Query(ge=0, le=4000)] = 0,
) -> HTMLResponse:
    """What would be right at the cursor."""
    schema = schema_of(session, datasets.get(session, name).id)
    found = complete(where, min(at, len(where)), schema.fields)[:12]
    return render(request, "samples/_complete.html", completions=found)


@router.post("/datasets/{name}/views", name="samples:save_view")
def save_view(
    name: str,
    session: SessionDep,
    user: CurrentUser,
    view: Annotated[str, Form(max_length=100)],
    where: Annotated[str, Form(max_length=4000)] = "",
    sort: Annotated[str, Form(max_length=100)] = "",
    columns: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Keep this search under a name."""
    dataset = datasets.get(session, name)
    saved = views.save(
        session, dataset, name=view, where=where, sort=sort, columns=columns.split(","), by=user
    )
    return RedirectResponse(
        f"/datasets/{dataset.name}/samples?{views.address(saved)}", status_code=303
    )


@router.post("/datasets/{name}/views/{view_id}/delete", name="samples:delete_view")
def delete_view(name: str, view_id: int, session: SessionDep, user: CurrentUser) -> Response:
    """Forget a saved search."""
    dataset = datasets.get(session, name)
    views.delete(session, dataset, view_id, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/samples", status_code=303)


@router.post("/datasets/{name}/bulk/confirm", name="samples:bulk_confirm")
def confirm_bulk(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentLead,
    action: Annotated[bulk.Action, Form()],
    where: Annotated[str, Form(max_length=4000)] = "",
    argument: Annotated[str, Form(max_length=100)] = "",
    ids: Annotated[list[int] | None, Form()] = None,
    scope: Annotated[str, Form(max_length=10)] = "all",
) -> HTMLResponse:
    """Count what an action would change, and ask."""
    dataset = datasets.get(session, name)
    wanted = bulk.matching_or(where, (ids or []) if scope == "chosen" else [])
    return render(
        request,
        "samples/_confirm.html",
        dataset=dataset,
        action=action,
        argument=argument,
        where=wanted,
        count=bulk.count(session, dataset, action, where=wanted, argument=argument),
    )


@router.post("/datasets/{name}/bulk", name="samples:bulk")
def start_bulk(
    request: Request,
    name: str,
    session: SessionDep,
    user: CurrentLead,
    action: Annotated[bulk.Action, Form()],
    confirmed: Annotated[int, Form(ge=0)],
    where: Annotated[str, Form()] = "",
    argument: Annotated[str, Form(max_length=100)] = "",
) -> HTMLResponse:
    """Start the confirmed action."""
    dataset = datasets.get(session, name)
    job = bulk.start(
        session, dataset, action, where=where, argument=argument, confirmed=confirmed, by=user
    )
    progress = jobs.progress(session, [job])
    return render(request, "samples/_bulk_job.html", job=job, progress=progress)


@router.post("/bulk/{action_id}/undo", name="samples:bulk_undo")
def undo_bulk(
    request: Request, action_id: uuid.UUID, session: SessionDep, user: CurrentLead
) -> HTMLResponse:
    """Take a bulk action back."""
    job = bulk.undo(session, action_id, by=user)
    progress = jobs.progress(session, [job])
    return render(request, "samples/_bulk_job.html", job=job, progress=progress)
