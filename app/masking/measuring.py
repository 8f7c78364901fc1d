"""Measuring personal data along with masking: what a page holds, before and after."""

import uuid

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.curation.signals.batch import Batch
from app.curation.signals.pii_patterns import PiiPatterns
from app.samples import registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.scoring.reading import Page
from app.scoring.writing import write_values

_SIGNAL = PiiPatterns()


def claim_slots(session: Session, dataset_id: int, job_id: uuid.UUID) -> None:
    """The slots of the signal, before any worker writes into them."""
    specs = [
        SignalSpec(
            name=measure.name,
            title=measure.title,
            key=_SIGNAL.key,
            fingerprint=_SIGNAL.fingerprint(),
            help=measure.help,
            version=_SIGNAL.version,
            params=_SIGNAL.params(),
        )
        for measure in _SIGNAL.measures
    ]
    registry.claim_slots(session, dataset_id, specs, job_id)


def slots(session: Session, dataset_id: int) -> list[DatasetSignal]:
    """The signal's slots, in the order of its measures; none where it was never measured."""
    known = {one.name: one for one in registry.signals(session, dataset_id)}
    return [known[each.name] for each in _SIGNAL.measures if each.name in known]


def measure(session: Session, dataset_id: int, page: Page) -> NDArray[np.float32]:
    """Measure a page and store what was found; the values, a column per measure."""
    scores = _SIGNAL.score(Batch(page.records))
    write_values(session, page.ids, page.revisions, [(slots(session, dataset_id), scores)])
    return scores.values
