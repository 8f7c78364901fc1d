"""Perplexity and difficulty of instructions: starting the job, training, reading every sample."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.ports import ModelError
from app.curation.records import Record
from app.curation.signals.base import Note, Scores
from app.curation.text import surprise
from app.curation.text.parts import prompt_text, response_text
from app.curation.text.surprise import Halves, Pairs
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind, Queue
from app.learning import files
from app.perplexity.models import PerplexityModel
from app.providers import causal_losses, local_models
from app.samples import columns, registry
from app.samples.models import DatasetSignal
from app.samples.registry import SignalSpec
from app.samples.search import condition, schema_of
from app.scoring import reading

KEY = "perplexity"
NAMES = ("perplexity", "ifd", "ifd_ppl")
FEWEST = 100  # rows: n-grams of fewer say nothing about others
_MOST = 100_000  # rows: more take memory and change little
_METHOD = f"halves-kneser-ney-cache-{surprise.CACHE}-1"


class Order(BaseModel):
    """Which rows are read, and by what."""

    where: str = Field("", max_length=4000, description="Only samples that match")
    on: str = Field("", max_length=100, description="Dataset to count n-grams in; empty: this one")
    on_where: str = Field("", max_length=4000, description="Only its samples that match")
    size: int = Field(3, ge=1, le=5, description="Words of an n-gram")
    model: str = Field(
        "",
        max_length=500,
        description="Folder or name on the hub of a causal transformer, instead of n-grams",
    )


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Read rows by n-grams that are counted first, or by a transformer.

    The first version writes `perplexity`, `ifd` and `ifd_ppl`. Reading by another model, or by
    n-grams of other rows, writes signals beside them (`perplexity_v2`).
    """
    require_role(by, Role.LEAD, "measure perplexity")
    condition(session, dataset.id, order.where)
    base = datasets.get(session, order.on) if order.on else dataset
    condition(session, base.id, order.on_where)
    if order.model:
        _check_model(order)
    else:
        _check_rows(session, base, order.on_where)
    if jobs.open_jobs(session, dataset.id, JobKind.PERPLEXITY):
        raise ConflictError("Perplexity is being measured here right now.")
    by_what = order.model or f"n-grams of {base.name}"
    return jobs.start(
        session,
        JobKind.PERPLEXITY,
        f"Measure perplexity by {by_what}",
        by=by,
        dataset_id=dataset.id,
        queue_name=Queue.GPU if order.model else Queue.CPU,
        params={**order.model_dump(), "on": base.name, "dataset_id": dataset.id},
    )


def _check_model(order: Order) -> None:
    if order.on or order.on_where:
        raise InvalidError("A transformer is trained already: leave out what to count n-grams in.")
    try:
        local_models.fingerprint(order.model)
    except ModelError as error:
        raise InvalidError(str(error)) from error


def _check_rows(session: Session, base: Dataset, where: str) -> int:
    count = reading.count(session, base.id, where)
    if count < FEWEST:
        which = f" match `{where}`" if where else ""
        raise InvalidError(
            f"{count:,} samples of {base.name}{which}; n-grams take {FEWEST} at least. "
            "Count them in more rows, or in another dataset."
        )
    return count


def prepare(session: Session, job: Job) -> PerplexityModel:
    """The version that this job reads by: the one that is just this, or a new one."""
    params = job.params
    row = _transformer(job) if params["model"] else _counted(session, job)
    known = versions(session, params["dataset_id"])
    same = next((one for one in known if one.fingerprint == row.fingerprint), None)
    if same is None:
        row.version = _free(session, params["dataset_id"], known)
        session.add(row)
        session.flush()
    elif row.file_sha256:
        same.file_sha256 = row.file_sha256
    row = same or row
    row.job_id = job.id
    registry.claim_slots(session, row.dataset_id, _specs(row), job.id)
    result = {"signals": names(row), "version": row.version, "trained_rows": row.trained_rows}
    job.result = {**job.result, **result}
    return row


def _free(session: Session, dataset_id: int, known: Sequence[PerplexityModel]) -> int:
    """The next version whose names nothing else has."""
    taken = {one.name for one in registry.signals(session, dataset_id)}
    version = max((one.version for one in known), default=0) + 1
    while any(_name(stem, version) in taken for stem in NAMES):
        version += 1
    return version


def _name(stem: str, version: int) -> str:
    return stem if version == 1 else f"{stem}_v{version}"


def names(row: PerplexityModel) -> list[str]:
    """The signals that a version writes."""
    return [_name(stem, row.version) for stem in NAMES]


def _transformer(job: Job) -> PerplexityModel:
    return _new(job, local_models.fingerprint(job.params["model"]))


def _new(job: Job, recipe: str, rows: int = 0, file: str = "") -> PerplexityModel:
    params = job.params
    return PerplexityModel(
        dataset_id=params["dataset_id"],
        model=params["model"],
        trained_on="" if params["model"] else params["on"],
        trained_where=params["on_where"],
        size=params["size"],
        trained_rows=rows,
        fingerprint=hashlib.sha256(recipe.encode()).hexdigest(),
        file_sha256=file,
        found={},
        created_by=job.created_by,
    )


def _counted(session: Session, job: Job) -> PerplexityModel:
    """Count n-grams in the rows as they are now."""
    params = job.params
    base = datasets.get(session, params["on"])
    count = _check_rows(session, base, params["on_where"])
    every = -(-count // _MOST)
    prompts: list[str] = []
    answers: list[str] = []
    digest = hashlib.sha256(f"{_METHOD}:{params['size']}".encode())
    for page in reading.matching(session, base.id, params["on_where"], every=every):
        read = pairs_of(page.records)
        prompts += read.prompts
        answers += read.answers
        digest.update(orjson.dumps([page.ids, page.revisions]))
    halves = Halves.fit(Pairs(prompts, answers), params["size"])
    return _new(job, digest.hexdigest(), len(answers), files.write(halves.to_bytes()))


def pairs_of(records: Sequence[Record]) -> Pairs:
    """Prompts and answers of samples."""
    return Pairs(
        [prompt_text(one.kind, one.body) for one in records],
        [response_text(one.kind, one.body) for one in records],
    )


@lru_cache(maxsize=1)
def _halves(sha256: str) -> Halves:
    return Halves.from_bytes(files.read(sha256))


def read(row: PerplexityModel, records: Sequence[Record]) -> Scores:
    """The values of samples, in the order of `NAMES`; notes tell where a text was cut."""
    pairs, notes = pairs_of(records), {}
    if row.model:
        try:
            whole = causal_losses.read(row.model, pairs)
        except ModelError as error:
            raise ConflictError(str(error)) from error
        found = whole.found
        notes = {
            place: Note(f"{whole.read[place]:,} of {whole.there[place]:,} tokens were read.")
            for place in np.flatnonzero(whole.read < whole.there).tolist()
        }
    else:
        found = _halves(row.file_sha256).read(pairs)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = np.column_stack([found.perplexity, found.ifd, found.ratio]).astype(np.float32)
    return Scores(np.where(np.isfinite(values), values, np.float32("nan")), notes=notes)


def slots(session: Session, row: PerplexityModel) -> list[DatasetSignal]:
    """Where the values go."""
    known = {one.name: one for one in registry.signals(session, row.dataset_id)}
    return [known[name] for name in names(row)]


def finish(session: Session, job: Job) -> None:
    """Note the band that holds the middle 80 % of the rows, and how many answers do not fit."""
    row = session.get_one(PerplexityModel, job.result["model"])
    held = columns.read(session, schema_of(session, row.dataset_id), set(names(row)))
    perplexity, ifd = (held[name][np.isfinite(held[name])] for name in names(row)[:2])
    row.found = {"rows": len(perplexity), "answers": len(ifd)}
    if len(perplexity):
        low, high = band(perplexity)
        row.found |= {"p10": low, "p90": high, "band": f"{names(row)[0]}:{low}..{high}"}
    if len(ifd):
        row.found["above_1"] = round(float((ifd > 1).mean()), 4)
    for signal, spec in zip(slots(session, row), _specs(row), strict=True):
        signal.measured_at, signal.help = now(), spec.help
    job.result = {**job.result, **row.found}


def band(values: NDArray[np.float32]) -> tuple[str, str]:
    """The 10th and 90th percentile as values that are there, written so that filters keep both."""
    ends = np.quantile(values.astype(np.float32), (0.1, 0.9), method="nearest")
    low, high = (np.format_float_positional(np.float32(one), trim="0") for one in ends)
    return low, high


def _specs(row: PerplexityModel) -> list[SignalSpec]:
    """The three signals, with help that says how to use them."""
    by_what = row.model or f"n-grams of {row.trained_on}"
    if row.trained_where:
        by_what += f", {row.trained_where}"
    titles = ("Perplexity", "Difficulty of the instruction", "The same by perplexity")
    return [
        SignalSpec(
            name=name,
            title=f"{title} ({by_what})",
            key=KEY,
            fingerprint=f"{row.fingerprint}:{stem}",
            help=text,
            version=row.version,
            params={"model": row.model, "trained_on": row.trained_on, "size": row.size},
        )
        for name, stem, title, text in zip(names(row), NAMES, titles, _help(row), strict=True)
    ]


def _help(row: PerplexityModel) -> tuple[str, str, str]:
    unit = "token" if row.model else "word or mark"
    middle = f" The middle 80 % of the rows: {row.found['band']}." if "band" in row.found else ""
    return (
        f"How surprising the whole text is per {unit}; high for noise and what is rare, low for "
        "repetition and boilerplate. Keep a band, not the lowest: models trained on text of the "
        f"lowest perplexity are worse than those trained on a random part.{middle}",
        "Mean loss of the answer given its prompt, by its loss alone. Above 1 the prompt makes the "
        "answer less likely: they may not belong together. Below 1, high values are hard "
        "instructions. Keeping the highest alone shifts the mix towards creative writing.",
        "Perplexity of the answer given its prompt, by its perplexity alone. It is above 1 where "
        "the ratio of losses is, and ranks the rest in another order.",
    )


def versions(session: Session, dataset_id: int) -> Sequence[PerplexityModel]:
    """What a dataset was read by, the newest first."""
    query = select(PerplexityModel).where(PerplexityModel.dataset_id == dataset_id)
    return session.scalars(query.order_by(PerplexityModel.version.desc())).all()
