"""Search by meaning in the browser: like a text, like a sample; the neighbours of a sample."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.rules.nodes import And, Text, conditions
from app.curation.rules.nodes import render as expression
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.embeddings import nearest, service
from app.embeddings.nearest import Like
from app.errors import AppError
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.providers.embedders import Tier
from app.samples import service as samples
from app.samples import texts
from app.samples.search import parsed, schema_of
from app.web.render import render

router = APIRouter(include_in_schema=False)
_SHOWN, _NEIGHBOURS = 50, 8


@router.get("/datasets/{name}/similar", name="embeddings:similar")
def similar_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000)] = "",
    like_sample: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = _SHOWN,
) -> HTMLResponse:
    """The samples nearest in meaning to the words of a search, or to a sample.

    Conditions of the search hold as in the catalog; its words are the text that is looked for.
    """
    dataset = datasets.get(session, name)
    running = jobs.open_jobs(session, dataset.id, JobKind.EMBED)
    return render(
        request,
        "embeddings/page.html",
        page="catalog",
        dataset=dataset,
        where=where,
        like_sample=like_sample,
        limit=limit,
        coverage=service.coverage(session, dataset, Tier.STATIC),
        jobs=running,
        progress=jobs.progress(session, running),
        **_found(session, dataset, where, like_sample, limit),
    )


def _found(
    session: Session, dataset: Dataset, where: str, like_sample: int | None, limit: int
) -> dict[str, Any]:
    """The samples found with the beginnings of their texts, or why there are none."""
    nothing: dict[str, Any] = {"found": [], "texts": {}, "error": None}
    try:
        words, rest = _parts(session, dataset, where)
        if like_sample is None and not words:
            return nothing
        like = Like(sample_id=like_sample) if like_sample is not None else Like(words)
        found = nearest.search(session, dataset, like, where=rest, limit=limit)
    except AppError as error:
        return {**nothing, "error": error}
    shown = texts.beginnings(session, [one.sample.id for one in found])
    return {"found": found, "texts": shown, "error": None}


def _parts(session: Session, dataset: Dataset, where: str) -> tuple[str, str]:
    """The words of a search as one text, and its conditions as an expression."""
    parts = conditions(parsed(schema_of(session, dataset.id), where))
    words = [one.words for one in parts if isinstance(one, Text)]
    rest = And(tuple(one for one in parts if not isinstance(one, Text)))
    return " ".join(words), expression(rest)


@router.get("/samples/{sample_id}/neighbours", name="embeddings:neighbours")
def neighbours(
    request: Request, sample_id: int, session: SessionDep, _user: CurrentUser
) -> HTMLResponse:
    """The samples nearest to one, as a fragment of its page; none while nothing is embedded."""
    dataset = datasets.by_id(session, samples.get(session, sample_id).dataset_id)
    context = _found(session, dataset, "", sample_id, _NEIGHBOURS)
    return render(
        request, "embeddings/_neighbours.html", dataset=dataset, sample_id=sample_id, **context
    )


@router.post("/datasets/{name}/embed", name="embeddings:start")
def embed(name: str, session: SessionDep, user: CurrentLead) -> Response:
    """Embed what has no vector yet."""
    dataset = datasets.get(session, name)
    service.start(session, dataset, Tier.STATIC, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/similar", status_code=303)
