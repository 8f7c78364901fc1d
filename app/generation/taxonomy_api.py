"""Taxonomies over REST: trees in and out, targets, documents, and how the leaves stand."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.accounts.current import CurrentUser, SessionDep
from app.datasets import service as datasets
from app.errors import NotFoundError
from app.generation import leaf_account, taxonomy_view
from app.generation.leaf_account import Standing
from app.generation.taxonomy_schemas import (
    DocumentForm,
    DocumentOut,
    ImportedOut,
    LeafOut,
    LeavesOut,
    NodeOut,
    ReportOut,
    SeedOut,
    TargetOrder,
    TreeForm,
)
from app.taxonomy import exporting, reports, service
from app.web.forms import FormFields, Uploads, multipart
from app.web.pagination import Page

router = APIRouter(tags=["taxonomy"])
PathQuery = Annotated[str, Query(max_length=2000, description="A leaf or a branch")]


_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/datasets/{name}/taxonomy", name="api:get_taxonomy")
def get_taxonomy(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    under: PathQuery = "",
    short: Annotated[bool, Query(description="Only leaves that are short")] = False,
) -> Page[NodeOut]:
    """The tree in its order: what each leaf and branch has, lacks, and where drafts failed."""
    dataset = datasets.get(session, name)
    wanted = {one.path: one.leaf for one in service.nodes(session, dataset, under.strip("/"))}
    found = leaf_account.of_nodes(session, dataset)
    items = [
        _node(found[path], leaf=leaf)
        for path, leaf in wanted.items()
        if not short or (leaf and found[path].lacking)
    ]
    return Page(items=items, total=len(items))


@router.get("/datasets/{name}/taxonomy/node", name="api:get_taxonomy_node")
def get_node(name: str, session: SessionDep, _user: CurrentUser, path: PathQuery) -> LeafOut:
    """A leaf or a branch with its seeds and documents."""
    found = taxonomy_view.of_node(session, datasets.get(session, name), path)
    node = found.node
    return LeafOut(
        **_node(found.standing, leaf=node.leaf).model_dump(),
        version=node.version,
        author=node.author,
        task_description=node.task_description,
        domain=node.domain,
        outline=node.outline,
        document=node.document,
        attribution=node.attribution,
        seed_examples=[
            SeedOut(
                sample_id=one.sample_id,
                status=one.status.value,
                question=one.question,
                answer=one.answer,
                context=one.context,
                origin=one.origin.value,
            )
            for one in found.seeds
        ],
        attached=[DocumentOut.model_validate(one) for one in found.documents],
    )


@router.post(
    "/datasets/{name}/taxonomy/import",
    name="api:import_taxonomy",
    openapi_extra={"requestBody": {"required": True, "content": multipart(TreeForm)}},
)
def import_taxonomy(
    name: str, session: SessionDep, user: CurrentUser, files: Uploads, form: FormFields
) -> ImportedOut:
    """Import a .zip or .tar.gz of folders with qna.yaml: good leaves land, the rest is told.

    Leaves that are there are updated by their path and keep their targets. Seeds are taken for
    what people wrote, but for those that a `winnow.json` of an export names.
    """
    dataset = datasets.get(session, name)
    found = taxonomy_view.take(session, dataset, files, form, by=user)
    return ImportedOut.model_validate(found)


@router.get("/datasets/{name}/taxonomy/import", name="api:get_taxonomy_import")
def get_import(name: str, session: SessionDep, _user: CurrentUser) -> ReportOut:
    """What became of the newest import."""
    dataset = datasets.get(session, name)
    found = reports.newest(session, dataset)
    if found is None:
        raise NotFoundError(f"Nobody imported a taxonomy into {name} yet.")
    return ReportOut.model_validate(found)


@router.get(
    "/datasets/{name}/taxonomy/export",
    name="api:export_taxonomy",
    response_class=Response,
    responses=_ZIP,
)
def export_taxonomy(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    under: PathQuery = "",
    approved: Annotated[bool, Query(description="Approved samples as seeds, too")] = False,
) -> Response:
    """The tree as a zip of folders with qna.yaml, as InstructLab reads it.

    Seeds that models wrote are named in a `winnow.json` beside them, and stay synthetic.
    """
    dataset = datasets.get(session, name)
    made = exporting.archive(session, dataset, approved=approved, under=under)
    told = f'attachment; filename="taxonomy-{dataset.name}.zip"'
    return Response(made, media_type="application/zip", headers={"Content-Disposition": told})


@router.put("/datasets/{name}/taxonomy/targets", name="api:set_targets")
def set_targets(name: str, body: TargetOrder, session: SessionDep, user: CurrentUser) -> LeavesOut:
    """Set the target of a leaf, or of all leaves below a branch."""
    dataset = datasets.get(session, name)
    count = service.set_target(session, dataset, body.path, body.target, by=user)
    return LeavesOut(leaves=count)


@router.delete("/datasets/{name}/taxonomy", status_code=204, name="api:remove_taxonomy")
def remove(name: str, session: SessionDep, user: CurrentUser, path: PathQuery) -> None:
    """Take a leaf or a branch away; its samples stay."""
    service.remove(session, datasets.get(session, name), path, by=user)


@router.post(
    "/datasets/{name}/taxonomy/documents",
    name="api:attach_document",
    openapi_extra={"requestBody": {"required": True, "content": multipart(DocumentForm)}},
)
def attach(
    name: str, session: SessionDep, user: CurrentUser, files: Uploads, form: FormFields
) -> DocumentOut:
    """Attach a document, text or Markdown, to a leaf; one of the same name is replaced."""
    dataset = datasets.get(session, name)
    made = taxonomy_view.attach(session, dataset, files, form, by=user)
    return DocumentOut.model_validate(made)


@router.delete("/datasets/{name}/taxonomy/documents", status_code=204, name="api:detach_document")
def detach(
    name: str,
    session: SessionDep,
    user: CurrentUser,
    path: PathQuery,
    document: Annotated[str, Query(max_length=300)],
) -> None:
    """Take a document of a leaf away."""
    service.detach(session, datasets.get(session, name), path, document, by=user)


def _node(standing: Standing, *, leaf: bool) -> NodeOut:
    found = NodeOut.model_validate(standing)
    why = leaf_account.why(standing) if leaf else ""
    return found.model_copy(update={"leaf": leaf, "why": why})
