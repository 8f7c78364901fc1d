"""The signals of a dataset: which slot of the scores array holds what."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.errors import ConflictError
from app.samples.models import DatasetSignal

IMPORTED = "imported"
PLACE = "place"  # of topics and of the map: in slots, but no signal that anybody lists
_MOST = 1000


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """What a slot is wanted for."""

    name: str
    title: str
    key: str
    fingerprint: str
    help: str = ""
    version: int = 1
    params: dict[str, Any] | None = None


def signals(session: Session, dataset_id: int) -> Sequence[DatasetSignal]:
    """The signals of a dataset by name."""
    return [one for one in slots(session, dataset_id) if one.key != PLACE]


def slots(session: Session, dataset_id: int) -> Sequence[DatasetSignal]:
    """All slots of a dataset by name: signals, and places that are none."""
    query = select(DatasetSignal).where(DatasetSignal.dataset_id == dataset_id)
    return session.scalars(query.order_by(DatasetSignal.name)).all()


def claim_slots(
    session: Session, dataset_id: int, wanted: Sequence[SignalSpec], job_id: uuid.UUID | None
) -> list[DatasetSignal]:
    """The slots of these signals, new ones where there is none yet.

    A signal with other parameters takes over the slot of its name; its values are measured anew.
    Refuses a name that an imported column has, or the other way round.
    """
    session.get_one(Dataset, dataset_id, with_for_update=True)
    known = {signal.name: signal for signal in slots(session, dataset_id)}
    last = session.scalar(
        select(func.max(DatasetSignal.slot)).where(DatasetSignal.dataset_id == dataset_id)
    )
    free = 0 if last is None else last + 1
    found = []
    for spec in wanted:
        signal = known.get(spec.name)
        if signal is None:
            signal = DatasetSignal(dataset_id=dataset_id, slot=free, name=spec.name)
            session.add(signal)
            free += 1
        elif (signal.key == IMPORTED) != (spec.key == IMPORTED):
            raise ConflictError(
                f"`{spec.name}` is the name of another signal here ({signal.title}). "
                "Import the column under another name."
            )
        signal.title, signal.help, signal.key = spec.title, spec.help, spec.key
        signal.version, signal.params = spec.version, spec.params or {}
        signal.fingerprint, signal.job_id = spec.fingerprint, job_id
        found.append(signal)
    if free > _MOST:
        raise ConflictError(f"A dataset holds at most {_MOST} signals.")
    session.flush()
    return found


def imported_spec(name: str, column: str) -> SignalSpec:
    """A numeric column of an imported file."""
    return SignalSpec(
        name=name,
        title=column,
        key=IMPORTED,
        fingerprint=f"{IMPORTED}:{name}",
        help=f"Imported from the column {column}.",
    )


def by_method(known: Sequence[DatasetSignal]) -> dict[str, list[DatasetSignal]]:
    """Signals by the method that measured them, in the order of their slots."""
    found: dict[str, list[DatasetSignal]] = {}
    for signal in sorted(known, key=lambda one: one.slot):
        found.setdefault(signal.key, []).append(signal)
    return found
