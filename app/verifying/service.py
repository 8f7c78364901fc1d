"""Verifying samples: starting the job, its signal, what a worker needs for it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, Field
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.catalog import VERIFIERS
from app.curation.verifiers.base import Asking, Verifier
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobChunk, JobKind, Queue
from app.llm import policies as llm_policies
from app.llm import service as llm
from app.llm.ledger import Account
from app.llm.models import Provider
from app.samples import registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.samples.search import condition
from app.sandbox.strength import box
from app.validation import Money, build
from app.verifying import policies, reading

_FORGET = "DELETE FROM score_notes WHERE signal_id = :signal_id"
_CLEAR = """
UPDATE samples SET scores[:place] = NULL
WHERE dataset_id = :dataset_id AND scores[:place] IS NOT NULL
"""
VERDICTS = {True: "verified", False: "refuted", None: "uncheckable"}


class Order(BaseModel):
    """What to verify, by what; a provider where the verifier asks a model."""

    verifier: str = Field(max_length=100)
    params: dict[str, Any] = {}
    where: str = Field("", max_length=4000)
    provider: str = Field("", max_length=100, description="Model to ask, for verifiers that ask")
    budget: Money | None = Field(None, description="The job pauses before it costs more")
    again: bool = Field(False, description="Verify rows that have a verdict already, too")


def resolve(key: str, params: Mapping[str, Any]) -> Verifier:
    """The verifier with checked parameters."""
    if key not in VERIFIERS:
        raise InvalidError(
            f"There is no verifier `{key}`. There are {', '.join(VERIFIERS)}.",
            errors=[{"path": "verifier", "message": f"unknown verifier {key}"}],
        )
    return build(VERIFIERS[key], params, key)


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Verify the samples that match and have no verdict yet; one run per verifier at a time."""
    policies.may_verify(by)
    verifier = resolve(order.verifier, order.params)
    condition(session, dataset.id, order.where)
    provider = _provider(session, verifier, order, by)
    _refuse_unknown(session, dataset, verifier)
    for job in jobs.open_jobs(session, dataset.id, JobKind.VERIFY):
        if job.params["verifier"] == verifier.key:
            raise ConflictError(f"`{verifier.key}` is verifying here right now.")
    return jobs.start(
        session,
        JobKind.VERIFY,
        f"Verify: {verifier.title}",
        by=by,
        dataset_id=dataset.id,
        queue_name=llm.queue_of(provider) if provider else Queue.CPU,
        params={
            "dataset_id": dataset.id,
            "verifier": verifier.key,
            "params": verifier.params(),
            "where": order.where,
            "provider": order.provider,
            "budget": str(order.budget) if order.budget is not None else None,
            "again": order.again,
        },
    )


def _provider(session: Session, verifier: Verifier, order: Order, by: Principal) -> Provider | None:
    if not isinstance(verifier, Asking):
        if order.provider:
            raise InvalidError(f"`{verifier.key}` asks no model: leave the provider out.")
        return None
    if not order.provider:
        raise InvalidError(f"`{verifier.key}` asks a model: name the provider to ask.")
    llm_policies.may_spend(by)
    return llm.get(session, order.provider)


def _refuse_unknown(session: Session, dataset: Dataset, verifier: Verifier) -> None:
    known = {one.name for one in registry.signals(session, dataset.id)}
    for name in verifier.reads():
        if name not in known:
            raise InvalidError(f"There is no signal `{name}` here for `{verifier.key}` to read.")


def verifier_of(job: Job) -> Verifier:
    """The verifier of a job."""
    return resolve(job.params["verifier"], job.params["params"])


def prepare(session: Session, job: Job) -> DatasetSignal:
    """Claim the slot. With other parameters than before, all verdicts so far are taken back."""
    verifier, dataset_id = verifier_of(job), job.params["dataset_id"]
    if verifier.needs == "sandbox":
        box()  # refuses here, in words, rather than in every row
    provider = llm.get(session, job.params["provider"]) if job.params["provider"] else None
    spec = _spec(verifier, provider)
    before = {one.name: one.fingerprint for one in registry.signals(session, dataset_id)}
    (signal,) = registry.claim_slots(session, dataset_id, [spec], job.id)
    if before.get(spec.name, spec.fingerprint) != spec.fingerprint or job.params["again"]:
        session.execute(text(_FORGET), {"signal_id": signal.id})
        session.execute(text(_CLEAR), {"place": signal.slot + 1, "dataset_id": dataset_id})
    if provider and (count := reading.count(session, job, signal, model=provider.model)):
        job.result = {**job.result, "by_same_model": count}
    return signal


def _spec(verifier: Verifier, provider: Provider | None) -> SignalSpec:
    fingerprint, asked = verifier.fingerprint(), {}
    if provider is not None:
        asked = {"provider": provider.name, "model": provider.model}
        recipe = [fingerprint, provider.url, provider.model]
        fingerprint = hashlib.sha256(orjson.dumps(recipe)).hexdigest()
    return SignalSpec(
        name=verifier.key,
        title=verifier.title,
        key=verifier.key,
        fingerprint=fingerprint,
        help="1 is verified, 0 refuted; no value: not checked, or it could not be. "
        + verifier.help().split("\n", maxsplit=1)[0],
        version=verifier.version,
        params={**verifier.params(), **asked},
    )


def slot_of(session: Session, job: Job) -> DatasetSignal:
    """The signal that the job writes."""
    query = select(DatasetSignal).where(
        DatasetSignal.dataset_id == job.params["dataset_id"],
        DatasetSignal.name == job.params["verifier"],
    )
    return session.scalars(query).one()


@dataclass(frozen=True, slots=True)
class Asked:
    """The model that a job asks, and who pays."""

    provider: Provider
    account: Account


def asked(session: Session, job: Job) -> Asked:
    """What a worker needs to ask."""
    account = Account.of(job, f"verify {job.params['verifier']}")
    return Asked(llm.get(session, job.params["provider"]), account)


def verified(session: Session, job: Job) -> None:
    """Note when the signal was measured, and what was found in the rows that the job was over."""
    signal = slot_of(session, job)
    signal.measured_at = now()
    states = session.scalars(select(JobChunk.state).where(JobChunk.job_id == job.id)).all()
    counts = {name: sum(one.get(name, 0) for one in states) for name in VERDICTS.values()}
    job.result = {**job.result, **counts, "rows": job.total or 0}
    if job.params["provider"]:
        job.result = {**job.result, **llm.spent(session, job.id)}


def signals(session: Session, dataset_id: int) -> Sequence[DatasetSignal]:
    """The signals that verifiers wrote here."""
    return [one for one in registry.signals(session, dataset_id) if one.key in VERIFIERS]
