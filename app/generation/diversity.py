"""How much of the variety of its seeds, or of real rows, the samples of a run have."""

from typing import Any

from sqlalchemy import select
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
    mine = (
        select(Sample.id)
        .join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
        .where(GenerationDraft.run_id == run.id)
    )
    made = _texts(session, Sample.id.in_(mine.order_by(Sample.id).limit(_MOST)))
    parents = select(SampleParent.parent_id).where(SampleParent.child_id.in_(mine))
    anchor, against = _texts(session, Sample.id.in_(parents)), "its seeds"
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
