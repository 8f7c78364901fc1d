"""What a filter would do, before it does it: counts, funnel, effect per group, the cut itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, case, cast
from sqlalchemy.orm import Session

from app.curation.rules.nodes import Node, render
from app.samples.distribution import KEPT, UNMEASURED, failing, grouped, parts_of
from app.samples.models import OPEN, Sample
from app.samples.search import Schema

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


def preview(session: Session, schema: Schema, where: str) -> Preview:
    """Count what an expression keeps, in one pass over the dataset."""
    parts = parts_of(schema, where)
    rows = _outcomes(session, schema, parts)
    outcomes: Counter[int] = Counter()
    droppable = 0
    for outcome, *_, is_open, count in rows:
        outcomes[outcome] += count
        droppable += count if outcome > KEPT and is_open else 0
    total = outcomes.total()
    names = {number: name for name, number in schema.sources.items()}
    lengths = dict(enumerate(name for _, name in LENGTHS))
    return Preview(
        total=total,
        matched=outcomes[KEPT],
        unmeasured=outcomes[UNMEASURED],
        droppable=droppable,
        steps=_steps(parts, outcomes, total),
        by_source=_groups([(names.get(r[1], "?"), r[0], r[5]) for r in rows]),
        by_domain=_groups([(r[2] or "none", r[0], r[5]) for r in rows]),
        by_length=_in_order(_groups([(lengths[r[3]], r[0], r[5]) for r in rows])),
    )


def _outcomes(
    session: Session, schema: Schema, parts: Sequence[Node]
) -> list[tuple[int, int, str | None, int, bool, int]]:
    """Rows per (outcome, source, domain, length, whether a rule may drop it), the count last.

    Every number of a preview adds up from these.
    """
    droppable = cast(Sample.status.in_(OPEN) & Sample.kept.is_(False), Integer)
    packed = (failing(schema, parts) - UNMEASURED) * 16 + _length() * 2 + droppable
    rows = grouped(session, schema, packed, Sample.source_id, Sample.domain)
    return [
        (code // 16 + UNMEASURED, source, domain, code % 16 // 2, bool(code % 2), count)
        for code, source, domain, count in rows
    ]


def _length() -> ColumnElement[int]:
    whens = [(Sample.words >= least, number) for number, (least, _) in enumerate(LENGTHS)]
    return case(*reversed(whens), else_=0)


def _steps(parts: Sequence[Node], outcomes: Counter[int], total: int) -> list[Step]:
    steps, left = [], total
    for number, part in enumerate(parts, start=1):
        left -= outcomes[number]
        steps.append(Step(render(part), outcomes[number], left))
    return steps


def _groups(rows: Sequence[tuple[str, int, int]]) -> list[Group]:
    totals: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for name, outcome, count in rows:
        totals[name] += count
        kept[name] += count if outcome in {KEPT, UNMEASURED} else 0
    before, after = max(totals.total(), 1), max(kept.total(), 1)
    return [
        Group(name, count, kept[name], count / before, kept[name] / after)
        for name, count in totals.most_common()
    ]


def _in_order(groups: Sequence[Group]) -> list[Group]:
    order = [name for _, name in LENGTHS]
    return sorted(groups, key=lambda group: order.index(group.name))
