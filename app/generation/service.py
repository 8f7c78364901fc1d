"""Generating: starting a run, its seeds, and what a worker needs for it."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.catalog import GENERATORS
from app.curation.generators.base import Asking as AskingGenerator
from app.curation.generators.base import Generator, Plain
from app.curation.generators.lab import Lab
from app.curation.records import Kind, Record
from app.datasets import service as datasets
from app.datasets.models import KINDS_OF, Dataset
from app.errors import InvalidError, NotFoundError
from app.generation import leaf_starting, leaves, policies, prompts, teachers
from app.generation.models import GenerationDraft, GenerationRun
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.llm.models import Provider
from app.samples import lineage
from app.samples.models import Sample, SampleBody
from app.samples.search import condition
from app.sources.models import Source
from app.validation import Money, build

PILOT_TASKS = 20
_PAGE = 500
_MAKE_WORSE = tuple(key for key, method in GENERATORS.items() if not method.asks)


class Order(BaseModel):
    """What to make, by which generator, from which seeds, for how much."""

    generator: str = Field(max_length=100)
    params: dict[str, Any] = {}
    provider: str = Field("", max_length=100, description="Model to ask, for generators that ask")
    judge: str = Field("", max_length=100, description="Model that the gates ask, if another one")
    where: str = Field("", max_length=4000, description="Which samples are the seeds")
    budget: Money | None = Field(None, description="The job pauses before it costs more")
    pilot: bool = Field(False, description="Make 20 to see yield and cost; nothing is added")
    sample: int | None = Field(None, ge=1, le=1_000_000, description="So many seeds at most")
    language: str = Field("", max_length=10, description="ISO 639-1 code; drafts in others fail")
    temperature: float = Field(0.7, ge=0, le=2)
    max_tokens: int = Field(1024, ge=16, le=32_000)
    review_share: float = Field(0.2, ge=0, le=1, description="Share that people must review")
    reject_limit: float = Field(0.1, ge=0, le=1, description="Rejected share that blocks the rest")


def resolve(key: str, params: Mapping[str, Any]) -> Generator:
    """The generator with checked parameters."""
    if key not in GENERATORS:
        raise InvalidError(
            f"There is no generator `{key}`. There are {', '.join(GENERATORS)}.",
            errors=[{"path": "generator", "message": f"unknown generator {key}"}],
        )
    return build(GENERATORS[key], params, key)


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Start a run: its seeds are the open and approved samples that match."""
    policies.may_generate(by)
    datasets.refuse_protected(dataset, "seeds of a generator")
    generator = resolve(order.generator, order.params)
    _refuse_kinds(dataset, generator)
    provider = teachers.provider_of(session, generator, order.provider, by)
    judge = teachers.judge_of(session, generator, order.judge)
    seeds = _refuse_no_seeds(session, dataset, generator, order)
    if isinstance(generator, Lab) and not order.pilot:
        leaf_starting.refuse_at_work(session, dataset, generator)
    run = _run(session, dataset, generator, order, (provider, judge), by)
    job = jobs.start(
        session,
        JobKind.GENERATE,
        f"{'Pilot of' if order.pilot else 'Generate'} {generator.title}, run {run.number}",
        by=by,
        dataset_id=dataset.id,
        queue_name=teachers.queue_of(generator, provider, judge),
        params={
            "dataset_id": dataset.id,
            "run": str(run.id),
            "provider": run.provider,
            "where": order.where,
            "seeds": min(seeds, order.sample or seeds),
            "sample": order.sample,
            "temperature": order.temperature,
            "max_tokens": order.max_tokens,
            "budget": str(order.budget) if order.budget is not None else None,
        },
    )
    run.job_id = job.id
    after = {"number": run.number, "generator": generator.key, "pilot": order.pilot}
    audit.record(
        session, by, "generation.start", ("run", run.id), dataset_id=dataset.id, after=after
    )
    return job


def _run(
    session: Session,
    dataset: Dataset,
    generator: Generator,
    order: Order,
    asked: tuple[Provider | None, Provider | None],
    by: Principal,
) -> GenerationRun:
    """The row of a run with all that decides what it makes; asked are its teacher and judge."""
    provider, judge = asked
    run = GenerationRun(
        dataset_id=dataset.id,
        source_id=_source(session, dataset, generator, order.where, by).id,
        created_by=by.id,
        generator=generator.key,
        version=generator.version,
        params=generator.params(),
        prompts={
            name: {"version": one.version, "hash": one.hash, "system": one.system, "user": one.user}
            for name, one in prompts.in_use(session, generator.key).items()
        },
        provider=provider.name if provider else "",
        model=provider.model if provider else "",
        judge=judge.name if judge else "",
        judge_model=judge.model if judge else "",
        where=order.where,
        language=order.language,
        pilot=order.pilot,
        review_share=order.review_share,
        reject_limit=order.reject_limit,
    )
    session.add(run)
    session.flush()
    return run


def _refuse_kinds(dataset: Dataset, generator: Generator) -> None:
    takes = KINDS_OF[dataset.purpose]
    if not generator.makes() & takes:
        made = ", ".join(sorted(generator.makes()))
        raise InvalidError(
            f"`{generator.key}` makes samples of the kind {made}, and {dataset.name}, whose "
            f"purpose is {dataset.purpose}, takes none of these."
        )


def seeds_among(
    session: Session, dataset_id: int, generator: Generator, where: str
) -> ColumnElement[bool]:
    """The samples that are seeds: of a kind that it can use, and not thrown out.

    What a generator made worse on purpose (errors, noise, rungs of a ladder) is none.
    """
    made_worse = (
        select(GenerationDraft.id)
        .join(GenerationRun, GenerationRun.id == GenerationDraft.run_id)
        .where(GenerationDraft.sample_id == Sample.id, GenerationRun.generator.in_(_MAKE_WORSE))
    )
    wanted = (
        condition(session, dataset_id, where)
        & ~made_worse.exists()
        & Sample.kind.in_(generator.kinds)
        & Sample.status.not_in(leaves.CLOSED)
    )
    if isinstance(generator, Lab):
        wanted &= leaves.seeds_of(session, dataset_id, generator)
    return wanted


def _refuse_no_seeds(session: Session, dataset: Dataset, generator: Generator, order: Order) -> int:
    """How many seeds there are; refuses none where they are needed.

    Of leaves of a taxonomy: the requests of the first round.
    """
    wanted = seeds_among(session, dataset.id, generator, order.where)
    if isinstance(generator, Lab):
        return leaf_starting.refuse_none(session, dataset, generator, wanted, order.sample)
    if not generator.kinds:
        return 0
    count = session.scalar(select(func.count()).select_from(Sample).where(wanted)) or 0
    if not count:
        raise InvalidError(
            f"No seed matches: `{generator.key}` needs samples of the kind "
            f"{' or '.join(sorted(generator.kinds))} that are not rejected, dropped or quarantined."
        )
    return count


def _source(
    session: Session, dataset: Dataset, generator: Generator, where: str, by: Principal
) -> Source:
    wanted = seeds_among(session, dataset.id, generator, where) if generator.kinds else None
    return lineage.source_of_made(session, f"generated: {generator.key}", wanted, by)


def get(session: Session, run_id: uuid.UUID | str) -> GenerationRun:
    """The run with this id, or with this number."""
    text = str(run_id)
    query = select(GenerationRun)
    try:
        query = query.where(
            GenerationRun.number == int(text)
            if text.isdecimal() and len(text) < 10
            else GenerationRun.id == uuid.UUID(text)
        )
    except ValueError:
        raise NotFoundError(f"There is no run {text}.") from None
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError(f"There is no run {text}.")
    return found


def everything(
    session: Session, dataset_id: int, limit: int = 100, before: int | None = None
) -> list[GenerationRun]:
    """The runs of a dataset, newest first; those before the one with this number, if given."""
    query = select(GenerationRun).where(GenerationRun.dataset_id == dataset_id)
    if before is not None:
        query = query.where(GenerationRun.number < before)
    return list(session.scalars(query.order_by(GenerationRun.number.desc()).limit(limit)))


def generator_of(run: GenerationRun) -> Generator:
    """The generator of a run."""
    return resolve(run.generator, run.params)


def spoilt(session: Session) -> set[uuid.UUID]:
    """The runs of all datasets whose samples say what is wrong, on purpose."""
    runs = select(GenerationRun).where(GenerationRun.generator.in_(_MAKE_WORSE))
    return {run.id for run in session.scalars(runs) if spoils(run)}


def spoils(run: GenerationRun) -> bool:
    """Whether the samples of a run say what is wrong, on purpose."""
    generator = generator_of(run)
    return isinstance(generator, Plain) and generator.spoils()


def seeds(
    session: Session, wanted: ColumnElement[bool], last: int, high: int, most: int
) -> Iterator[Record]:
    """Seeds behind the last one used, in the order of ids, so many at most.

    `high` is the highest id when the run was planned: what it makes is never its own seed.
    """
    query = (
        select(Sample.id, Sample.kind, Sample.language, Sample.domain, SampleBody.body)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(wanted, Sample.id <= high)
        .order_by(Sample.id)
    )
    while most > 0:
        rows = session.execute(query.where(Sample.id > last).limit(min(_PAGE, most))).all()
        if not rows:
            return
        last, most = rows[-1].id, most - len(rows)
        for row in rows:
            yield Record(
                Kind(row.kind), row.body, language=row.language, domain=row.domain, id=row.id
            )


def tasks_of(generator: Generator, job: Job, *, pilot: bool) -> int:
    """How many requests a run makes."""
    count = job.params["seeds"]
    if isinstance(generator, AskingGenerator):
        count = generator.count(count)
    return min(count, PILOT_TASKS) if pilot else int(count)
