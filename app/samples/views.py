"""Saved searches, the columns people see, and searches with one facet switched."""

from collections.abc import Sequence
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.rules.nodes import And, Compare, Node, conditions, render
from app.datasets.models import Dataset
from app.errors import InvalidError, NotFoundError
from app.samples import policies
from app.samples.models import DatasetSignal, SavedView
from app.samples.order import sort_of
from app.samples.registry import IMPORTED
from app.samples.search import parsed, schema_of

_DEFAULT_COLUMNS = 4
_BESIDE_TEXT = ("words", "chars")  # stand in a column of their own already


def everything(session: Session, dataset_id: int) -> Sequence[SavedView]:
    """The saved searches of a dataset."""
    query = select(SavedView).where(SavedView.dataset_id == dataset_id).order_by(SavedView.name)
    return session.scalars(query).all()


def save(
    session: Session,
    dataset: Dataset,
    *,
    name: str,
    where: str,
    sort: str,
    columns: Sequence[str],
    by: Principal,
) -> SavedView:
    """Keep a search under a name; the same name is written over."""
    policies.may_save_view(by)
    name = name.strip()
    if not name:
        raise InvalidError("A view needs a name.")
    schema = schema_of(session, dataset.id)
    parsed(schema, where)
    sort_of(schema, sort)
    query = select(SavedView).where(SavedView.dataset_id == dataset.id, SavedView.name == name)
    view = session.scalar(query)
    if view is None:
        view = SavedView(dataset_id=dataset.id, name=name, created_by=by.id)
        session.add(view)
    view.where, view.sort = where, sort
    view.columns = [column for column in columns if column in schema.fields]
    session.flush()
    _record(session, view, by, "view.save")
    return view


def delete(session: Session, dataset: Dataset, view_id: int, *, by: Principal) -> None:
    """Forget a saved search."""
    policies.may_save_view(by)
    view = session.get(SavedView, view_id)
    if view is None or view.dataset_id != dataset.id:
        raise NotFoundError("There is no such view.")
    _record(session, view, by, "view.delete")
    session.delete(view)
    session.flush()


def _record(session: Session, view: SavedView, by: Principal, action: str) -> None:
    after = {"name": view.name, "where": view.where, "sort": view.sort, "columns": view.columns}
    audit.record(session, by, action, ("view", view.id), dataset_id=view.dataset_id, after=after)


def address(view: SavedView) -> str:
    """The query of the page that shows the view."""
    parts = {"where": view.where, "sort": view.sort, "columns": ",".join(view.columns)}
    return urlencode({name: value for name, value in parts.items() if value})


def default_columns(signals: Sequence[DatasetSignal]) -> list[DatasetSignal]:
    """The signals to show before anybody chose: imported ones first, they were asked for."""
    ordered = sorted(signals, key=lambda signal: (signal.key != IMPORTED, signal.slot))
    return [signal for signal in ordered if signal.name not in _BESIDE_TEXT][:_DEFAULT_COLUMNS]


def toggled(node: Node, facet: str, value: str) -> str:
    """The search with a facet's value added to those asked for, or taken out again."""
    kept: list[Node] = []
    values: tuple[str, ...] = ()
    for part in conditions(node):
        if isinstance(part, Compare) and part.field == facet and part.op == ":":
            values += part.values
        elif part != And(()):
            kept.append(part)
    chosen = tuple(one for one in values if one != value)
    if value not in values:
        chosen = (*chosen, value)
    if chosen:
        kept.append(Compare(facet, ":", chosen))
    return render(And(tuple(kept)))
