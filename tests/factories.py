"""Rows for tests, made through the services."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.datasets import service as datasets
from app.datasets.models import Dataset, Purpose
from app.jobs.models import Job
from app.samples import registry
from app.samples.loading import add_batch
from app.samples.models import Sample
from app.samples.packing import Target
from app.sources import service as sources
from app.sources.models import Source
from workers import jobs as runner
from workers.registry import handler


def make_dataset(
    session: Session, by: Principal, name: str = "mix", purpose: Purpose = Purpose.ANY
) -> Dataset:
    """An empty dataset."""
    made = datasets.create(session, name=name, purpose=purpose, by=by)
    session.commit()
    return made


def make_source(session: Session, by: Principal, name: str = "written") -> Source:
    """A source under a licence."""
    return sources.find_or_add(
        session, name=name, origin=Origin.SYNTHETIC, license_="CC0-1.0", by=by
    )


def instruction(text: str, output: str = "An answer of some words.", **more: Any) -> Record:
    """An instruction sample."""
    body = {"instruction": text, "input": "", "output": output}
    return Record(Kind.INSTRUCTION, body, **more)


def fill(
    session: Session, dataset: Dataset, by: Principal, records: Sequence[Record]
) -> list[Sample]:
    """Add records; answers their samples in order."""
    source = make_source(session, by)
    names = sorted({name for record in records for name in record.scores})
    specs = [registry.imported_spec(name, name) for name in names]
    slots = registry.claim_slots(session, dataset.id, specs, None) if specs else []
    target = Target(dataset.id, source, None, {one.name: one for one in slots})
    add_batch(session, target, records)
    session.commit()
    query = select(Sample).where(Sample.dataset_id == dataset.id).order_by(Sample.id)
    return list(session.scalars(query))


def numbered(count: int, scores: Mapping[int, float] | None = None) -> list[Record]:
    """Distinct instruction samples, each with a judge_score that grows with its number."""
    given = scores or {number: float(number) for number in range(count)}
    return [
        instruction(
            f"Question number {number}?",
            domain="math" if number % 2 else "code",
            scores={"judge_score": given[number]} if number in given else {},
        )
        for number in range(count)
    ]


def run_job(session: Session, job_id: uuid.UUID | str) -> Job:
    """Work on a job in this process, as a worker does."""
    session.commit()
    runner.run(uuid.UUID(str(job_id)), handler)
    session.expire_all()
    return session.get_one(Job, uuid.UUID(str(job_id)))
