"""Signals: methods that measure records, one family per module."""


def warm() -> None:
    """Compile the loops of all signals, or load them from the cache: before work is timed.

    About 20 s on a machine that has never run them, well under a second afterwards.
    """
    from app.curation.catalog import SIGNALS
    from app.curation.records import Kind, Record
    from app.curation.signals.base import Batch

    batch = Batch([Record(Kind.TEXT, {"text": "One line.\n\nAnother line, with more words."})])
    for method in SIGNALS.values():
        method().score(batch)
