"""Importing a taxonomy: leaves by their paths, seeds as samples, documents beside them.

People wrote the seeds, but for those that a file beside the tree names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.generators.leaf import KNOWLEDGE, domain_of
from app.curation.records import Kind, Origin, Record
from app.curation.text.identity import content_hash
from app.datasets import service as datasets
from app.datasets.models import KINDS_OF, Dataset
from app.errors import InvalidError
from app.samples.loading import add_batch
from app.samples.models import Sample, SampleBody
from app.samples.packing import Target
from app.samples.service import check_body
from app.sources import service as sources
from app.sources.models import Source
from app.taxonomy import policies, qna, reports, service, sidecar
from app.taxonomy.archive import Folder, tree
from app.taxonomy.models import TaxonomyNode, TaxonomySeed
from app.taxonomy.problems import Problem, Problems, decoded
from app.taxonomy.qna import Example, Qna
from app.taxonomy.reports import Imported, clean
from app.taxonomy.sidecar import Key, Maker

_MAX_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class _Read:
    folder: Folder
    qna: Qna


def run(
    session: Session,
    dataset: Dataset,
    file: BinaryIO,
    name: str,
    *,
    by: Principal,
    license_: str = "",
    source: str = "",
) -> Imported:
    """Take the tree of an archive: good leaves land, and what is wrong with others is told.

    A leaf that is there is updated by its path and keeps its target; leaves that the archive
    lacks stay as they are.
    """
    policies.may_change(by)
    datasets.refuse_protected(dataset, "seeds of a generator")
    if Kind.INSTRUCTION not in KINDS_OF[dataset.purpose]:
        raise InvalidError(
            f"The seeds of a taxonomy are instructions, and {dataset.name}, whose purpose is "
            f"{dataset.purpose}, takes none."
        )
    found = tree(file, name)
    imported = Imported(problems=found.problems)
    makers = sidecar.read(found.sidecars)
    read = _read(found.folders, imported)
    if not found.folders and not found.problems:
        raise InvalidError(
            f"{name} holds no qna.yaml below knowledge, foundational_skills or "
            "compositional_skills. Pack the folder that holds these."
        )
    if read:
        service.hold(session, dataset)
        named = source.strip() or f"taxonomy of {dataset.name}"
        people = sources.find_or_add(
            session, name=named, origin=Origin.HUMAN, license_=license_ or None, by=by
        )
        models = _of_models(session, named, by) if makers else people
        _Writing(session, dataset, (people, models), makers, imported).all(read)
    told = reports.kept(name, imported)
    about = ("dataset", dataset.id)
    audit.record(session, by, reports.ACTION, about, dataset_id=dataset.id, after=told)
    del imported.problems[_MAX_PROBLEMS:]
    return imported


def _of_models(session: Session, named: str, by: Principal) -> Source:
    """The source of seeds that people did not write: the authors' licence is not theirs."""
    return sources.find_or_add(
        session,
        name=f"{named[:170]}: not written by people",
        origin=Origin.SYNTHETIC,
        license_=None,
        by=by,
        terms=f"as the {sidecar.NAME} of the tree says",
    )


def _read(found: Sequence[Folder], imported: Imported) -> list[_Read]:
    read = []
    for folder in found:
        told, problems = qna.read(folder.qna, folder.file)
        imported.problems += problems
        if told is not None:
            read.append(_Read(folder, told))
    return read


class _Writing:
    """The rows of one import."""

    def __init__(
        self,
        session: Session,
        dataset: Dataset,
        of: tuple[Source, Source],
        makers: Mapping[Key, Maker],
        imported: Imported,
    ) -> None:
        self._session, self._dataset, self._makers = session, dataset, makers
        self._people, self._models = of
        self._imported = imported
        self._nodes = {one.path: one for one in service.nodes(session, dataset)}

    def all(self, read: Sequence[_Read]) -> None:
        leaves = [(self._leaf(one), one) for one in read]
        self._session.flush()
        seeds = [(node, self._records(one)) for node, one in leaves]
        ids = self._added([record for _, some in seeds for record, _ in some])
        for node, some in seeds:
            self._link(node, some, ids)
        for node, one in leaves:
            self._documents(node, one.folder)

    def _leaf(self, read: _Read) -> TaxonomyNode:
        known = self._nodes.get(read.folder.path)
        if known is not None and known.leaf:
            self._imported.updated += 1
        else:
            self._imported.created += 1
        node, said = self._node(read.folder.path), read.qna
        node.leaf, node.version, node.author = True, said.version, clean(said.author)
        node.task_description = clean(said.task_description)
        node.domain, node.outline = clean(said.domain), clean(said.outline)
        node.document = said.document
        problems = Problems(read.folder.file.replace("qna.yaml", "attribution.txt"))
        node.attribution = clean(decoded(read.folder.attribution, problems) or "")
        self._imported.problems += problems.found
        return node

    def _node(self, path: str) -> TaxonomyNode:
        """The node at a path, made with those above it where it is missing."""
        node = self._nodes.get(path)
        if node is None:
            above, _, _ = path.rpartition("/")
            parent = self._node(above) if above else None
            node = TaxonomyNode(
                dataset_id=self._dataset.id, path=path, parent_id=parent.id if parent else None
            )
            self._session.add(node)
            self._session.flush()
            self._nodes[path] = node
        return node

    def _records(self, read: _Read) -> list[tuple[Record, Example]]:
        found = []
        for example in read.qna.examples:
            try:
                found.append((_record(read, example, self._maker(read, example)), example))
            except InvalidError as error:
                told = f"This example can't be taken: {error}"
                self._imported.problems.append(
                    Problem(read.folder.file, example.line, told, fatal=False)
                )
        return found

    def _maker(self, read: _Read, example: Example) -> Maker | None:
        told = (example.question, example.answer, example.context)
        return self._makers.get(sidecar.key(read.folder.path, *told)) if self._makers else None

    def _added(self, records: Sequence[Record]) -> dict[bytes, int]:
        """The ids of the samples by their content; the same content is there once.

        A seed that somebody edited since is known by what it was.
        """
        hashes = [content_hash(one.kind, one.body) for one in records]
        edited = self._edited(hashes)
        new = [one for one, digest in zip(records, hashes, strict=True) if digest not in edited]
        self._imported.seeds = len(records)
        self._imported.made_seeds = sum(one.origin is not Origin.HUMAN for one in records)
        # What people wrote goes first: equal content is there once, and theirs counts.
        for source, human in ((self._people, True), (self._models, False)):
            mine = [one for one in new if (one.origin is Origin.HUMAN) is human]
            target = Target(self._dataset.id, source, None, {})
            self._imported.new_seeds += add_batch(self._session, target, mine).created
        query = select(Sample.content_hash, Sample.id).where(
            Sample.dataset_id == self._dataset.id, Sample.content_hash.in_(hashes)
        )
        return edited | dict(self._session.execute(query).all())

    def _edited(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        query = (
            select(SampleBody.content_hash, SampleBody.sample_id)
            .join(Sample, Sample.id == SampleBody.sample_id)
            .join(TaxonomySeed, TaxonomySeed.sample_id == Sample.id)
            .where(Sample.dataset_id == self._dataset.id, SampleBody.content_hash.in_(hashes))
        )
        return dict(self._session.execute(query).all())

    def _link(
        self, node: TaxonomyNode, some: Sequence[tuple[Record, Example]], ids: dict[bytes, int]
    ) -> None:
        rows: dict[int, dict[str, object]] = {}
        for position, (record, _) in enumerate(some):
            sample_id = ids[content_hash(record.kind, record.body)]
            context = record.metadata.get("context", "")
            rows.setdefault(
                sample_id,
                {
                    "node_id": node.id,
                    "sample_id": sample_id,
                    "position": position,
                    "context": context,
                },
            )
        self._session.execute(delete(TaxonomySeed).where(TaxonomySeed.node_id == node.id))
        if rows:
            self._session.execute(insert(TaxonomySeed), list(rows.values()))

    def _documents(self, node: TaxonomyNode, folder: Folder) -> None:
        for name, raw in folder.documents.items():
            problems = Problems(f"{folder.file.rpartition('/')[0]}/{name}")
            words = decoded(raw, problems)
            if words is not None and words.strip():
                service.keep(self._session, node, name, words)
                self._imported.documents += 1
            self._imported.problems += problems.found


def _record(read: _Read, example: Example, maker: Maker | None) -> Record:
    """A seed as a sample: a skill's context is its input, a passage stands beside it."""
    path = read.folder.path
    knows = path.startswith(f"{KNOWLEDGE}/")
    body = check_body(
        Kind.INSTRUCTION,
        {
            "instruction": example.question,
            "input": "" if knows else example.context,
            "output": example.answer,
        },
    )
    told: dict[str, Any] = {"taxonomy": path}
    told |= {"author": clean(read.qna.author)} if maker is None else _cleaned(maker.metadata())
    if knows and example.context:
        told["context"] = clean(example.context)
    origin = Origin.HUMAN if maker is None else maker.origin
    return Record(Kind.INSTRUCTION, body, domain=domain_of(path), origin=origin, metadata=told)


def _cleaned(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: clean(one) if isinstance(one, str) else one for key, one in told.items()}
