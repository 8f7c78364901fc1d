"""Cutting a dataset into chunks."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.samples.models import Sample
from tests.factories import fill, make_dataset, numbered
from workers import ranges

Cut = Callable[[Session, int, int], list[dict[str, Any]]]
EQUAL = [6] * 9 + [5]
TAPERED = [6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]


@pytest.mark.parametrize(
    ("cut", "sizes"), [(ranges.id_ranges, EQUAL), (ranges.tapered_ranges, TAPERED)]
)
def test_ranges_hold_every_sample_of_the_dataset_once(
    session: Session, lead: Principal, monkeypatch: pytest.MonkeyPatch, cut: Cut, sizes: list[int]
) -> None:
    monkeypatch.setattr(ranges, "_LEAST", 2)
    samples = fill(session, make_dataset(session, lead), lead, numbered(60))
    session.delete(samples.pop(7))
    fill(session, make_dataset(session, lead, "other"), lead, numbered(3))

    found = cut(session, samples[0].dataset_id, 6)

    mine = select(Sample.id).where(Sample.dataset_id == samples[0].dataset_id).order_by(Sample.id)
    held = [session.scalars(mine.where(Sample.id.between(*one.values()))).all() for one in found]
    assert [one for part in held for one in part] == [one.id for one in samples]
    assert [len(part) for part in held] == sizes
    assert cut(session, -1, 6) == []
