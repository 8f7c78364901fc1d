"""Judges in the browser: rubrics, a trial on five samples, what a job would cost, the job."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.rubrics.base import Rubric
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.judging import rubrics, service, trying
from app.judging.service import Order
from app.llm import service as llm
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)
_SHOWN_JOBS = 5


@router.get("/datasets/{name}/judges", name="judging:page")
def judges_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    rubric: Annotated[str, Query(max_length=100)] = "",
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """All rubrics; one opened with its text, its trial and its jobs; an older version if asked."""
    dataset = datasets.get(session, name)
    older = rubrics.get(session, rubric, version) if rubric and version is not None else None
    known = rubrics.everything(session)
    newest_version = next((one for one in known if one.rubric.name == rubric), known[0])
    opened = older or newest_version
    judged = [job for job in jobs.newest(session, dataset.id, 50) if job.kind is JobKind.JUDGE]
    newest = [job for job in judged if job.params["rubric"] == opened.rubric.name][:_SHOWN_JOBS]
    return render(
        request,
        "judging/page.html",
        page="judges",
        dataset=dataset,
        rubrics=known,
        opened=opened,
        newest_version=newest_version,
        told=told(opened.rubric),
        told_now=told(newest_version.rubric),
        form=_as_form(opened.rubric),
        versions=rubrics.versions(session, opened.rubric.name),
        signals=service.signals(session, dataset),
        providers=llm.everything(session),
        last_provider=judged[0].params["provider"] if judged else "",
        jobs=newest,
        progress=jobs.progress(session, newest),
    )


@router.post("/datasets/{name}/judges/rubric", name="judging:save")
def save(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Store what stands in the form as the next version."""
    dataset = datasets.get(session, name)
    saved = rubrics.save(session, _spec(form), by=user)
    return _back(dataset, saved.rubric.name)


@router.post("/datasets/{name}/judges/try", name="judging:try")
def try_rubric(
    request: Request, name: str, session: SessionDep, user: CurrentLead, form: FormFields
) -> HTMLResponse:
    """What the judge says to five samples, with the form as it stands."""
    dataset = datasets.get(session, name)
    rubric = build(Rubric, _spec(form), "rubric")
    seed = int(form["seed"]) if form.get("seed", "").isdecimal() else 0
    found = trying.on_some(session, dataset, rubric, form.get("provider", ""), by=user, seed=seed)
    return render(request, "judging/_tried.html", tried=found, rubric=rubric)


@router.post("/datasets/{name}/judges", name="judging:start")
def start(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    rubric: Annotated[str, Form(max_length=100)],
    provider: Annotated[str, Form(max_length=100)],
    where: Annotated[str, Form(max_length=4000)] = "",
    sample: Annotated[str, Form(max_length=10)] = "",
    budget: Annotated[str, Form(max_length=20)] = "",
    then: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Estimate with a pilot, or judge."""
    dataset = datasets.get(session, name)
    given = {"where": where, "sample": sample or None, "budget": budget or None}
    order = {"rubric": rubric, "provider": provider, "pilot": then == "pilot", **given}
    service.start(session, dataset, build(Order, order, "judge"), by=user)
    return _back(dataset, rubric)


def _back(dataset: Dataset, rubric: str) -> Response:
    address = f"/datasets/{dataset.name}/judges?rubric={rubric}"
    return RedirectResponse(address, status_code=303)


def told(rubric: Rubric) -> str:
    """What the judge is told, with a word where the sample stands."""
    return "\n\n".join(one.content for one in rubric.asked("(the sample)").messages)


_NUMBERS = ("low", "high", "step")
_TEXTS = ("name", "title", "help", "audience", "task", "profile", "source")


def _as_form(rubric: Rubric) -> dict[str, str]:
    """A rubric as the fields of the form: a criterion, a level, a label per line."""
    levels = (f"{one.value:g}: {one.meaning}" for one in rubric.levels)
    return {
        **{name: str(getattr(rubric, name)) for name in _TEXTS},
        **{name: f"{getattr(rubric, name):g}" for name in _NUMBERS},
        "criteria": "\n".join(rubric.criteria),
        "levels": "\n".join(levels),
        "labels": "\n".join(rubric.labels),
        "additive": "true" if rubric.additive else "",
        "pairwise": "true" if rubric.pairwise else "",
    }


def _spec(form: Mapping[str, str]) -> dict[str, Any]:
    """The rubric that the form describes, not checked yet."""
    levels = [line.partition(":") for line in _lines(form.get("levels", ""))]
    return {
        **{name: form.get(name, "").strip() for name in _TEXTS},
        **{name: form[name] for name in _NUMBERS if form.get(name, "").strip()},
        "criteria": _lines(form.get("criteria", "")),
        "levels": [{"value": value.strip(), "meaning": text.strip()} for value, _, text in levels],
        "labels": _lines(form.get("labels", "")),
        "additive": bool(form.get("additive")),
        "pairwise": bool(form.get("pairwise")),
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
