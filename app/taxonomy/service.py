"""The tree of a dataset: its nodes, their targets and documents."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import InvalidError, NotFoundError
from app.taxonomy import policies
from app.taxonomy.archive import MAX_DOCUMENT, refuse_name
from app.taxonomy.models import TaxonomyDocument, TaxonomyNode, TaxonomySeed
from app.taxonomy.problems import Problems, decoded

MAX_TARGET = 100_000
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('taxonomy'), :dataset_id)"


def hold(session: Session, dataset: Dataset) -> None:
    """One change of a tree at a time, until the end of the transaction."""
    session.execute(text(_ONE_AT_A_TIME), {"dataset_id": dataset.id})


def nodes(session: Session, dataset: Dataset, under: str = "") -> Sequence[TaxonomyNode]:
    """All nodes in the order of the tree, or a node with all below it."""
    query = select(TaxonomyNode).where(TaxonomyNode.dataset_id == dataset.id)
    if under:
        query = query.where(_within(under))
    found = session.scalars(query).all()
    return sorted(found, key=lambda one: one.path.split("/"))


def _within(path: str) -> ColumnElement[bool]:
    below = TaxonomyNode.path.startswith(f"{path}/", autoescape=True)
    return or_(TaxonomyNode.path == path, below)


def get(session: Session, dataset: Dataset, path: str) -> TaxonomyNode:
    """The node at this path."""
    path = path.strip().strip("/")
    query = select(TaxonomyNode).where(
        TaxonomyNode.dataset_id == dataset.id, TaxonomyNode.path == path
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError(f"The taxonomy of {dataset.name} has no `{path[:200]}`.")
    return found


def refuse_unknown(session: Session, dataset: Dataset, paths: Sequence[str]) -> None:
    """Refuse paths that the tree does not have."""
    for path in paths:
        get(session, dataset, path)


def leaves(session: Session, dataset: Dataset, paths: Sequence[str]) -> list[TaxonomyNode]:
    """The leaves at and below these paths, all where none is given; none of those unknown."""
    every = [one for one in nodes(session, dataset) if one.leaf]
    if not paths:
        return every
    return [
        one
        for one in every
        if any(one.path == path or one.path.startswith(f"{path}/") for path in paths)
    ]


def set_target(
    session: Session, dataset: Dataset, path: str, target: int | None, *, by: Principal
) -> int:
    """Set the target of a leaf, or of all leaves below a branch; how many leaves that is.

    None takes it back: a run then goes by its own.
    """
    policies.may_change(by)
    if target is not None and not 0 <= target <= MAX_TARGET:
        raise InvalidError(f"A target is a number from 0 to {MAX_TARGET:,}.")
    hold(session, dataset)
    paths = [path.strip("/")] if path.strip("/") else []
    refuse_unknown(session, dataset, paths)
    chosen = leaves(session, dataset, paths)
    for one in chosen:
        one.target = target
    audit.record(
        session,
        by,
        "taxonomy.target",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        after={"path": path, "target": target, "leaves": len(chosen)},
    )
    return len(chosen)


def attach(
    session: Session, dataset: Dataset, path: str, name: str, raw: bytes, *, by: Principal
) -> TaxonomyDocument:
    """Attach a document to a leaf, in the place of one with the same name."""
    policies.may_change(by)
    node = get(session, dataset, path)
    if not node.leaf:
        raise InvalidError(f"{node.path} is a branch: attach the document to one of its leaves.")
    name = name.replace("\\", "/").rpartition("/")[2]
    refuse_name(name)
    if len(raw) > MAX_DOCUMENT:
        raise InvalidError(f"{name} is larger than {MAX_DOCUMENT >> 20} MiB. Split it.")
    problems = Problems(name)
    words = decoded(raw, problems)
    if words is None:
        raise InvalidError(f"{name}: {problems.found[0].message}")
    if not words.strip():
        raise InvalidError(f"{name} is empty.")
    document = keep(session, node, name, words)
    after = {"path": node.path, "name": document.name, "words": document.words}
    audit.record(
        session, by, "taxonomy.attach", ("node", node.id), dataset_id=dataset.id, after=after
    )
    return document


def keep(session: Session, node: TaxonomyNode, name: str, words: str) -> TaxonomyDocument:
    """Store a document of a node under its name."""
    name = name.rpartition("/")[2][-200:] or "document"
    query = select(TaxonomyDocument).where(
        TaxonomyDocument.node_id == node.id, TaxonomyDocument.name == name
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        found = TaxonomyDocument(node_id=node.id, name=name)
        session.add(found)
    found.text = words.replace("\0", "\ufffd")
    found.words = len(words.split())
    session.flush()
    return found


def detach(session: Session, dataset: Dataset, path: str, name: str, *, by: Principal) -> None:
    """Take a document of a leaf away."""
    policies.may_change(by)
    node = get(session, dataset, path)
    query = select(TaxonomyDocument).where(
        TaxonomyDocument.node_id == node.id, TaxonomyDocument.name == name
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError(f"{node.path} has no document `{name[:200]}`.")
    session.delete(found)
    before = {"path": node.path, "name": name}
    audit.record(
        session, by, "taxonomy.detach", ("node", node.id), dataset_id=dataset.id, before=before
    )


def remove(session: Session, dataset: Dataset, path: str, *, by: Principal) -> int:
    """Take a branch or a leaf away; its samples stay. How many leaves went."""
    policies.may_change(by)
    hold(session, dataset)
    node = get(session, dataset, path)
    gone = [one for one in nodes(session, dataset, node.path) if one.leaf]
    session.execute(
        delete(TaxonomyNode).where(TaxonomyNode.dataset_id == dataset.id, _within(node.path))
    )
    before = {"path": node.path, "leaves": len(gone)}
    audit.record(
        session, by, "taxonomy.remove", ("node", node.id), dataset_id=dataset.id, before=before
    )
    return len(gone)


def documents(session: Session, node: TaxonomyNode) -> Sequence[TaxonomyDocument]:
    """The documents of a leaf by name."""
    query = select(TaxonomyDocument).where(TaxonomyDocument.node_id == node.id)
    return session.scalars(query.order_by(TaxonomyDocument.name)).all()


def counts(session: Session, dataset: Dataset) -> tuple[dict[int, int], dict[int, int]]:
    """How many seeds, and how many documents, each node has."""
    return _counted(session, dataset, TaxonomySeed), _counted(session, dataset, TaxonomyDocument)


def _counted(
    session: Session, dataset: Dataset, table: type[TaxonomySeed] | type[TaxonomyDocument]
) -> dict[int, int]:
    query = (
        select(table.node_id, func.count())
        .join(TaxonomyNode, TaxonomyNode.id == table.node_id)
        .where(TaxonomyNode.dataset_id == dataset.id)
        .group_by(table.node_id)
    )
    return dict(session.execute(query).all())
