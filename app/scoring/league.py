"""Which sources (domains, languages) are better: a measure per group with its interval, ranked."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from app.curation.learners.metrics import wilson
from app.curation.rules.nodes import Text
from app.errors import InvalidError
from app.samples import columns as held
from app.samples.arrays import Columns, Values
from app.samples.models import Status
from app.samples.search import Schema, parsed
from app.samples.truth import Mask, columns_for, evaluate, leaves

GROUPS = ("source", "domain", "language", "origin", "kind")
APPROVED = "approved"
_MOST = 200  # groups: pages from the web have as many domains as hosts


@dataclass(frozen=True, slots=True)
class Place:
    """A group: its rows, those that were measured, the measure with its 95 % interval.

    `value` is the mean of a signal, or a share (0 to 1) of the measured rows; None for no such row.
    """

    name: str
    rows: int
    measured: int
    value: float | None
    low: float | None
    high: float | None
    approved: int
    rejected: int
    dropped: int


def league(session: Session, schema: Schema, rank: str, by: str = "source") -> list[Place]:
    """Groups by a measure, the best first and those without one last.

    `rank` is a signal (its mean; `-signal` puts the lowest first), `approved` (the share of
    approvals among what people decided), or a filter expression (the share of rows that meet it).
    """
    if by not in GROUPS:
        raise InvalidError(f"There is no league by `{by}`. There are {', '.join(GROUPS)}.")
    name = rank.strip().removeprefix("-")
    is_signal = name in schema.fields and schema.fields[name].type == "number"
    node = None if is_signal or name == APPROVED else parsed(schema, rank)
    if node is not None and all(isinstance(one, Text) for one in leaves(node)):
        known = ", ".join(one.name for one in schema.signals[:20]) or "none yet"
        raise InvalidError(
            f"Rank by what? Name a signal, `approved`, or a filter with a field. Signals: {known}."
        )
    asked = columns_for(schema, node) if node is not None else {name} if is_signal else set()
    columns = held.read(session, schema, {by, "status", *asked})
    if node is not None:
        truth = evaluate(session, schema, columns, node)
        values = np.where(truth.yes, 1.0, np.where(truth.no, 0.0, np.nan))
    elif is_signal:
        values = columns[name].astype(np.float64)
    else:
        values = np.where(_are(columns, Status.APPROVED), 1.0, np.nan)
        values[_are(columns, Status.REJECTED)] = 0.0
    found = list(_places(schema, columns, by, values, is_share=not is_signal))
    sign = 1 if rank.strip().startswith("-") and is_signal else -1
    found.sort(key=lambda one: (one.value is None, sign * (one.value or 0.0), -one.rows))
    return found


def _are(columns: Columns, status: Status) -> Mask:
    words = columns.words["status"]
    code = words.index(status) if status in words else -1
    mask: Mask = columns["status"] == code
    return mask


def _places(
    schema: Schema, columns: Columns, by: str, values: Values, *, is_share: bool
) -> Iterator[Place]:
    codes = columns[by]
    named = (
        {number: name for name, number in schema.sources.items()}
        if by == "source"
        else {code: word or "none" for code, word in enumerate(columns.words[by])}
    )
    statuses = [_are(columns, one) for one in (Status.APPROVED, Status.REJECTED, Status.DROPPED)]
    kinds, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(counts)
    for group in np.argsort(-counts, kind="stable")[:_MOST].tolist():
        rows = order[ends[group] - counts[group] : ends[group]]
        known = values[rows][np.isfinite(values[rows])]
        value, low, high = _measured(known, is_share=is_share)
        marks = [int(mask[rows].sum()) for mask in statuses]
        name = named.get(int(kinds[group]), "?")
        yield Place(name, len(rows), len(known), value, low, high, *marks)


def _measured(known: Values, *, is_share: bool) -> tuple[float | None, float | None, float | None]:
    if not len(known):
        return None, None, None
    if is_share:
        return wilson(int(known.sum()), len(known))
    mean, error = float(known.mean()), 1.96 * float(known.std()) / len(known) ** 0.5
    return mean, mean - error, mean + error
