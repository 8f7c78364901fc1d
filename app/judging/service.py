"""Judges: starting a job that grades samples by a rubric, and what it takes to do one."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.rubrics.base import Rubric
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.judging import rubrics
from app.judging.rubrics import Versioned
from app.llm import policies as llm_policies
from app.llm import service as llm
from app.llm.ledger import Account
from app.llm.models import Provider
from app.samples import registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.samples.search import schema_of
from app.samples.strata import drawn
from app.validation import Money

PILOT_ROWS = 20
KEY = "judge"
ORDER, ORDER_KEY = "_order", "judge_order"


class Order(BaseModel):
    """What to grade, by which rubric and model, for how much."""

    rubric: str = Field(max_length=100)
    provider: str = Field(max_length=100)
    where: str = Field("", max_length=4000)
    sample: int | None = Field(
        None, ge=1, le=100_000, description="Only so many, drawn in proportion"
    )
    budget: Money | None = Field(None, description="The job pauses before it costs more")
    pilot: bool = Field(False, description="Grade 20 to estimate what all would cost; no scores")
    seed: int = Field(0, ge=0, description="Another seed draws other samples")


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Grade the samples that match, or a part of them drawn in proportion to sources and domains.

    A signal keeps the scores of one rubric version by one model: those of another stand beside it.
    """
    llm_policies.may_spend(by)
    provider = llm.get(session, order.provider)
    versioned = rubrics.keep(session, order.rubric) or rubrics.get(session, order.rubric)
    where = among(versioned.rubric, order.where)
    schema = schema_of(session, dataset.id)
    if not drawn(session, schema, where, 1).size:
        what = "pair of responses (a preference sample)" if versioned.rubric.pairwise else "sample"
        raise InvalidError(f"There is no {what} here that matches: nothing to grade.")
    spec = _spec(session, dataset, versioned, provider)
    for job in jobs.open_jobs(session, dataset.id, JobKind.JUDGE):
        if job.params["signal"] == spec.name and not order.pilot:
            raise ConflictError(f"`{spec.name}` is being judged here right now.")
    title = versioned.rubric.title
    return jobs.start(
        session,
        JobKind.JUDGE,
        f"Estimate the cost of {title}" if order.pilot else f"Judge {title} by {provider.name}",
        by=by,
        dataset_id=dataset.id,
        queue_name=llm.queue_of(provider),
        params={
            "dataset_id": dataset.id,
            "rubric": versioned.rubric.name,
            "version": versioned.version,
            "provider": provider.name,
            "signal": spec.name,
            "where": where,
            "sample": PILOT_ROWS if order.pilot else order.sample,
            "seed": order.seed,
            "pilot": order.pilot,
            "asked": order.sample,
            "budget": str(order.budget) if order.budget is not None else None,
        },
    )


def among(rubric: Rubric, where: str) -> str:
    """The samples of a filter that a rubric can grade: pairs for one that compares."""
    if not rubric.pairwise:
        return where
    return f"({where}) kind:preference" if where.strip() else "kind:preference"


def _spec(
    session: Session, dataset: Dataset, versioned: Versioned, provider: Provider
) -> SignalSpec:
    """The slot for a rubric version and a model: named as the rubric, or beside what has that."""
    rubric = versioned.rubric
    judge = [rubric.fingerprint(), provider.url, provider.model]
    fingerprint = hashlib.sha256(orjson.dumps(judge)).hexdigest()
    known = {one.name: one for one in registry.signals(session, dataset.id)}
    taken = known.get(rubric.name)
    model = re.sub(r"[^a-z0-9]+", "_", provider.name.lower()).strip("_") or "model"
    version = f"v{versioned.version}"
    differs = taken is not None and taken.version != versioned.version
    first, second = (version, model) if differs else (model, version)
    endings = ("", f"_{first}", f"_{second}", f"_{version}_{model}", f"_{fingerprint[:8]}")
    names = [rubric.name + ending for ending in endings]
    name = next(one for one in names if one not in known or known[one].fingerprint == fingerprint)
    return SignalSpec(
        name=name,
        title=f"{rubric.title} ({provider.model})",
        key=KEY,
        fingerprint=fingerprint,
        help=rubric.help,
        version=versioned.version,
        params={"rubric": rubric.name, "provider": provider.name, "model": provider.model},
    )


@dataclass(frozen=True, slots=True)
class Judge:
    """All that a worker needs to grade."""

    rubric: Rubric
    provider: Provider
    account: Account


def judge_of(session: Session, job: Job) -> Judge:
    """The judge of a job, with the version of its rubric that was chosen then."""
    params = job.params
    versioned = rubrics.get(session, params["rubric"], params["version"])
    account = Account.of(job, f"{params['rubric']} v{params['version']}")
    return Judge(versioned.rubric, llm.get(session, params["provider"]), account)


def prepare(session: Session, job: Job, dataset: Dataset) -> Sequence[int] | None:
    """Claim the slot, draw the sample; the ids to grade, or None for all that match."""
    params = job.params
    if not params["pilot"]:
        judge = judge_of(session, job)
        versioned = Versioned(judge.rubric, params["version"])
        spec = _spec(session, dataset, versioned, judge.provider)
        registry.claim_slots(session, dataset.id, _with_order(spec, judge.rubric), job.id)
        job.params = {**params, "signal": spec.name}
    if params["sample"] is None:
        return None
    schema = schema_of(session, dataset.id)
    ids: list[int] = drawn(
        session, schema, params["where"], params["sample"], seed=params["seed"]
    ).tolist()
    return ids


def _with_order(spec: SignalSpec, rubric: Rubric) -> list[SignalSpec]:
    """The signal, and for pairs one beside it that tells how their order mattered."""
    if not rubric.pairwise:
        return [spec]
    order = replace(
        spec,
        name=spec.name + ORDER,
        title=f"{spec.title}: order",
        key=ORDER_KEY,
        help="0: the order did not matter; 1: the first place won twice, 2: the second; 3: a tie "
        "in one order alone.",
    )
    return [spec, order]


def slots(session: Session, job: Job) -> list[DatasetSignal]:
    """The signals that the job writes: the grades, and for pairs how their order mattered."""
    known = {one.name: one for one in registry.signals(session, job.params["dataset_id"])}
    name = job.params["signal"]
    order = known.get(name + ORDER)
    pairwise = order is not None and order.key == ORDER_KEY
    return [known[name], *([order] if order is not None and pairwise else [])]


def signals(session: Session, dataset: Dataset) -> list[DatasetSignal]:
    """The signals that judges wrote here."""
    return [one for one in registry.signals(session, dataset.id) if one.key == KEY]


def judged(session: Session, job: Job) -> None:
    """Note when the signal was measured, and what it cost."""
    if not job.params["pilot"]:
        for slot in slots(session, job):
            slot.measured_at = now()
        job.result = {**job.result, "signal": job.params["signal"]}
    job.result = {**job.result, **llm.spent(session, job.id)}


def estimate(
    provider: Provider,
    tokens: Sequence[tuple[int, int, float]],
    rows: int,
    paid: Sequence[Decimal] = (),
) -> dict[str, Any]:
    """What all rows would take, from (tokens in, tokens out, seconds) of some: middle and range.

    The range is the mean of the pilot plus and minus two standard errors. `paid` is the money of
    each where several models with their own prices were asked.
    """
    found: dict[str, Any] = {"rows": rows, "pilot_rows": len(tokens)}
    if not tokens:
        return found
    low_in, middle_in, high_in = _range([one[0] for one in tokens], rows)
    low_out, middle_out, high_out = _range([one[1] for one in tokens], rows)
    seconds = [one / provider.concurrency for one in _range([one[2] for one in tokens], rows)]
    paced = provider.requests_per_minute
    least = rows * 60 / paced if paced else 0.0
    if provider.tokens_per_minute:
        least = max(least, (middle_in + middle_out) * 60 / provider.tokens_per_minute)
    money = [
        llm.cost(provider, round(one), round(other))
        for one, other in ((low_in, low_out), (middle_in, middle_out), (high_in, high_out))
    ]
    if paid:
        money = [Decimal(one) for one in _range([float(one) for one in paid], rows)]
    return {
        **found,
        "tokens_in": [round(low_in), round(middle_in), round(high_in)],
        "tokens_out": [round(low_out), round(middle_out), round(high_out)],
        "money": [str(round(one, 6)) for one in money],
        "seconds": [round(max(one, least), 1) for one in seconds],
    }


def _range(values: Sequence[float], rows: int) -> tuple[float, float, float]:
    count = len(values)
    mean = sum(values) / count
    variance = sum((one - mean) ** 2 for one in values) / max(count - 1, 1)
    error = 2 * (variance / count) ** 0.5
    return max(mean - error, 0.0) * rows, mean * rows, (mean + error) * rows
