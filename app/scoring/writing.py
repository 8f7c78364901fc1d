"""Writing scores: COPY into a temporary table, then one UPDATE of the arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from psycopg import Connection as PgConnection
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.signals.base import Scores, Signal
from app.samples.models import DatasetSignal

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS measured (id bigint, revision int, new real[])
ON COMMIT DELETE ROWS
"""
# A sample edited while it was measured keeps no score of the text it had before.
_UPDATE = """
UPDATE samples s SET scores = {array} FROM measured m
WHERE s.id = m.id AND s.revision = m.revision
"""
_NOTES = """
INSERT INTO score_notes (sample_id, signal_id, revision, note, spans)
SELECT n.sample_id, :signal_id, n.revision, n.note, n.spans::jsonb
FROM unnest(CAST(:ids AS bigint[]), CAST(:revisions AS int[]), CAST(:notes AS text[]),
            CAST(:spans AS text[])) AS n(sample_id, revision, note, spans)
ON CONFLICT (sample_id, signal_id)
DO UPDATE SET revision = excluded.revision, note = excluded.note, spans = excluded.spans
"""
_FORGET_NOTES = """
DELETE FROM score_notes WHERE signal_id = :signal_id AND sample_id = ANY(CAST(:ids AS bigint[]))
"""
_LANGUAGE = """
UPDATE samples s SET language = n.label
FROM unnest(CAST(:ids AS bigint[]), CAST(:labels AS text[])) AS n(id, label)
WHERE s.id = n.id AND s.language IS DISTINCT FROM n.label
"""


def write_scores(
    session: Session,
    ids: Sequence[int],
    revisions: Sequence[int],
    results: Sequence[tuple[Signal, Scores]],
    slots: Mapping[str, DatasetSignal],
) -> None:
    """Write what several signals measured on the same samples, with their notes."""
    session.execute(text(_STAGE))
    session.execute(text("TRUNCATE measured"))
    places = [slots[measure.name].slot for signal, _ in results for measure in signal.measures]
    _copy(session, ids, revisions, np.hstack([scores.values for _, scores in results]))
    session.execute(text(_UPDATE.format(array=_array(places))))
    for signal, scores in results:
        _write_notes(session, ids, revisions, slots[signal.measures[0].name].id, scores)
        if scores.labels is not None and signal.key == "language":
            session.execute(text(_LANGUAGE), {"ids": list(ids), "labels": list(scores.labels)})


def _array(places: Sequence[int]) -> str:
    """The new array: measured slots from the temporary table, the others as they are.

    Slots are our own small integers, so they may stand in the statement; one array expression
    is three times as fast as assigning element by element.
    """
    new = {slot: position for position, slot in enumerate(places, start=1)}
    width = max(new) + 1
    parts = [
        f"m.new[{new[slot]}]" if slot in new else f"s.scores[{slot + 1}]" for slot in range(width)
    ]
    return f"ARRAY[{', '.join(parts)}]::real[] || coalesce(s.scores[{width + 1}:], '{{}}')"


def _copy(session: Session, ids: Sequence[int], revisions: Sequence[int], values: Any) -> None:
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, PgConnection):
        raise TypeError("Scores are written by COPY, which takes psycopg.")
    with raw.cursor() as cursor, cursor.copy("COPY measured FROM STDIN") as copy:
        copy.write(
            "".join(
                f"{sample}\t{revision}\t{{{','.join(_literals(row))}}}\n"
                for sample, revision, row in zip(ids, revisions, values.tolist(), strict=True)
            )
        )


def _literals(row: Sequence[float]) -> list[str]:
    # NaN is the only value that differs from itself: it means not measured.
    return ["NULL" if value != value else repr(value) for value in row]


def _write_notes(
    session: Session, ids: Sequence[int], revisions: Sequence[int], signal_id: int, scores: Scores
) -> None:
    session.execute(text(_FORGET_NOTES), {"signal_id": signal_id, "ids": list(ids)})
    if not scores.notes:
        return
    rows = sorted(scores.notes.items())
    session.execute(
        text(_NOTES),
        {
            "signal_id": signal_id,
            "ids": [ids[row] for row, _ in rows],
            "revisions": [revisions[row] for row, _ in rows],
            "notes": [note.text for _, note in rows],
            "spans": [orjson.dumps(note.spans).decode() for _, note in rows],
        },
    )
