"""The map in the browser: a canvas, colours with their legend, areas, the form to draw one."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.rules.nodes import Compare
from app.curation.rules.nodes import render as written
from app.curation.shape.layout import MOST
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.maps import points, service
from app.maps.service import Order
from app.samples import places
from app.samples.places import MAP, TOPIC, MapLayout
from app.samples.search import schema_of
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/map", name="maps:page")
def map_page(request: Request, name: str, session: SessionDep, _user: CurrentUser) -> HTMLResponse:
    """The map, or how to draw one."""
    dataset = datasets.get(session, name)
    found = places.layout(session, dataset.id)
    running = jobs.open_jobs(session, dataset.id, JobKind.MAP)
    shown = _shown(session, dataset, found) if found is not None else {}
    return render(
        request,
        "maps/page.html",
        page="map",
        dataset=dataset,
        layout=found,
        most=MOST,
        jobs=running,
        progress=jobs.progress(session, running),
        **{"total": 0, "placed": 0, "fields": [], "areas": [], "topics": [], **shown},
    )


def _shown(session: Session, dataset: Dataset, found: MapLayout) -> dict[str, Any]:
    schema = schema_of(session, dataset.id)
    total, placed = points.counts(session, schema)
    return {
        "total": total,
        "placed": placed,
        "fields": points.fields(schema),
        "areas": [
            {"name": one.name, "where": _where(MAP, one.name)}
            for one in places.areas(session, found)
        ],
        "topics": [
            {"title": title, "count": count, "where": _where(TOPIC, title)}
            for title, count in points.by_topic(session, schema)
        ],
    }


def _where(field: str, value: str) -> str:
    return written(Compare(field, ":", (value,)))


@router.post("/datasets/{name}/map", name="maps:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Draw a map, or put new samples on it."""
    dataset = datasets.get(session, name)
    given = {field: form[field].strip() for field in Order.model_fields if form.get(field)}
    service.start(session, dataset, build(Order, given, "map"), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/map", status_code=303)
