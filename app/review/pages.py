"""Review in the browser: one sample at a time, one key per decision, the next ones at hand."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.accounts import service as accounts
from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.accounts.policies import Principal
from app.curation.pairs.sides import Side
from app.curation.records import BODY_FIELDS, Kind
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.review import comparing, queue, service, tally
from app.review.models import Decision, ReviewItem, ReviewQueue, Verdict
from app.samples import lineage, registry
from app.samples import service as samples
from app.samples.models import DatasetSignal, Sample, SampleBody
from app.scoring import service as scoring
from app.scoring import trust
from app.sources.models import Source
from app.verifying import badges
from app.web.cards import body_from_form
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)
_AHEAD = 4
_BEHIND = 6


@router.get("/datasets/{name}/review", name="review:page")
def review_page(
    request: Request, name: str, session: SessionDep, user: CurrentUser
) -> HTMLResponse:
    """The next sample and all that is needed to decide on it."""
    dataset = datasets.get(session, name)
    context = _context(session, dataset, user)
    template = "review/_bench.html" if _swaps(request) else "review/page.html"
    return render(request, template, page="review", **context)


def _swaps(request: Request) -> bool:
    return request.headers.get("HX-Request") == "true"


def _context(
    session: Session, dataset: Dataset, user: Principal, edited: int | None = None
) -> dict[str, Any]:
    review_queue = queue.queue_of(session, dataset)
    items = queue.lease_next(session, dataset, by=user, count=1 + _AHEAD)
    counted = tally.read(session, review_queue)
    current = samples.get(session, items[0].sample_id) if items else None
    ahead = [samples.get(session, item.sample_id) for item in items[1:]]
    last = service.last_of(session, dataset.id, user)
    return {
        "dataset": dataset,
        "queue": review_queue,
        "item": items[0] if items else None,
        "tallies": counted.decided,
        "decided": sum(counted.decided.values()),
        "remaining": counted.waiting,
        "next": _next(session, review_queue, items[1], ahead[0], user) if ahead else None,
        "ahead": [(one, _title(session, one)) for one in ahead],
        "behind": _behind(session, dataset, user),
        "last": last,
        "keys": accounts.review_keys(session, user.id),
        "title": _title(session, current) if current else "",
        "order_signals": _order_signals(session, dataset),
        "verdicts": list(Verdict),
        "editing": edited is not None and current is not None and edited == current.id,
        **_sample(session, review_queue, current, user),
    }


def _order_signals(session: Session, dataset: Dataset) -> list[str]:
    """Signals that imitate a person: a queue may show what they are least sure of."""
    signals = registry.signals(session, dataset.id)
    return [one.name for one in signals if one.key in trust.JUDGING]


def _sample(
    session: Session, review_queue: ReviewQueue, sample: Sample | None, user: Principal
) -> dict[str, Any]:
    """What the card shows; in blind mode scores, source and origin never leave the server.

    Of a pair nothing does that tells which answer was built as the better one.
    """
    if sample is None:
        return {
            "sample": None,
            "body": None,
            "sides": None,
            "scores": [],
            "source": None,
            "fields": (),
            "checks": [],
            "parents": [],
        }
    body = samples.body(session, sample)
    pair = _sides(sample, body, user)
    blind = review_queue.blind or pair is not None
    signals = [] if blind else registry.signals(session, sample.dataset_id)
    named = samples.named_scores(sample, signals)
    return {
        "sample": sample,
        "body": body,
        "sides": pair,
        "original": _original(session, sample),
        "scores": [(one, named[one.name]) for one in _first_imported(signals) if one.name in named],
        "notes": {} if blind else scoring.notes(session, sample.id),
        "checks": [] if blind else badges.badges(session, sample),
        "parents": [] if blind else lineage.parents_of(session, sample),
        "source": None if review_queue.blind else session.get_one(Source, sample.source_id),
        "fields": BODY_FIELDS[sample.kind],
    }


def _sides(sample: Sample, body: SampleBody, user: Principal) -> comparing.Sides | None:
    return comparing.sides(sample, body, user) if sample.kind is Kind.PREFERENCE else None


def _original(session: Session, sample: Sample) -> SampleBody | None:
    return samples.body(session, sample, 1) if sample.revision > 1 else None


def _next(
    session: Session, review_queue: ReviewQueue, item: ReviewItem, sample: Sample, user: Principal
) -> dict[str, Any]:
    """The card after this one: it waits in the page, so that a decision shows it at once."""
    body = samples.body(session, sample)
    return {
        "item": item,
        "sample": sample,
        "body": body,
        "sides": _sides(sample, body, user),
        "original": _original(session, sample),
        "source": None if review_queue.blind else session.get_one(Source, sample.source_id),
        "parents": [] if review_queue.blind else lineage.parents_of(session, sample),
    }


def _first_imported(signals: Sequence[DatasetSignal]) -> list[DatasetSignal]:
    """Ratings that came with the file before what was measured here."""
    return sorted(signals, key=lambda signal: (signal.key != registry.IMPORTED, signal.slot))


def _behind(session: Session, dataset: Dataset, user: Principal) -> list[tuple[Decision, str]]:
    decisions = service.recent(session, dataset.id, user, _BEHIND)
    return [
        (one, _title(session, samples.get(session, one.sample_id))) for one in reversed(decisions)
    ]


def _title(session: Session, sample: Sample) -> str:
    """The beginning of its text; of a pair that of the question alone, as answers would tell."""
    body = samples.body(session, sample)
    return (body.body["prompt"] if sample.kind is Kind.PREFERENCE else body.text)[:80]


@router.post("/datasets/{name}/review/{sample_id}", name="review:decide")
def decide(
    request: Request,
    name: str,
    sample_id: int,
    session: SessionDep,
    user: CurrentUser,
    form: FormFields,
    verdict: Annotated[Verdict | Side, Form()],
    revision: Annotated[int, Form()],
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> HTMLResponse:
    """Record the verdict and answer with the next sample; a conflict keeps all on the page."""
    dataset = datasets.get(session, name)
    given: dict[str, Any] = {"revision": revision, "note": note, "by": user}
    if any(field.startswith("body.") for field in form):
        given["body"] = body_from_form(samples.get(session, sample_id).kind, form)
    try:
        with session.begin_nested():
            if isinstance(verdict, Side):
                given.pop("body", None)
                comparing.prefer(session, sample_id, side=verdict, **given)
            else:
                service.decide(session, sample_id, verdict=verdict, **given)
    except ConflictError as error:
        settled = Verdict.SKIP if isinstance(verdict, Side) else verdict
        return _conflict(request, session, dataset, sample_id, error, settled, note)
    return render(request, "review/_bench.html", page="review", **_context(session, dataset, user))


def _conflict(
    request: Request,
    session: Session,
    dataset: Dataset,
    sample_id: int,
    error: ConflictError,
    verdict: Verdict,
    note: str,
) -> HTMLResponse:
    sample = samples.get(session, sample_id)
    response = render(
        request,
        "review/_conflict.html",
        dataset=dataset,
        sample=sample,
        body=samples.body(session, sample),
        error=error,
        verdict=verdict,
        note=note,
    )
    response.status_code = error.status
    response.headers.update({"HX-Retarget": "#conflict", "HX-Reswap": "innerHTML"})
    return response


@router.post("/datasets/{name}/review/{sample_id}/edit", name="review:edit")
def save_edit(
    request: Request,
    name: str,
    sample_id: int,
    session: SessionDep,
    user: CurrentUser,
    form: FormFields,
    revision: Annotated[int, Form()],
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> HTMLResponse:
    """Save the edit and decide later: the sample stays on the page."""
    dataset = datasets.get(session, name)
    body = body_from_form(samples.get(session, sample_id).kind, form)
    try:
        with session.begin_nested():
            samples.edit(session, sample_id, body, revision=revision, by=user, reason=note)
    except ConflictError as error:
        return _conflict(request, session, dataset, sample_id, error, Verdict.SKIP, note)
    return render(request, "review/_bench.html", page="review", **_context(session, dataset, user))


@router.get("/datasets/{name}/review/{sample_id}/edit", name="review:editor")
def editor(
    request: Request, name: str, sample_id: int, session: SessionDep, user: CurrentUser
) -> HTMLResponse:
    """The card as fields to edit."""
    dataset = datasets.get(session, name)
    context = _context(session, dataset, user, edited=sample_id)
    return render(request, "review/_bench.html", page="review", **context)


@router.post("/datasets/{name}/undo", name="review:undo")
def undo(request: Request, name: str, session: SessionDep, user: CurrentUser) -> HTMLResponse:
    """Take back one's last decision; its sample is on the page again."""
    dataset = datasets.get(session, name)
    last = service.last_of(session, dataset.id, user)
    if last is None:
        raise ConflictError("There is no decision of yours to take back.")
    service.undo(session, last.id, by=user)
    return render(request, "review/_bench.html", page="review", **_context(session, dataset, user))


@router.post("/datasets/{name}/review-queue", name="review:configure")
def configure(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    where: Annotated[str, Form(max_length=4000)] = "",
    order_by: Annotated[str, Form(max_length=200)] = "",
    random_percent: Annotated[float, Form(ge=0, le=100)] = 0,
    blind: Annotated[bool, Form()] = False,
) -> Response:
    """Set up the queue."""
    dataset = datasets.get(session, name)
    queue.configure(
        session,
        dataset,
        where=where,
        order_by=order_by,
        random_share=random_percent / 100,
        blind=blind,
        by=user,
    )
    return Response(status_code=303, headers={"Location": f"/datasets/{dataset.name}/review"})


@router.post("/datasets/{name}/guidelines", name="review:guidelines")
def guidelines(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    guidelines: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:
    """Change the guidelines that reviewers have at hand."""
    dataset = datasets.get(session, name)
    datasets.change(session, dataset, guidelines=guidelines.replace("\r\n", "\n"), by=user)
    return Response(status_code=303, headers={"Location": f"/datasets/{dataset.name}/review"})
