"""The page of one sample: its card, scores, revisions and ledger."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.records import BODY_FIELDS, Kind
from app.datasets import service as datasets
from app.errors import ConflictError
from app.generation import account
from app.ledger import service
from app.samples import family, lineage, places
from app.samples import service as samples
from app.samples.bulk import Action
from app.samples.models import Sample
from app.sources.models import Source
from app.verifying import badges
from app.web.cards import body_from_form
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)
_CHILDREN = 100  # that are shown with their texts


@router.get("/samples/{sample_id}", name="ledger:sample")
def sample_page(
    request: Request,
    sample_id: int,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000)] = "",
    sort: Annotated[str, Query(max_length=100)] = "",
    revision: Annotated[int | None, Query(ge=1)] = None,
    editing: Annotated[bool, Query(alias="edit")] = False,
) -> HTMLResponse:
    """One sample with everything known about it."""
    sample = samples.get(session, sample_id)
    shown = {
        "body": samples.body(session, sample, revision),
        "editing": editing and revision in {None, sample.revision},
        "where": where,
        "sort": sort,
    }
    return _page(request, session, sample, shown)


def _page(
    request: Request, session: SessionDep, sample: Sample, shown: dict[str, Any]
) -> HTMLResponse:
    parents, children = samples.parents_and_children(session, sample.id)
    related = bool(parents or children)
    made = lineage.children_of(session, sample.id, _CHILDREN)
    return render(
        request,
        "ledger/sample.html",
        page="catalog",
        dataset=datasets.by_id(session, sample.dataset_id),
        sample=sample,
        revisions=samples.revisions(session, sample.id),
        source=session.get_one(Source, sample.source_id),
        ledger=service.ledger(session, sample),
        scores=service.scores(session, sample),
        topic=places.topic_titles(session, sample.dataset_id).of(sample.scores),
        verdicts=badges.badges(session, sample),
        drop=samples.drop_of(session, sample.id),
        parents=parents,
        beside=lineage.parents_of(session, sample),
        open_children=lineage.open_children(session, sample.id),
        made_of_it=made,
        gates=account.gates_of(session, [one.id for one in made]),
        made=account.draft_of(session, sample.id),
        children=children,
        tree=family.drawn(family.family(session, sample)) if related else None,
        changes=_changes(session, sample),
        fields=BODY_FIELDS[sample.kind],
        **{"typed": None, "reason": "", "error": None, **shown},
    )


def _changes(session: SessionDep, sample: Sample) -> dict[int, list[tuple[str, str, str]]]:
    """What each revision changed: field, old text, new text."""
    found: dict[int, list[tuple[str, str, str]]] = {}
    before: dict[str, str] = {}
    for one in samples.revisions(session, sample.id):
        texts = _texts(sample.kind, one.body)
        if before:
            names = [*before, *(name for name in texts if name not in before)]
            found[one.revision] = [
                (name, before.get(name, ""), texts.get(name, ""))
                for name in names
                if before.get(name) != texts.get(name)
            ]
        before = texts
    return found


def _texts(kind: Kind, body: dict[str, Any]) -> dict[str, str]:
    if kind is not Kind.CHAT:
        return {name: str(body.get(name, "")) for name in BODY_FIELDS[kind]}
    return {
        f"{number}. {turn['role']}": turn["content"]
        for number, turn in enumerate(body["messages"], start=1)
    }


@router.post("/samples/{sample_id}/edit", name="ledger:edit")
def edit(
    request: Request,
    sample_id: int,
    session: SessionDep,
    user: CurrentUser,
    form: FormFields,
    revision: Annotated[int, Form()],
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Store an edit made on the page; when somebody was first, what was typed stays on it."""
    sample = samples.get(session, sample_id)
    typed = body_from_form(sample.kind, form)
    try:
        with session.begin_nested():
            samples.edit(session, sample_id, typed, revision=revision, by=user, reason=reason)
    except ConflictError as error:
        session.refresh(sample)
        shown = {"editing": True, "typed": typed, "reason": reason, "error": error}
        shown |= {"body": samples.body(session, sample), "where": "", "sort": ""}
        response = _page(request, session, sample, shown)
        response.status_code = error.status
        return response
    return RedirectResponse(f"/samples/{sample_id}", status_code=303)


@router.post("/samples/{sample_id}/children", name="ledger:children")
def decide_children(
    sample_id: int, session: SessionDep, user: CurrentLead, action: Annotated[Action, Form()]
) -> Response:
    """Approve or reject all that was made from a sample."""
    sample = samples.get(session, sample_id)
    dataset = datasets.by_id(session, sample.dataset_id)
    lineage.decide_children(session, dataset, sample, action, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/jobs", status_code=303)


@router.post("/samples/{sample_id}/restore", name="ledger:restore")
def restore(sample_id: int, session: SessionDep, user: CurrentUser) -> Response:
    """Bring a dropped sample back."""
    samples.restore(session, sample_id, by=user)
    return RedirectResponse(f"/samples/{sample_id}", status_code=303)


@router.post("/samples/{sample_id}/revisions/{revision}/restore", name="ledger:restore_revision")
def restore_revision(
    sample_id: int,
    revision: int,
    session: SessionDep,
    user: CurrentUser,
    seen: Annotated[int, Form()],
) -> Response:
    """Make an earlier revision the present one again."""
    sample = samples.get(session, sample_id)
    old = samples.body(session, sample, revision)
    samples.edit(
        session,
        sample_id,
        old.body,
        revision=seen,
        by=user,
        reason=f"revision {revision} restored",
    )
    return RedirectResponse(f"/samples/{sample_id}", status_code=303)
