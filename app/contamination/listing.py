"""Pages of pairs, in the order that people work through them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.contamination import queries
from app.contamination.models import ContaminationHit, ContaminationVerdict
from app.contamination.verdicts import Filter, Pair, selected
from app.datasets.models import Dataset
from app.errors import NotFoundError
from app.samples.models import Sample
from app.web.pagination import decode_cursor, encode_cursor, row_id


def page(
    session: Session, dataset: Dataset, wanted: Filter, cursor: str | None, limit: int
) -> tuple[Sequence[Any], str | None]:
    """Pairs behind the cursor, matches first, and the cursor to the next page."""
    key = decode_cursor(cursor, row_id, _likely, row_id, row_id)
    rows = session.execute(queries.after(selected(session, dataset, wanted), key, limit)).all()
    last = rows[-1] if len(rows) == limit else None
    return rows, encode_cursor(*_key(last)) if last else None


def before(row: Any) -> str:
    """The cursor to the page that begins with this pair."""
    sure, likely, item, sample = _key(row)
    return encode_cursor(sure, likely, item, sample - 1)


def find(session: Session, dataset: Dataset, pair: Pair) -> Any | None:
    """One pair, whatever the filter; None where it was never found."""
    query = queries.pairs(dataset.id).where(
        ContaminationHit.item_id == pair.item, ContaminationHit.sample_id == pair.sample
    )
    return session.execute(query).one_or_none()


def get(session: Session, dataset: Dataset, pair: Pair) -> Any:
    """One pair, refused where it was never found."""
    found = find(session, dataset, pair)
    if found is None:
        raise NotFoundError(f"Item {pair.item} was not found in sample {pair.sample}.")
    return found


def following(session: Session, dataset: Dataset, wanted: Filter, row: Any) -> Any | None:
    """The pair after this one."""
    return session.execute(queries.after(selected(session, dataset, wanted), _key(row), 1)).first()


def preceding(session: Session, dataset: Dataset, wanted: Filter, row: Any) -> Any | None:
    """The pair before this one."""
    return session.execute(
        queries.just_before(selected(session, dataset, wanted), _key(row))
    ).first()


def undecided(session: Session, dataset: Dataset, wanted: Filter, row: Any) -> Any | None:
    """The next pair that waits for a verdict: after this one, else from the top; None: no more."""
    query = selected(session, dataset, wanted).where(
        ContaminationVerdict.verdict.is_(None), Sample.status.in_(queries.LIVE)
    )
    later = session.execute(queries.after(query, _key(row), 1)).first()
    return later or session.execute(queries.after(query, None, 1)).first()


def _key(row: Any) -> tuple[int, float, int, int]:
    return int(row.sure), row.likely, row.item_id, row.sample_id


def _likely(value: Any) -> float:
    if not isinstance(value, float | int):
        raise ValueError(value)  # noqa: TRY004 - what a reader of cursors refuses with
    return float(value)
