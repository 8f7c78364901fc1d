"""One record in, its measures out."""

from app.curation.catalog import SIGNALS
from app.curation.records import Record
from app.curation.signals.base import Note
from app.curation.signals.batch import Batch
from tests.curation.records import text


def measure(key: str, record: Record | str, **params: object) -> dict[str, float]:
    """The measures of one record by name."""
    signal = SIGNALS[key](**params)
    record = text(record) if isinstance(record, str) else record
    values = signal.score(Batch([record])).values[0].tolist()
    return dict(zip([each.name for each in signal.measures], values, strict=True))


def note(key: str, record: Record | str) -> Note | None:
    """The note of one record."""
    record = text(record) if isinstance(record, str) else record
    return SIGNALS[key]().score(Batch([record])).notes.get(0)
