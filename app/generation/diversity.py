"""How much of the variety of its seeds, or of real rows, the samples of a run have."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, cast, select
from sqlalchemy.orm import Session

from app.curation.collapse import Tails, alarms, tails
from app.curation.generators.base import Asking
from app.curation.records import Origin
from app.generation import service
from app.generation.models import GenerationDraft, GenerationRun
from app.samples.models import Sample, SampleBody, SampleParent

_MOST = 2000  # texts of either side


def of_run(session: Session, run: GenerationRun) -> dict[str, Any] | None:
    """The tails of both and what was lost; None where words are meant to be wrong, or too few.

    A run without seeds is held against the real rows of its dataset.
    """
    if run.pilot or not isinstance(service.generator_of(run), Asking):
        return None
    mine = select(GenerationDraft.sample_id).where(
        GenerationDraft.run_id == run.id, GenerationDraft.sample_id.is_not(None)
    )
    ids = list(session.scalars(mine.order_by(GenerationDraft.sample_id).limit(_MOST)))
    made = _texts(session, _among(Sample.id, ids))
    # Ids in hand, not as a query in the query: of a run that just ended the planner knows nothing.
    parents = select(SampleParent.parent_id).where(_among(SampleParent.child_id, ids)).distinct()
    anchor, against = _texts(session, _among(Sample.id, session.scalars(parents))), "its seeds"
    if not anchor:
        real = (Sample.dataset_id == run.dataset_id) & (Sample.origin != Origin.SYNTHETIC)
        anchor, against = _texts(session, real), "the real rows"
    if not anchor or not made:
        return None
    before, now = tails(anchor, anchor), tails(anchor, made)
    return {
        "against": against,
        "before": _shown(before),
        "now": _shown(now),
        "alarms": alarms(before, now),
    }


def _among(column: Any, ids: Iterable[int | None]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == any_(cast(list(ids), ARRAY(BigInteger)))
    return found


def _texts(session: Session, wanted: Any) -> list[str]:
    query = (
        select(SampleBody.text)
        .join(
            Sample, (Sample.id == SampleBody.sample_id) & (Sample.revision == SampleBody.revision)
        )
        .where(wanted)
        .order_by(Sample.id)
        .limit(_MOST)
    )
    return list(session.scalars(query))


def _shown(found: Tails) -> dict[str, float]:
    return {
        "rare_recall": round(found.rare_recall, 4),
        "distinct_3": round(found.distinct_3, 4),
        "length_spread": round(found.length_spread, 4),
    }
