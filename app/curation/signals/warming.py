"""Readies the signals of a process before work is timed."""

from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch


def warm() -> None:
    """Compile the loops of all signals, or load them from the cache.

    Compiling takes about 20 s, once per machine; loading about a second, once per process.
    """
    batch = Batch([Record(Kind.TEXT, {"text": "One line.\n\nAnother line, with more words."})])
    for method in SIGNALS.values():
        method().score(batch)
