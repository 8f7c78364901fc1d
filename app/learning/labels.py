"""Labels of samples: from a signal, or from what reviewers decided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, case, select
from sqlalchemy.orm import Session

from app.curation.text.parts import prompt_text
from app.errors import InvalidError
from app.review.verdicts import DECISIONS, MAJORITY, shares
from app.samples import naming, registry
from app.samples.models import Sample, SampleBody
from app.samples.search import condition

LADDER = "ladder"  # answers of known worth, made from the rows themselves
_MOST = 20_000  # more teach little more, and take minutes


@dataclass(frozen=True, slots=True)
class Labels:
    """Labelled samples in the order of their ids: revision, label, and what they say (hashed).

    `questions` are numbers, the same for rows that ask the same.
    """

    ids: Sequence[int]
    revisions: Sequence[int]
    values: NDArray[np.float64]
    contents: Sequence[bytes]
    questions: NDArray[np.int64] | None = None

    def hash(self) -> str:
        """SHA-256 over which revisions have which labels."""
        rows = zip(self.ids, self.revisions, self.values.tolist(), strict=True)
        return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def check(session: Session, dataset_id: int, source: str, cut: float | None) -> None:
    """Refuse labels that there can't be."""
    if source == DECISIONS:
        if cut is not None:
            raise InvalidError("Decisions are approve or reject; a cut is for labels of a signal.")
        return
    if source == LADDER:
        if cut is not None:
            raise InvalidError("Ladders have grades of their own; a cut is for labels of a signal.")
        return
    known = [one.name for one in registry.signals(session, dataset_id)]
    if source not in known:
        raise InvalidError(naming.unknown(source, [DECISIONS, LADDER, *known], what="label"))


def cut_of(text: str) -> float | None:
    """A cut as people type it; nothing means that labels are numbers."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InvalidError(f"The cut is a number, not `{text.strip()}`.") from error


def read(
    session: Session, dataset_id: int, source: str, cut: float | None, where: str = ""
) -> Labels:
    """All labels of present revisions that match; of very many a part drawn by a fixed seed."""
    query = _measured(session, dataset_id, source) if source != DECISIONS else _decided(dataset_id)
    if where.strip():
        query = query.where(condition(session, dataset_id, where))
    rows: Sequence[Any] = session.execute(query).all()
    if len(rows) > _MOST:
        chosen = np.random.default_rng(0).choice(len(rows), _MOST, replace=False)
        rows = [rows[place] for place in np.sort(chosen).tolist()]
    ids = [row.id for row in rows]
    values = np.array([_value(row.label, cut) for row in rows], np.float64)
    contents, questions = _said(session, ids)
    return Labels(ids, [row.revision for row in rows], values, contents, questions)


def _value(label: float, cut: float | None) -> float:
    # Scores are float32: the cut is rounded the same way, as in filters.
    return float(label) if cut is None else float(np.float32(label) >= np.float32(cut))


def _measured(session: Session, dataset_id: int, source: str) -> Select[Any]:
    slots = {one.name: one.slot for one in registry.signals(session, dataset_id)}
    column = Sample.scores[slots[source] + 1]
    return (
        select(Sample.id, Sample.revision, column.label("label"))
        .where(Sample.dataset_id == dataset_id, column.is_not(None))
        .order_by(Sample.id)
    )


def _decided(dataset_id: int) -> Select[Any]:
    """What the majority of those who decided said: 1 for good, 0 for bad."""
    decided = shares(dataset_id).subquery()
    good = case((decided.c.share > MAJORITY, 1.0), else_=0.0)
    return (
        select(Sample.id, Sample.revision, good.label("label"))
        .join(decided, decided.c.sample_id == Sample.id)
        .order_by(Sample.id)
    )


def _said(session: Session, ids: Sequence[int]) -> tuple[list[bytes], NDArray[np.int64]]:
    """What each sample says, hashed; and a number for what it asks, or says if it asks nothing."""
    rows = session.execute(
        select(SampleBody.sample_id, SampleBody.text, SampleBody.body, Sample.kind)
        .join(
            Sample, (Sample.id == SampleBody.sample_id) & (Sample.revision == SampleBody.revision)
        )
        .where(Sample.id.in_(ids))
    )
    contents, asked = {}, {}
    for row in rows:
        contents[row.sample_id] = _hashed(row.text)
        prompt = prompt_text(row.kind, row.body)
        asked[row.sample_id] = _hashed(prompt) if prompt.strip() else contents[row.sample_id]
    numbers = {one: number for number, one in enumerate(dict.fromkeys(asked.values()))}
    return [contents[one] for one in ids], np.array([numbers[asked[one]] for one in ids], np.int64)


def _hashed(text: str) -> bytes:
    """In small letters and without white space."""
    return hashlib.sha256("".join(text.casefold().split()).encode()).digest()
