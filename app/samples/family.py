"""The lineage of a sample as a graph: what it was made from, and what was made from it, and on."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.records import Origin
from app.samples.models import Sample, SampleBody, SampleParent, Status

UP, DOWN = 5, 3  # generations that are followed
_MOST = 12  # samples of a generation that are shown; the others are counted
_OPENING = 90


@dataclass(frozen=True, slots=True)
class Member:
    """A sample of the family: `level` is below 0 for what it was made from, above for children."""

    id: int
    level: int
    status: Status
    origin: Origin
    opening: str


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` was made from `parent`."""

    parent: int
    child: int
    relation: str


@dataclass(frozen=True, slots=True)
class Family:
    """Members in the order of levels and ids, the edges between them, and how many of a level
    are not among them."""

    members: tuple[Member, ...]
    edges: tuple[Edge, ...]
    more: dict[int, int]


def family(session: Session, sample: Sample) -> Family:
    """A sample with five generations that it comes from, and three that come from it."""
    levels, more = {sample.id: 0}, {}
    for step, most in ((-1, UP), (1, DOWN)):
        last, other_side = [sample.id], set(levels)
        for far in range(1, most + 1):
            last, left = _next(session, last, step, other_side)
            # Reached again it stands further off: all its edges lead one way.
            levels.update(dict.fromkeys(last, step * far))
            if left:
                more[step * far] = left
            if not last:
                break
    members = _members(session, levels)
    known = [one.id for one in members]
    query = (
        select(SampleParent)
        .where(SampleParent.parent_id.in_(known), SampleParent.child_id.in_(known))
        .order_by(SampleParent.parent_id, SampleParent.child_id)
    )
    edges = tuple(Edge(one.parent_id, one.child_id, one.relation) for one in session.scalars(query))
    return Family(members, edges, more)


def _next(session: Session, ids: list[int], step: int, apart: set[int]) -> tuple[list[int], int]:
    """The first samples of the next generation but for some, and how many more there are."""
    mine, other = (
        (SampleParent.child_id, SampleParent.parent_id)
        if step < 0
        else (SampleParent.parent_id, SampleParent.child_id)
    )
    wanted = mine.in_(ids) & other.not_in(apart)
    found = session.scalars(select(other).where(wanted).distinct().order_by(other).limit(_MOST))
    first = list(found)
    count = select(func.count(other.distinct())).where(wanted)
    return first, (session.scalar(count) or 0) - len(first)


def _members(session: Session, levels: dict[int, int]) -> tuple[Member, ...]:
    query = (
        select(Sample.id, Sample.status, Sample.origin, func.left(SampleBody.text, _OPENING))
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(Sample.id.in_(levels))
    )
    found = [
        Member(id_, levels[id_], status, origin, text)
        for id_, status, origin, text in session.execute(query)
    ]
    return tuple(sorted(found, key=lambda one: (one.level, one.id)))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A family on a sheet: members with their places, edges with their ends, in pixels.

    `box` is the width and height of a member.
    """

    box: tuple[int, int]
    width: int
    height: int
    members: tuple[tuple[Member, int, int], ...]
    edges: tuple[tuple[Edge, int, int, int, int], ...]
    more: tuple[tuple[int, int, int], ...]


_BOX = (88, 26)
_GAP = (32, 10)


def drawn(found: Family) -> Drawn:
    """A column per generation, the oldest on the left."""
    columns: dict[int, list[Member]] = defaultdict(list)
    for one in found.members:
        columns[one.level].append(one)
    order = sorted(columns)
    tallest = max(len(columns[level]) + (level in found.more) for level in order)
    step = (_BOX[0] + _GAP[0], _BOX[1] + _GAP[1])
    height = tallest * step[1] - _GAP[1]
    places, more = {}, []
    for at, level in enumerate(order):
        rows = len(columns[level]) + (level in found.more)
        top = (height - rows * step[1] + _GAP[1]) // 2
        for row, one in enumerate(columns[level]):
            places[one.id] = (at * step[0], top + row * step[1])
        if level in found.more:
            more.append((found.more[level], at * step[0], top + (rows - 1) * step[1]))
    half = _BOX[1] // 2
    edges = tuple(
        (one, places[one.parent][0] + _BOX[0], places[one.parent][1] + half, x, y + half)
        for one in found.edges
        for x, y in [places[one.child]]
    )
    members = tuple((one, *places[one.id]) for one in found.members)
    return Drawn(_BOX, len(order) * step[0] - _GAP[0], height, members, edges, tuple(more))
