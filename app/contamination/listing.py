"""A page of pairs, in the order that people work through them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.contamination import queries
from app.contamination.verdicts import Filter, selected
from app.datasets.models import Dataset


def page(
    session: Session, dataset: Dataset, wanted: Filter, cursor: Sequence[Any] | None, limit: int
) -> Sequence[Any]:
    """Pairs behind the cursor, matches first."""
    return session.execute(queries.after(selected(session, dataset, wanted), cursor, limit)).all()
