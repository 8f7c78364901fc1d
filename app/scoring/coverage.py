"""How many samples each flag of a signal marks: what a dataset has, and what it lacks."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.catalog import SIGNALS
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.samples import registry
from app.samples.models import Sample
from app.samples.search import condition


@dataclass(frozen=True, slots=True)
class Marked:
    """How many of the samples that have a value are marked by one measure."""

    name: str
    title: str
    rows: int
    measured: int
    share: float


def coverage(session: Session, dataset: Dataset, key: str, where: str = "") -> list[Marked]:
    """Rows above 0 per measure of a signal that consists of flags; none where not measured."""
    if key not in SIGNALS or not SIGNALS[key].flags:
        names = ", ".join(name for name, one in SIGNALS.items() if one.flags)
        raise InvalidError(f"`{key}` is no signal of flags. There are {names}.")
    wanted = condition(session, dataset.id, where)
    known = {one.name: one for one in registry.signals(session, dataset.id)}
    slots = [known[name] for name in SIGNALS[key].flags if name in known]
    if not slots:
        return []
    cells = []
    for slot in slots:
        column = Sample.scores[slot.slot + 1]
        cells += [func.count().filter(column > 0), func.count(column)]
    numbers = session.execute(select(*cells).where(wanted)).one()
    pairs = zip(slots, zip(numbers[::2], numbers[1::2], strict=True), strict=True)
    return [
        Marked(slot.name, slot.title, rows, measured, rows / measured if measured else 0.0)
        for slot, (rows, measured) in pairs
    ]
