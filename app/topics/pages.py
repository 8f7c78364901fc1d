"""Topics in the browser: what there is by status, one of them opened, renaming, merging, undo."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.rules.nodes import Compare
from app.curation.rules.nodes import render as written
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.llm import service as llm
from app.samples.models import Status
from app.samples.places import MOST_TOPICS, TOPIC
from app.topics import editing, reading, service
from app.topics.reading import Overview, Row
from app.topics.service import Order
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)
# The order of the bars: from what is decided to what is not.
_STATUSES = (
    *(Status.APPROVED, Status.IN_REVIEW, Status.PENDING),
    *(Status.QUARANTINED, Status.REJECTED, Status.DROPPED),
)


@router.get("/datasets/{name}/topics", name="topics:page")
def topics_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    topic: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> HTMLResponse:
    """All topics by status, and one of them with typical samples."""
    dataset = datasets.get(session, name)
    found = reading.overview(session, dataset)
    opened = _opened(found, topic)
    running = service.running(session, dataset.id)
    return render(
        request,
        "topics/page.html",
        page="topics",
        dataset=dataset,
        found=found,
        opened=opened,
        examples=reading.examples(session, opened) if opened is not None else [],
        latest=editing.latest(session, found.model) if found is not None else None,
        statuses=_STATUSES,
        where=_where,
        providers=[one.name for one in llm.everything(session)],
        most=MOST_TOPICS,
        jobs=running,
        progress=jobs.progress(session, running),
    )


def _opened(found: Overview | None, number: int) -> Row | None:
    rows = found.rows if found is not None else ()
    return next((one for one in rows if one.topic.number == number), rows[0] if rows else None)


def _where(title: str, status: Status | None = None) -> str:
    """The filter of a topic's samples, all or those of a status."""
    found = written(Compare(TOPIC, ":", (title,)))
    return f"{found} status:{status.value}" if status is not None else found


@router.post("/datasets/{name}/topics", name="topics:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Find topics, assign what is new, or ask for titles."""
    dataset = datasets.get(session, name)
    given: dict[str, Any] = {one: form[one].strip() for one in Order.model_fields if form.get(one)}
    service.start(session, dataset, build(Order, given, "topics"), by=user)
    return _back(dataset)


@router.post("/datasets/{name}/topics/{number}/title", name="topics:rename")
def rename(
    name: str,
    number: int,
    session: SessionDep,
    user: CurrentLead,
    title: Annotated[str, Form(max_length=200)],
) -> Response:
    """Call a topic otherwise."""
    dataset = datasets.get(session, name)
    editing.rename(session, dataset, number, title, by=user)
    return _back(dataset, number)


@router.post("/datasets/{name}/topics/{number}/merge", name="topics:merge")
def merge(
    name: str,
    number: int,
    session: SessionDep,
    user: CurrentLead,
    into: Annotated[int, Form(ge=1, le=2**31 - 1)],
) -> Response:
    """Make this topic a part of another one."""
    dataset = datasets.get(session, name)
    editing.merge(session, dataset, [number], into, by=user)
    return _back(dataset, into)


@router.post("/datasets/{name}/topics/undo", name="topics:undo")
def undo(name: str, session: SessionDep, user: CurrentLead) -> Response:
    """Take the last renaming or merging back."""
    dataset = datasets.get(session, name)
    change = editing.undo(session, dataset, by=user)
    return _back(dataset, change.before[0]["number"])


def _back(dataset: Dataset, number: int = 0) -> Response:
    chosen = f"?topic={number}" if number else ""
    return RedirectResponse(f"/datasets/{dataset.name}/topics{chosen}", status_code=303)
