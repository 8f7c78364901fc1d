"""Signals by classifiers trained elsewhere: toxicity, quality, topic, whatever they tell."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.ports import ModelError
from app.curation.records import Kind, Record
from app.curation.signals.base import Note, Scores
from app.curation.text.parts import full_text, prompt_text, response_text
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind, Queue
from app.providers import classifiers, local_models
from app.samples import naming, registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.samples.search import condition

KEY = "classifier"
_PARTS: Mapping[str, Callable[[Kind, Mapping[str, Any]], str]] = {
    "full": full_text,
    "prompt": prompt_text,
    "response": response_text,
}


class Order(BaseModel):
    """Which model tells what of which text."""

    signal: str = Field(min_length=1, max_length=60, description="The signal that is written")
    model: str = Field(
        min_length=1, max_length=500, description="Folder, or name on the hub, of a classifier"
    )
    label: str = Field(
        "", max_length=200, description="Whose probability counts; empty: the model has one output"
    )
    part: Literal["full", "prompt", "response"] = Field("full", description="Which text is read")
    where: str = Field("", max_length=4000, description="Only samples that match")


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Read samples by a classifier that workers of the queue gpu load."""
    require_role(by, Role.LEAD, "measure signals")
    naming.check(session, dataset.id, order.signal, KEY)
    condition(session, dataset.id, order.where)
    try:
        _check(order)
    except ModelError as error:
        raise InvalidError(str(error)) from error
    for job in jobs.open_jobs(session, dataset.id, JobKind.CLASSIFY):
        if job.params["signal"] == order.signal:
            raise ConflictError(f"`{order.signal}` is being measured here right now.")
    return jobs.start(
        session,
        JobKind.CLASSIFY,
        f"Measure {order.signal} by {order.model}",
        by=by,
        dataset_id=dataset.id,
        queue_name=Queue.GPU,
        params={**order.model_dump(), "dataset_id": dataset.id},
    )


def _check(order: Order) -> None:
    """What can be said without loading it; a model of the hub is looked at by its worker."""
    local_models.fingerprint(order.model)
    if local_models.is_folder(order.model):
        classifiers.place_of(order.model, order.label)


def labels(model: str) -> list[str]:
    """The labels that a model in a folder tells."""
    if not local_models.is_folder(model):
        raise InvalidError("Only models in a folder are looked at before a worker loads them.")
    try:
        local_models.fingerprint(model)
        return classifiers.labels(model)
    except ModelError as error:
        raise InvalidError(str(error)) from error


def prepare(session: Session, job: Job) -> DatasetSignal:
    """The slot of the signal; a model that can't be used is told in the job."""
    order = order_of(job)
    try:
        classifiers.place_of(order.model, order.label)
        files = local_models.fingerprint(order.model)
    except ModelError as error:
        raise ConflictError(str(error)) from error
    recipe = orjson.dumps([files, order.label, order.part])
    what = f"how sure {order.model} is of `{order.label}`" if order.label else order.model
    spec = SignalSpec(
        name=order.signal,
        title=f"{order.label or 'Value'} ({order.model})",
        key=KEY,
        fingerprint=hashlib.sha256(recipe).hexdigest(),
        help=f"{what[0].upper()}{what[1:]}, of the {order.part} text.",
        params={"model": order.model, "label": order.label, "part": order.part},
    )
    return registry.claim_slots(session, job.params["dataset_id"], [spec], job.id)[0]


def order_of(job: Job) -> Order:
    """What was asked for."""
    return Order(**{name: job.params[name] for name in Order.model_fields})


def read(order: Order, records: Sequence[Record]) -> Scores:
    """The values of samples; notes tell where a text was cut."""
    text = _PARTS[order.part]
    try:
        found = classifiers.read(
            order.model, order.label, [text(one.kind, one.body) for one in records]
        )
    except ModelError as error:
        raise ConflictError(str(error)) from error
    notes = {
        place: Note(f"{found.read[place]:,} of {found.there[place]:,} tokens were read.")
        for place in np.flatnonzero(found.read < found.there).tolist()
    }
    return Scores(found.values.reshape(-1, 1), notes=notes)


def finish(session: Session, job: Job) -> None:
    """Note when it was measured."""
    signal = slot(session, job)
    signal.measured_at = now()
    job.result = {**job.result, "signal": signal.name}


def slot(session: Session, job: Job) -> DatasetSignal:
    """Where the values go."""
    known = registry.signals(session, job.params["dataset_id"])
    return next(one for one in known if one.name == job.params["signal"])
