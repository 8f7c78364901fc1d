"""A matcher over records in this process, as a job does it over stored signatures."""

from collections.abc import Sequence

from app.curation.matchers.base import Matcher, Pairs, Signed
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints


def plain(text: str, **more: object) -> Record:
    return Record(Kind.TEXT, {"text": text}, **more)  # type: ignore[arg-type]


def look(matcher: Matcher, records: Sequence[Record], reference: Sequence[bool] = ()) -> Pairs:
    """Sign all records in two batches, then find."""
    half = len(records) // 2
    parts = (Batch(records[:half]), Batch(records[half:]))
    signed = Signed.of([one for part in parts for one in matcher.sign(part)], reference)

    def read(rows: Ints) -> Batch:
        return Batch([records[row] for row in rows.tolist()])

    return matcher.find(signed, read)


def ends(pairs: Pairs) -> set[tuple[int, int]]:
    """The pairs as rows."""
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
