"""What a filter would do, before it does it: counts, funnel, effect per group, the cut itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.curation.rules.nodes import Node, render
from app.samples import columns as held
from app.samples.arrays import Columns
from app.samples.distribution import parts_of
from app.samples.models import OPEN
from app.samples.places import Places
from app.samples.search import Schema
from app.samples.truth import Truth, columns_for, evaluate

# Words of a sample, as groups that people recognise: a line, an answer, a paragraph, a page.
LENGTHS = ((0, "0 to 9"), (10, "10 to 49"), (50, "50 to 149"), (150, "150 to 499"), (500, "500+"))


@dataclass(frozen=True, slots=True)
class Step:
    """One condition of the funnel: rows it takes from those that came so far, rows left then."""

    expression: str
    lost: int
    left: int


@dataclass(frozen=True, slots=True)
class Group:
    """The effect on a source, a domain or a length: rows of it, rows that stay."""

    name: str
    total: int
    kept: int
    share_before: float
    share_after: float


@dataclass(frozen=True, slots=True)
class Preview:
    """Counts of one expression over a dataset.

    `matched` rows meet every condition. `unmeasured` rows fail none, but lack a value that some
    condition asks for: a filter does not show them, a rule leaves them alone. `droppable` rows
    fail one and are open: a rule would drop them now.
    """

    total: int
    matched: int
    unmeasured: int
    droppable: int
    steps: Sequence[Step]
    by_source: Sequence[Group]
    by_domain: Sequence[Group]
    by_length: Sequence[Group]
    by_topic: Sequence[Group]


KEPT, UNMEASURED = 0, -1
_MOST_GROUPS = 100  # the largest: pages from the web have as many domains as hosts


def preview(session: Session, schema: Schema, where: str) -> Preview:
    """Count what an expression keeps."""
    parts = parts_of(schema, where)
    placed = schema.places
    topics = {placed.topic} if placed.topic is not None else set()
    columns = held.read(session, schema, _READ | topics | columns_for(schema, *parts))
    outcome = _outcomes([evaluate(session, schema, columns, part) for part in parts], len(columns))
    counts = Counter(dict(enumerate(np.bincount(outcome + 1).tolist(), start=UNMEASURED)))
    lengths = np.searchsorted([least for least, _ in LENGTHS[1:]], columns["words"], side="right")
    stays = outcome <= KEPT
    total = len(columns)
    sources = {number: name for name, number in schema.sources.items()}
    domains = {code: word or "none" for code, word in enumerate(columns.words["domain"])}
    by_length = _groups(lengths, dict(enumerate(name for _, name in LENGTHS)), stays)
    return Preview(
        total=total,
        matched=counts[KEPT],
        unmeasured=counts[UNMEASURED],
        droppable=int(np.count_nonzero(~stays & _is_open(columns))),
        steps=_steps(parts, counts, total),
        by_source=_groups(columns["source"], sources, stays),
        by_domain=_groups(columns["domain"], domains, stays),
        by_length=_in_order(by_length),
        by_topic=_by_topic(placed, columns, stays),
    )


_READ = {"status", "kept", "source", "domain", "words"}


def _outcomes(truths: Sequence[Truth], count: int) -> NDArray[np.int16]:
    """Per row the 1-based number of the first condition that is false; or kept, or unmeasured."""
    outcome = np.full(count, KEPT, np.int16)
    for truth in truths:
        np.putmask(outcome, ~truth.yes, UNMEASURED)
    for number, truth in reversed(list(enumerate(truths, start=1))):
        np.putmask(outcome, truth.no, number)
    return outcome


def _is_open(columns: Columns) -> NDArray[np.bool_]:
    words = columns.words["status"]
    codes = [code for code, word in enumerate(words) if word in OPEN]
    return np.isin(columns["status"], codes) & ~columns["kept"]


def _steps(parts: Sequence[Node], outcomes: Counter[int], total: int) -> list[Step]:
    steps, left = [], total
    for number, part in enumerate(parts, start=1):
        left -= outcomes[number]
        steps.append(Step(render(part), outcomes[number], left))
    return steps


def _groups(codes: NDArray[Any], names: Mapping[int, str], stays: NDArray[np.bool_]) -> list[Group]:
    """Rows per value and those that stay, the most frequent value first."""
    counts = np.bincount(codes * 2 + stays, minlength=2 * len(names))
    counts.resize(len(counts) + len(counts) % 2, refcheck=False)
    counts = counts.reshape(-1, 2)
    before, after = max(len(codes), 1), max(int(counts[:, 1].sum()), 1)
    found = [
        Group(names.get(code, "?"), gone + kept, kept, (gone + kept) / before, kept / after)
        for code, (gone, kept) in enumerate(counts.tolist())
        if gone + kept
    ]
    return sorted(found, key=lambda group: -group.total)[:_MOST_GROUPS]


def _by_topic(placed: Places, columns: Columns, stays: NDArray[np.bool_]) -> list[Group]:
    """The effect on each topic; nothing where nobody has looked for topics."""
    if placed.topic is None:
        return []
    titles = {code: word or "none" for code, word in enumerate(placed.words())}
    return _groups(placed.codes(columns[placed.topic]), titles, stays)


def _in_order(groups: Sequence[Group]) -> list[Group]:
    order = [name for _, name in LENGTHS]
    return sorted(groups, key=lambda group: order.index(group.name))
