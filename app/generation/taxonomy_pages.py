"""The tree in the browser: what its leaves have and lack, one of them opened, runs from there."""

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.generators.lab import Lab
from app.curation.generators.leaf import domain_of
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.generation import leaf_account, taxonomy_view
from app.generation.leaf_account import Standing
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.llm import service as llm
from app.samples.search import METADATA, schema_of
from app.taxonomy import exporting, reports, service
from app.taxonomy.models import TaxonomyNode
from app.web.forms import FormFields, Uploads
from app.web.render import render

router = APIRouter(include_in_schema=False)
_OPEN_PARTS = 2  # so deep the tree is open when nothing is chosen


@dataclass(slots=True)
class Branch:
    """A node of the tree that is drawn, with those below it."""

    name: str
    standing: Standing
    leaf: bool
    opened: bool = False
    below: list["Branch"] = field(default_factory=list)


@router.get("/datasets/{name}/taxonomy", name="taxonomy:page")
def taxonomy_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    node: Annotated[str, Query(max_length=2000)] = "",
    short: Annotated[bool, Query()] = False,
    imported: Annotated[bool, Query()] = False,
) -> HTMLResponse:
    """The tree, one node of it opened, all of it or what is short; what became of an import."""
    dataset = datasets.get(session, name)
    standings = leaf_account.of_nodes(session, dataset)
    opened = taxonomy_view.of_node(session, dataset, node, standings) if node else None
    leaves = {one.path for one in service.nodes(session, dataset) if one.leaf}
    running = jobs.open_jobs(session, dataset.id, JobKind.GENERATE)
    path = opened.node.path if opened else ""
    return render(
        request,
        "taxonomy/page.html",
        page="taxonomy",
        dataset=dataset,
        tree=_tree(standings, leaves, path, short=short),
        leaves=len(leaves),
        whole=_whole(standings, leaves),
        opened=opened,
        why=leaf_account.why(opened.standing) if opened and opened.node.leaf else "",
        filter=_filter(session, dataset, opened.node) if opened else "",
        short=short,
        report=reports.newest(session, dataset),
        imported=imported,
        providers=[one.name for one in llm.everything(session)],
        target=Lab().target,
        jobs=running,
        progress=jobs.progress(session, running),
    )


def _filter(session: SessionDep, dataset: Dataset, node: TaxonomyNode) -> str:
    """What finds the samples that were made for a leaf, or for all leaves of a branch.

    Where too many others came since for the field to be known, a leaf is found by its domain.
    """
    field = f"{METADATA}taxonomy"
    if field in schema_of(session, dataset.id).fields:
        return f'origin:synthetic {field}:"{node.path}"'
    return f'origin:synthetic domain:"{domain_of(node.path)}"' if node.leaf else ""


def _tree(
    standings: dict[str, Standing], leaves: set[str], chosen: str, *, short: bool
) -> list[Branch]:
    """The roots; of `short` those nodes alone that are short or have a short leaf below."""
    drawn: dict[str, Branch] = {}
    roots: list[Branch] = []
    for path, standing in standings.items():
        if short and not standing.short:
            continue
        above, _, name = path.rpartition("/")
        branch = Branch(
            name,
            standing,
            path in leaves,
            opened=short or path.count("/") < _OPEN_PARTS or f"{chosen}/".startswith(f"{path}/"),
        )
        drawn[path] = branch
        (drawn[above].below if above in drawn else roots).append(branch)
    return roots


def _whole(standings: dict[str, Standing], leaves: set[str]) -> Standing:
    whole = Standing("")
    for path in leaves:
        if not any(other.startswith(f"{path}/") for other in leaves):
            whole.add(standings[path])
    return whole


@router.post("/datasets/{name}/taxonomy", name="taxonomy:import")
def import_tree(
    name: str, session: SessionDep, user: CurrentLead, files: Uploads, form: FormFields
) -> Response:
    """Import an archive, and show what became of it."""
    dataset = datasets.get(session, name)
    taxonomy_view.take(session, dataset, files, form, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/taxonomy?imported=true", 303)


@router.get("/datasets/{name}/taxonomy/export", name="taxonomy:export")
def export(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    under: Annotated[str, Query(max_length=2000)] = "",
    approved: Annotated[bool, Query()] = False,
) -> Response:
    """The tree as a zip."""
    dataset = datasets.get(session, name)
    made = exporting.archive(session, dataset, approved=approved, under=under)
    told = f'attachment; filename="taxonomy-{dataset.name}.zip"'
    return Response(made, media_type="application/zip", headers={"Content-Disposition": told})


@router.post("/datasets/{name}/taxonomy/target", name="taxonomy:target")
def set_target(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    path: Annotated[str, Form(max_length=2000)] = "",
    target: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Set the target of a leaf, or of all leaves below a branch; empty takes it back."""
    dataset = datasets.get(session, name)
    if target.strip() and not target.strip().isdecimal():
        raise InvalidError("A target is a whole number; leave the field empty to take it back.")
    given = int(target) if target.strip() else None
    service.set_target(session, dataset, path, given, by=user)
    return _back(dataset, path)


@router.post("/datasets/{name}/taxonomy/documents", name="taxonomy:attach")
def attach(
    name: str, session: SessionDep, user: CurrentLead, files: Uploads, form: FormFields
) -> Response:
    """Attach a document to a leaf."""
    dataset = datasets.get(session, name)
    taxonomy_view.attach(session, dataset, files, form, by=user)
    return _back(dataset, form.get("path", ""))


@router.post("/datasets/{name}/taxonomy/documents/remove", name="taxonomy:detach")
def detach(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    path: Annotated[str, Form(max_length=2000)],
    document: Annotated[str, Form(max_length=300)],
) -> Response:
    """Take a document of a leaf away."""
    dataset = datasets.get(session, name)
    service.detach(session, dataset, path, document, by=user)
    return _back(dataset, path)


@router.post("/datasets/{name}/taxonomy/remove", name="taxonomy:remove")
def remove(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    path: Annotated[str, Form(max_length=2000)],
) -> Response:
    """Take a leaf or a branch away; its samples stay."""
    dataset = datasets.get(session, name)
    service.remove(session, dataset, path, by=user)
    return _back(dataset, "")


def _back(dataset: Dataset, path: str) -> Response:
    target = f"?node={quote(path, safe='/')}" if path else ""
    return RedirectResponse(f"/datasets/{dataset.name}/taxonomy{target}", 303)
