"""Looking for benchmarks in a dataset: starting a run, what the runs covered, what is stale."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.contamination import policies
from app.contamination.models import ContaminationRun
from app.curation.catalog import LAYERS
from app.curation.contamination.base import Layer
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples.models import Sample, SampleBody, Status
from app.validation import build

# Names of several layers, and what is looked for when nobody says.
FAMILIES = {"ngram": ("ngram13", "ngram7", "overlap8")}
DEFAULT = ("exact", "ngram", "ast", "tfidf", "embedding")
# Items and rows that a transformer reads in a minute or two on a CPU; it takes the place of static
# embeddings then.
SMALL = 1_000
_DIGEST = """
SELECT count(*), encode(sha256(coalesce(string_agg(content_hash, ''::bytea ORDER BY content_hash),
                                        ''::bytea)), 'hex')
FROM samples WHERE dataset_id = :dataset_id
"""


Name = Annotated[str, Field(max_length=100)]


class Order(BaseModel):
    """Which benchmarks are looked for, and how."""

    against: list[Name] = Field(
        ..., min_length=1, max_length=100, description="Datasets whose rows are items"
    )
    layers: list[Name] = Field(
        [], max_length=20, description="Layers by key; `ngram` is all three; none: all that fit"
    )
    params: dict[Name, dict[str, Any]] = Field({}, description="Parameters of layers by key")


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Look for the items of benchmarks in every row, in a job.

    With the benchmarks and layers of an earlier run, only rows that are new since are read.
    """
    policies.may_decontaminate(by)
    benchmarks = [_benchmark(session, dataset, name) for name in dict.fromkeys(order.against)]
    total = sum(one["items"] for one in benchmarks) + _count(session, dataset.id)
    layers = [_described(one) for one in chosen(order.layers, order.params, small=total <= SMALL)]
    if jobs.open_jobs(session, dataset.id, JobKind.DECONTAMINATE):
        raise ConflictError("Benchmarks are being looked for here right now.")
    recipe = hashlib.sha256(orjson.dumps([benchmarks, layers], option=orjson.OPT_SORT_KEYS))
    earlier = newest(session, dataset.id, benchmarks, layers)
    goes_on = earlier is not None and earlier.finished_at and earlier.recipe == recipe.hexdigest()
    run = ContaminationRun(
        dataset_id=dataset.id,
        created_by=by.id,
        benchmarks=benchmarks,
        layers=layers,
        recipe=recipe.hexdigest(),
        since=earlier.read_at if earlier is not None and goes_on else None,
    )
    session.add(run)
    session.flush()
    job = jobs.start(
        session,
        JobKind.DECONTAMINATE,
        f"Look for {', '.join(one['dataset'] for one in benchmarks)}",
        by=by,
        dataset_id=dataset.id,
        params={"dataset_id": dataset.id, "where": "", "run": str(run.id)},
    )
    run.job_id = job.id
    after = {"benchmarks": benchmarks, "layers": [one["key"] for one in layers]}
    audit.record(
        session,
        by,
        "contamination.start",
        ("contamination_run", run.id),
        dataset_id=dataset.id,
        after=after,
    )
    return job


def _benchmark(session: Session, dataset: Dataset, name: str) -> dict[str, Any]:
    found = datasets.get(session, name)
    if found.id == dataset.id:
        raise InvalidError("A dataset can't be its own benchmark. Name another one.")
    described = digest(session, found)
    if not described["items"]:
        raise InvalidError(f"The benchmark {name} has no items yet. Import them first.")
    return described


def digest(session: Session, benchmark: Dataset) -> dict[str, Any]:
    """A benchmark as it is now: how many items, and a hash over all of them."""
    items, sha256 = session.execute(text(_DIGEST), {"dataset_id": benchmark.id}).one()
    return {"dataset": benchmark.name, "id": benchmark.id, "items": items, "sha256": sha256}


def chosen(keys: Sequence[str], params: dict[str, dict[str, Any]], *, small: bool) -> list[Layer]:
    """The layers by their keys; for few rows the transformer stands in for static embeddings."""
    named = [one for key in keys or DEFAULT for one in FAMILIES.get(key, (key,))]
    # Who names a layer gets that one.
    swap = small and not keys
    wanted = ["transformer" if one == "embedding" and swap else one for one in named]
    unknown = [key for key in [*wanted, *params] if key not in LAYERS]
    if unknown:
        raise InvalidError(
            f"There is no layer `{unknown[0]}`. There are {', '.join([*LAYERS, *FAMILIES])}.",
            errors=[{"path": "layers", "message": f"unknown layer {unknown[0]}"}],
        )
    return [
        build(method, params.get(key, {}), f"params.{key}")
        for key, method in LAYERS.items()
        if key in wanted
    ]


def _described(layer: Layer) -> dict[str, Any]:
    return {
        "key": layer.key,
        "version": layer.version,
        "params": layer.params(),
        "fingerprint": layer.fingerprint(),
    }


def _count(session: Session, dataset_id: int) -> int:
    query = select(func.count()).select_from(Sample).where(Sample.dataset_id == dataset_id)
    return session.scalar(query) or 0


def newest(
    session: Session,
    dataset_id: int,
    benchmarks: Sequence[dict[str, Any]],
    layers: Sequence[dict[str, Any]],
) -> ContaminationRun | None:
    """The last run that looked for any of these benchmarks by any of these layers.

    It wrote the hits that there are of both.
    """
    wanted = _looked_for(benchmarks, layers)
    query = select(ContaminationRun).where(ContaminationRun.dataset_id == dataset_id)
    for run in session.scalars(query.order_by(ContaminationRun.created_at.desc())):
        if wanted & _looked_for(run.benchmarks, run.layers):
            return run
    return None


def _looked_for(
    benchmarks: Sequence[dict[str, Any]], layers: Sequence[dict[str, Any]]
) -> set[tuple[int, str]]:
    return {(one["id"], layer["key"]) for one in benchmarks for layer in layers}


def get(session: Session, run_id: uuid.UUID) -> ContaminationRun:
    """The run with this id, which a job names."""
    return session.get_one(ContaminationRun, run_id)


def runs(session: Session, dataset_id: int) -> list[ContaminationRun]:
    """The newest finished run for each benchmark and layer, newest first: what is known."""
    query = (
        select(ContaminationRun)
        .where(ContaminationRun.dataset_id == dataset_id, ContaminationRun.finished_at.is_not(None))
        .order_by(ContaminationRun.read_at.desc())
    )
    found, seen = [], set[tuple[int, str]]()
    for run in session.scalars(query):
        new = _looked_for(run.benchmarks, run.layers) - seen
        if new:
            seen |= new
            found.append(run)
    return found


def unread(session: Session, run: ContaminationRun, statuses: Sequence[Status] = ()) -> int:
    """Rows, of these statuses alone if given, that came or were edited since the run read."""
    newer = select(func.count()).select_from(Sample).where(Sample.dataset_id == run.dataset_id)
    if statuses:
        newer = newer.where(Sample.status.in_(statuses))
    added = session.scalar(newer.where(Sample.id > run.last_id)) or 0
    edited = session.scalar(
        newer.join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        ).where(Sample.id <= run.last_id, Sample.revision > 1, SampleBody.created_at > run.read_at)
    )
    return added + (edited or 0)


def changed_benchmarks(session: Session, run: ContaminationRun) -> list[str]:
    """Benchmarks of a run that have other items by now, or are gone."""
    changed = []
    for known in run.benchmarks:
        found = session.get(Dataset, known["id"])
        if found is None or found.deleted_at or digest(session, found)["sha256"] != known["sha256"]:
            changed.append(known["dataset"])
    return changed
