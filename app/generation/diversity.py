"""How much of the variety of its seeds, and of real rows, the samples of a run have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, cast, select
from sqlalchemy.orm import Session

from app.curation.collapse import Anchor, Tails, alarms, tails
from app.curation.generators.base import Asking
from app.curation.records import Origin
from app.generation import service
from app.generation.models import GenerationDraft, GenerationRun
from app.jobs.models import Job
from app.samples.models import Sample, SampleBody, SampleParent

_MOST = 2000  # texts of either side
_ROUNDS = 30
_LEAST = 30  # texts on either side: of fewer, chance says more than the measures
MEASURES = {
    "rare_recall": "Rare words that are there",
    "distinct_3": "Runs of three words that differ",
    "vendi": "Vendi score",
    "occupancy": "Clusters with a text in them",
    "length_spread": "Spread of lengths",
}


def of_run(session: Session, run: GenerationRun) -> dict[str, Any] | None:
    """The tails of both and what was lost; None where words are meant to be wrong, or too few.

    A run without seeds is held against the real rows of its dataset. Where there are real rows,
    `real` has what they and the run have of them: the same anchor for all runs.
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
    wanted = (Sample.dataset_id == run.dataset_id) & (Sample.origin != Origin.SYNTHETIC)
    seeds = _texts(session, _among(Sample.id, session.scalars(parents)))
    real = _texts(session, wanted)
    anchor = seeds or real
    if not anchor or not made:
        return None
    compared = _beside(anchor, made)
    found: dict[str, Any] = {
        "against": "its seeds" if seeds else "the real rows",
        "before": _shown(compared[0]),
        "now": _shown(compared[1]),
        "alarms": alarms(*compared) if min(len(anchor) // 2, len(made)) >= _LEAST else [],
    }
    if len(real) >= 2 * _LEAST and len(made) >= _LEAST:
        found["real"] = [_shown(one) for one in _beside(real, made)]
    return found


def _beside(anchor: Sequence[str], made: Sequence[str]) -> tuple[Tails, Tails]:
    """As many texts of the anchor as were made, and those that were made.

    One half of the anchor says what is rare and where texts lie, the other half is held against it
    as the made ones are: so that neither is rich by its number, nor by being what it is compared
    with.
    """
    half, other = Anchor.of(anchor[::2]), anchor[1::2] or anchor
    count = min(len(other), len(made))
    return tails(half, _some(other, count)), tails(half, _some(made, count))


def _some(texts: Sequence[str], count: int) -> list[str]:
    """So many of them, lying evenly among all."""
    return [texts[at * len(texts) // count] for at in range(count)]


@dataclass(frozen=True, slots=True)
class Round:
    """A run on the way: its number, and each measure as a share of that of the real rows."""

    number: int
    generator: str
    shares: Mapping[str, float]


def rounds(session: Session, dataset_id: int) -> list[Round]:
    """The runs of a dataset that were held against its real rows, oldest first."""
    query = (
        select(GenerationRun.number, GenerationRun.generator, Job.result["variety"]["real"])
        .join(Job, Job.id == GenerationRun.job_id)
        .where(GenerationRun.dataset_id == dataset_id, Job.result["variety"].has_key("real"))
        .order_by(GenerationRun.number.desc())
        .limit(_ROUNDS)
    )
    found = [
        Round(
            number,
            generator,
            {key: now[key] / was[key] for key in now if now[key] is not None and was.get(key)},
        )
        for number, generator, (was, now) in session.execute(query)
    ]
    return found[::-1]


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


def _shown(found: Tails) -> dict[str, float | None]:
    return {
        "rare_recall": round(found.rare_recall, 4),
        "distinct_3": round(found.distinct_3, 4),
        "length_spread": round(found.length_spread, 4),
        "vendi": round(found.vendi, 4),
        "occupancy": None if found.occupancy is None else round(found.occupancy, 4),
    }
