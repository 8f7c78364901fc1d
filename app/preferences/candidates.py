"""Answers that may be compared, grouped by their question: what each way needs of the catalog."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from app.curation.pairs.answers import KINDS, asked, question_key
from app.curation.pairs.building import MOST_ANSWERS, Gate
from app.curation.records import Kind
from app.preferences.orders import Method, Way
from app.review.service import TAKEN_BACK
from app.samples.models import BulkItem, Sample, SampleBody, SampleParent, Status
from app.samples.search import condition

_PAGE = 5000
CLOSED = (Status.DROPPED, Status.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Side:
    """A revision of a sample as an answer: the score that it is compared by."""

    id: int
    revision: int
    score: float


@dataclass(slots=True)
class Found:
    """Groups of answers that may be pairs, in the order of their first ids, and what is in none.

    Group n has the answers from `bounds[n]` on, up to the next one's.
    """

    ids: NDArray[np.int64]
    revisions: NDArray[np.int32]
    scores: NDArray[np.float64]
    bounds: NDArray[np.intp]
    refused: Counter[Gate] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score; of nothing 0 and 1."""
        if not len(self.scores):
            return 0.0, 1.0
        return float(self.scores.min()), float(self.scores.max())

    def groups(self, step: int = 1) -> Iterator[list[Side]]:
        """The groups in order, or each so-manieth of them."""
        for start, end in zip(self.bounds[:-1:step], self.bounds[1::step], strict=True):
            yield [
                Side(int(self.ids[at]), int(self.revisions[at]), float(self.scores[at]))
                for at in range(start, end)
            ]


def count(session: Session, dataset_id: int, where: str) -> int:
    """How many answers are read to find the candidates."""
    query = select(func.count()).select_from(Sample).where(_open(session, dataset_id, where))
    return session.scalar(query) or 0


def find(session: Session, dataset_id: int, method: Method, where: str) -> Found:
    """The candidates of a dataset by this method."""
    matching = _open(session, dataset_id, where)
    match method.way:
        case Way.LADDER:
            rows = _family(session, matching, "ladder:%", SampleBody.sample_metadata["grade"])
        case Way.ERRORS:
            rows = _family(session, matching, "errors", None)
        case Way.EDITS:
            rows = _edited(session, matching)
        case _:
            return _of_questions(session, matching, method)
    return _grouped(rows, Counter())


def _open(session: Session, dataset_id: int, where: str) -> ColumnElement[bool]:
    return (
        condition(session, dataset_id, where)
        & Sample.kind.in_(KINDS)
        & Sample.status.not_in(CLOSED)
    )


Row = tuple[int, int, int, float]  # key of the group, id, revision, score


def _of_questions(session: Session, matching: ColumnElement[bool], method: Method) -> Found:
    """Answers to the same question that have a score; the key is half of the question's."""
    slot = method.signal.slot + 1 if method.signal is not None else 0
    score = Sample.scores[slot]
    refused: Counter[Gate] = Counter()
    query = select(func.count()).select_from(Sample).where(matching, score.is_(None))
    if missing := session.scalar(query):
        refused[Gate.UNSCORED] = missing
    wanted = matching & score.is_not(None)
    if method.way is Way.VERIFIED:
        wanted = wanted & score.in_((0, 1))
    rows: list[Row] = []
    for one in _pages(session, wanted, score):
        both = asked(Kind(one.kind), one.body)
        if both is not None and np.isfinite(one.score):
            key = int.from_bytes(question_key(both[0])[:8], "big", signed=True)
            rows.append((key, one.id, one.revision, round(one.score, 6)))
    return _grouped(rows, refused)


@dataclass(frozen=True, slots=True)
class _Read:
    id: int
    revision: int
    kind: str
    score: float
    body: Mapping[str, object]


def _pages(
    session: Session, wanted: ColumnElement[bool], score: ColumnElement[float]
) -> Iterator[_Read]:
    query = (
        select(Sample.id, Sample.revision, Sample.kind, score, SampleBody.body)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(wanted)
        .order_by(Sample.id)
        .limit(_PAGE)
    )
    last = 0
    while rows := session.execute(query.where(Sample.id > last)).all():
        last = rows[-1].id
        yield from (_Read(*row) for row in rows)


def _family(
    session: Session,
    matching: ColumnElement[bool],
    relation: str,
    grade: ColumnElement[object] | None,
) -> list[Row]:
    """An original, which is worth 1, with what was made worse of it: by its grade, or 0."""
    originals = dict(session.execute(select(Sample.id, Sample.revision).where(matching)).all())
    child = (
        select(
            SampleParent.parent_id,
            Sample.id,
            Sample.revision,
            grade if grade is not None else literal(0),
        )
        .join(Sample, Sample.id == SampleParent.child_id)
        .join(SampleBody, (SampleBody.sample_id == Sample.id) & (SampleBody.revision == 1))
        .where(
            SampleParent.relation.like(relation),
            Sample.kind.in_(KINDS),
            Sample.status.not_in(CLOSED),
            SampleParent.parent_id.in_(select(Sample.id).where(matching)),
        )
    )
    rows: list[Row] = [
        (parent, one, revision, float(score))
        for parent, one, revision, score in session.execute(child)
        if isinstance(score, int | float)
    ]
    return rows + [(one, one, originals[one], 1.0) for one in {row[0] for row in rows}]


def _edited(session: Session, matching: ColumnElement[bool]) -> list[Row]:
    """The present revision, where a person wrote it, with the one before.

    Not what took an edit back, nor what a bulk action wrote, such as masks.
    """
    masked = select(BulkItem.sample_id).where(
        BulkItem.sample_id == Sample.id, BulkItem.revision == Sample.revision
    )
    before = (
        select(func.max(SampleBody.revision))
        .where(SampleBody.sample_id == Sample.id, SampleBody.revision < Sample.revision)
        .correlate(Sample)
        .scalar_subquery()
    )
    query = (
        select(Sample.id, Sample.revision, before)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(
            matching,
            Sample.revision > 1,
            SampleBody.author_id.is_not(None),
            SampleBody.reason != TAKEN_BACK,
            ~masked.exists(),
        )
    )
    found: list[Row] = []
    for one, revision, old in session.execute(query):
        found += [(one, one, revision, 1.0), (one, one, old, 0.0)]
    return found


def _grouped(rows: Sequence[Row], refused: Counter[Gate]) -> Found:
    """Rows of the same key together; those that are alone are counted, not kept."""
    keys = np.array([row[0] for row in rows], np.int64)
    ids = np.array([row[1] for row in rows], np.int64)
    revisions = np.array([row[2] for row in rows], np.int32)
    scores = np.array([row[3] for row in rows], np.float64)
    order = np.lexsort((ids, keys))
    starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] - 1))
    sizes = np.diff(starts, append=len(order))
    if alone := int((sizes == 1).sum()):
        refused[Gate.ALONE] += alone
    several = starts[sizes > 1]
    groups = [order[at : at + size] for at, size in zip(several, sizes[sizes > 1], strict=True)]
    kept = []
    for group in sorted(groups, key=lambda one: ids[one[0]]):
        few = _ends(group, scores)
        if len(few) < len(group):
            refused[Gate.CROWDED] += len(group) - len(few)
        kept.append(few)
    chosen = np.concatenate(kept) if kept else np.empty(0, np.intp)
    bounds = np.cumsum([0, *(len(one) for one in kept)], dtype=np.intp)
    return Found(ids[chosen], revisions[chosen], scores[chosen], bounds, refused)


def _ends(group: NDArray[np.intp], scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Of a question that very many answer, the best and the worst."""
    if len(group) <= MOST_ANSWERS:
        return group
    ranked = group[np.argsort(scores[group], kind="stable")]
    half = MOST_ANSWERS // 2
    return np.concatenate((ranked[:half], ranked[-half:]))
