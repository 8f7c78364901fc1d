"""Signals made of other signals: an ensemble of scores, a selection of rows.

Both are written as signals of the dataset, so that filters, rules, releases and the funnel treat
them as they treat what was measured; the scores they were made of stay as they are.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.catalog import SELECTORS
from app.curation.selectors.base import Pool, Selector
from app.curation.selectors.ensemble import BUCKETS, ensemble
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples import columns as held
from app.samples import naming, registry
from app.samples.arrays import Columns
from app.samples.models import DatasetSignal
from app.samples.places import TOPIC
from app.samples.registry import SignalSpec
from app.samples.search import Schema, parsed, schema_of
from app.samples.truth import columns_for, evaluate
from app.validation import build

ENSEMBLE, SELECTION = "ensemble", "selection"
GROUPS = ("domain", "topic", "source", "language", "origin", "kind")
Name = Field(min_length=1, max_length=60, description="The signal that is written")


class EnsembleOrder(BaseModel):
    """Several scores as one: the highest or the mean of their percentile buckets."""

    signal: str = Name
    signals: list[Annotated[str, Field(max_length=100)]] = Field(
        min_length=2, max_length=20, description="The scores to combine"
    )
    by: Literal["max", "mean"] = Field("max", description="Highest bucket, or mean of the buckets")


class SelectionOrder(BaseModel):
    """So many rows of those that match, chosen by a score: 1 for these, 0 for the others."""

    signal: str = Name
    score: str = Field(max_length=100, description="The signal by which rows are chosen")
    count: int = Field(ge=1, le=2**31 - 1, description="How many rows")
    selector: str = Field("top", max_length=100, description="top, temperature or quota")
    params: dict[str, Any] = Field({}, description="Parameters of the selector")
    group: Literal["domain", "topic", "source", "language", "origin", "kind"] = Field(
        "domain", description="What quotas are for"
    )
    where: str = Field("", max_length=4000, description="Choose among rows that match")
    seed: int = Field(0, ge=0, description="Another seed draws other rows")


def start_ensemble(
    session: Session, dataset: Dataset, order: EnsembleOrder, *, by: Principal
) -> Job:
    """Write one score made of several."""
    for name in order.signals:
        _must_be_measured(session, dataset, name)
    if len(set(order.signals)) < len(order.signals):
        raise InvalidError("A score is named twice: each counts once.")
    title = f"Combine {', '.join(order.signals)} as {order.signal}"
    return _start(session, dataset, ENSEMBLE, title, order.model_dump(), by)


def start_selection(
    session: Session, dataset: Dataset, order: SelectionOrder, *, by: Principal
) -> Job:
    """Choose rows by a score and note which."""
    selector = _selector(order.selector, order.params)
    _must_be_measured(session, dataset, order.score)
    schema = schema_of(session, dataset.id)
    parsed(schema, order.where)
    if order.group == TOPIC and TOPIC not in schema.fields:
        raise ConflictError(
            f"{dataset.name} has no topics that quotas could be for: find them first "
            f"(`winnow topics {dataset.name}`)."
        )
    title = f"Choose {order.count:,} rows by {order.score} as {order.signal}"
    recipe = {**order.model_dump(), "params": selector.params()}
    return _start(session, dataset, SELECTION, title, recipe, by)


def _start(
    session: Session,
    dataset: Dataset,
    key: str,
    title: str,
    recipe: Mapping[str, Any],
    by: Principal,
) -> Job:
    require_role(by, Role.LEAD, "choose rows by scores")
    naming.check(session, dataset.id, recipe["signal"], key)
    for job in jobs.open_jobs(session, dataset.id, JobKind.DERIVE):
        if job.params["recipe"]["signal"] == recipe["signal"]:
            raise ConflictError(f"`{recipe['signal']}` is being made here right now.")
    params = {"dataset_id": dataset.id, "key": key, "recipe": dict(recipe)}
    return jobs.start(session, JobKind.DERIVE, title, by=by, dataset_id=dataset.id, params=params)


def _must_be_measured(session: Session, dataset: Dataset, name: str) -> None:
    known = [one.name for one in registry.signals(session, dataset.id)]
    if name not in known:
        raise NotFoundError(naming.unknown(name, known))


def _selector(key: str, params: Mapping[str, Any]) -> Selector:
    if key not in SELECTORS:
        raise InvalidError(f"There is no selector `{key}`. There are {', '.join(SELECTORS)}.")
    return build(SELECTORS[key], params, key)


def prepare(session: Session, job: Job) -> DatasetSignal:
    """The slot of the signal that the job writes."""
    key, recipe = job.params["key"], job.params["recipe"]
    known = {one.name: one for one in registry.signals(session, job.params["dataset_id"])}
    made_of = [known[name].fingerprint for name in _inputs(key, recipe) if name in known]
    fingerprint = hashlib.sha256(
        orjson.dumps([key, recipe, made_of, BUCKETS], option=orjson.OPT_SORT_KEYS)
    ).hexdigest()
    spec = SignalSpec(
        name=recipe["signal"],
        title=_title(key, recipe),
        key=key,
        fingerprint=fingerprint,
        help=_help(key, recipe),
        params={name: value for name, value in recipe.items() if name != "signal"},
    )
    return registry.claim_slots(session, job.params["dataset_id"], [spec], job.id)[0]


def _inputs(key: str, recipe: Mapping[str, Any]) -> Sequence[str]:
    names: Sequence[str] = recipe["signals"] if key == ENSEMBLE else [recipe["score"]]
    return names


def _title(key: str, recipe: Mapping[str, Any]) -> str:
    if key == ENSEMBLE:
        return (
            f"{'Highest' if recipe['by'] == 'max' else 'Mean'} bucket of {len(recipe['signals'])}"
        )
    return f"{recipe['count']:,} rows by {recipe['score']}"


def _help(key: str, recipe: Mapping[str, Any]) -> str:
    if key == ENSEMBLE:
        return (
            f"Each of {', '.join(recipe['signals'])} in {BUCKETS} buckets of equal size, 0 lowest; "
            f"{'the highest' if recipe['by'] == 'max' else 'the mean'} of them."
        )
    among = f" among `{recipe['where']}`" if recipe["where"] else ""
    return f"1 for rows that {SELECTORS[recipe['selector']].title.lower()} chose{among}, else 0."


def values(session: Session, job: Job) -> tuple[Columns, NDArray[np.float32]]:
    """The columns of the dataset, and the new signal's value per row (NaN: none)."""
    key, recipe = job.params["key"], job.params["recipe"]
    schema = schema_of(session, job.params["dataset_id"])
    for name in _inputs(key, recipe):
        if name not in schema.fields:
            raise ConflictError(f"`{name}` is gone meanwhile. Choose another score.")
    if key == ENSEMBLE:
        columns = held.read(session, schema, {"revision", *recipe["signals"]})
        made = ensemble([columns[name] for name in recipe["signals"]], recipe["by"])
        return columns, made.astype(np.float32)
    node = parsed(schema, recipe["where"])
    group = recipe["group"]
    if group == TOPIC and schema.places.topic is None:
        raise ConflictError("The topics are gone meanwhile. Choose another group.")
    read = str(schema.places.topic) if group == TOPIC else group
    names = {"revision", recipe["score"], read, *columns_for(schema, node)}
    columns = held.read(session, schema, names)
    rows = np.flatnonzero(evaluate(session, schema, columns, node).yes)
    pool = Pool(columns[recipe["score"]][rows], _groups(schema, columns, group, rows))
    chosen = _selector(recipe["selector"], recipe["params"]).select(
        pool, recipe["count"], recipe["seed"]
    )
    found = np.full(len(columns), np.nan, np.float32)
    found[rows[pool.scored()]] = 0
    found[rows[chosen]] = 1
    return columns, found


def _groups(
    schema: Schema, columns: Columns, name: str, rows: NDArray[np.intp]
) -> list[str | None]:
    if name == TOPIC:
        topics = schema.places.codes(columns[str(schema.places.topic)][rows])
        titles = schema.places.words()
        return [titles[code] for code in topics.tolist()]
    codes = columns[name][rows].tolist()
    if name not in columns.words:
        return [str(code) for code in codes]
    words = columns.words[name]
    return [words[code] for code in codes]


def made(session: Session, job: Job) -> None:
    """Note when the signal was made, and what came out."""
    recipe = job.params["recipe"]
    known = {one.name: one for one in registry.signals(session, job.params["dataset_id"])}
    known[recipe["signal"]].measured_at = now()
    schema = schema_of(session, job.params["dataset_id"])
    column = held.read(session, schema, {recipe["signal"]})[recipe["signal"]]
    rows = column[np.isfinite(column)]
    job.result = {"signal": recipe["signal"], "rows": len(rows)}
    if job.params["key"] == SELECTION:
        job.result = {**job.result, "chosen": int((rows > 0).sum())}


def signals(session: Session, dataset: Dataset) -> list[DatasetSignal]:
    """The signals that were made of others here, by name."""
    known = registry.signals(session, dataset.id)
    return [one for one in known if one.key in {ENSEMBLE, SELECTION}]
