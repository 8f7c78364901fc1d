"""Reviewing a pair: which answer is better, not knowing which was built as the better one."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.pairs.sides import (
    CHOSEN,
    REJECTED,
    Side,
    chosen_first,
    shown,
    swapped,
    swapped_metadata,
)
from app.curation.records import Kind
from app.curation.text.identity import content_hash
from app.errors import InvalidError
from app.review import service
from app.review.models import Decision, Verdict
from app.samples import service as samples
from app.samples.models import Sample, SampleBody

TIE, SWAPPED = "tie", "sides swapped"


@dataclass(frozen=True, slots=True)
class Sides:
    """A pair as a person sees it: the question, and two answers in an order of their own.

    `fields` are the names of both in the sample, for who edits them.
    """

    prompt: str
    a: str
    b: str
    fields: tuple[str, str]


def sides(sample: Sample, body: SampleBody, by: Principal) -> Sides:
    """What is shown to this person."""
    if sample.kind is not Kind.PREFERENCE:
        raise InvalidError(f"Sample {sample.id} is no pair of answers: decide on it as a whole.")
    first = chosen_first(sample.id, by.id)
    fields = (CHOSEN, REJECTED) if first else (REJECTED, CHOSEN)
    return Sides(body.body["prompt"], *shown(body.body, first=first), fields)


def prefer(
    session: Session, sample_id: int, *, side: Side, revision: int, by: Principal, note: str = ""
) -> Decision:
    """Record which answer is better.

    Who prefers the chosen one approves the pair. Who prefers the other one approves it with its
    sides changed, as an edit of theirs; where that very pair is there already, this one is
    rejected. Neither rejects it. All of it is undone as other decisions are.
    """
    sample = samples.locked(session, sample_id)
    body = samples.body(session, sample)
    sides(sample, body, by)
    preferred = _preferred(side, first=chosen_first(sample.id, by.id))
    given: dict[str, Any] = {"revision": revision, "by": by}
    if preferred == CHOSEN:
        given |= {"verdict": Verdict.APPROVE, "note": note}
    elif preferred == TIE:
        given |= {"verdict": Verdict.REJECT, "note": _told(TIE, note)}
    elif twin := _twin(session, sample, body):
        told = f"the other order is sample {twin}"
        given |= {"verdict": Verdict.REJECT, "note": _told(told, note)}
    else:
        given |= {
            "verdict": Verdict.APPROVE,
            "note": _told(SWAPPED, note),
            "body": swapped(body.body),
            "metadata": swapped_metadata(body.sample_metadata),
        }
    decision = service.decide(session, sample_id, **given)
    decision.preferred, decision.place = preferred, side.value
    session.flush()
    return decision


def _preferred(side: Side, *, first: bool) -> str:
    if side is Side.TIE:
        return TIE
    return CHOSEN if (side is Side.A) == first else REJECTED


def _told(what: str, note: str) -> str:
    return f"{what}: {note}" if note else what


def _twin(session: Session, sample: Sample, body: SampleBody) -> int | None:
    """The sample that says the same with its sides changed, if there is one."""
    digest = content_hash(sample.kind, swapped(body.body))
    query = select(Sample.id).where(
        Sample.dataset_id == sample.dataset_id,
        Sample.content_hash == digest,
        Sample.id != sample.id,
    )
    return session.scalar(query)
