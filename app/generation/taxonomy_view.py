"""A node of a taxonomy with its seeds and documents, for pages and for JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from app.accounts.policies import Principal
from app.curation.records import Origin
from app.datasets.models import Dataset
from app.errors import InvalidError, TooLargeError
from app.generation import leaf_account
from app.generation.leaf_account import Standing
from app.generation.taxonomy_schemas import DocumentForm, TreeForm
from app.samples.models import Sample, SampleBody, Status
from app.taxonomy import importing, service
from app.taxonomy.archive import MAX_DOCUMENT
from app.taxonomy.models import TaxonomyDocument, TaxonomyNode, TaxonomySeed
from app.taxonomy.reports import Imported
from app.validation import build

_MAX_ARCHIVE = 100 << 20


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed example as it is now."""

    sample_id: int
    status: Status
    question: str
    answer: str
    context: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class View:
    """A node and all that hangs on it."""

    node: TaxonomyNode
    standing: Standing
    seeds: Sequence[Seed]
    documents: Sequence[TaxonomyDocument]

    @property
    def by_people(self) -> int:
        """How many of the seeds people wrote."""
        return sum(one.origin is Origin.HUMAN for one in self.seeds)


def of_node(
    session: Session, dataset: Dataset, path: str, standings: dict[str, Standing] | None = None
) -> View:
    """The node at this path."""
    node = service.get(session, dataset, path)
    found = standings if standings is not None else leaf_account.of_nodes(session, dataset)
    documents = service.documents(session, node)
    return View(node, found[node.path], _seeds(session, node), documents)


def _seeds(session: Session, node: TaxonomyNode) -> list[Seed]:
    query = (
        select(TaxonomySeed.context, Sample.id, Sample.status, SampleBody.body, Sample.origin)
        .join(Sample, Sample.id == TaxonomySeed.sample_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(TaxonomySeed.node_id == node.id)
        .order_by(TaxonomySeed.position)
    )
    return [
        Seed(id_, status, body["instruction"], body["output"], context or body["input"], origin)
        for context, id_, status, body, origin in session.execute(query)
    ]


def take(
    session: Session,
    dataset: Dataset,
    files: Sequence[UploadFile],
    form: Mapping[str, str],
    *,
    by: Principal,
) -> Imported:
    """Import the one archive of a form."""
    file = _only(files, "an archive (.zip or .tar.gz) of the taxonomy's folder")
    if (file.size or 0) > _MAX_ARCHIVE:
        raise TooLargeError(f"{file.filename} is larger than {_MAX_ARCHIVE >> 20} MiB. Split it.")
    name = file.filename or "upload"
    said = build(TreeForm, form, "form")
    return importing.run(
        session, dataset, file.file, name, by=by, license_=said.license, source=said.source
    )


def attach(
    session: Session,
    dataset: Dataset,
    files: Sequence[UploadFile],
    form: Mapping[str, str],
    *,
    by: Principal,
) -> TaxonomyDocument:
    """Attach the one document of a form to a leaf."""
    file = _only(files, "a text or Markdown file")
    raw = file.file.read(MAX_DOCUMENT + 1)
    path = build(DocumentForm, form, "form").path
    return service.attach(session, dataset, path, file.filename or "document", raw, by=by)


def _only(files: Sequence[UploadFile], what: str) -> UploadFile:
    named = [one for one in files if one.filename]
    if len(named) != 1:
        raise InvalidError(f"Send one file: {what}.")
    return named[0]
