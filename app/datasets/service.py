"""Datasets: creating, describing, deleting."""

import re
from collections.abc import Sequence

from sqlalchemy import column, func, select, table
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.accounts.service import now
from app.datasets import policies
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}\Z")


def everything(session: Session) -> Sequence[Dataset]:
    """All datasets by name."""
    query = select(Dataset).where(Dataset.deleted_at.is_(None)).order_by(Dataset.name)
    return session.scalars(query).all()


def get(session: Session, name: str) -> Dataset:
    """The dataset with this name."""
    query = select(Dataset).where(Dataset.name == name, Dataset.deleted_at.is_(None))
    dataset = session.scalar(query)
    if dataset is None:
        raise NotFoundError(f"There is no dataset `{name}`.")
    return dataset


def by_id(session: Session, dataset_id: int) -> Dataset:
    """The dataset with this id."""
    return session.get_one(Dataset, dataset_id)


def create(
    session: Session,
    *,
    name: str,
    by: Principal,
    purpose: Purpose = Purpose.ANY,
    guidelines: str = "",
) -> Dataset:
    """Make an empty dataset."""
    policies.may_create(by)
    if not _NAME.match(name):
        raise InvalidError(
            f"`{name}` can't be a dataset's name: use 1 to 63 of a-z, 0-9, `-`, `_` and `.`, "
            "beginning with a letter or digit."
        )
    if session.scalar(select(Dataset.id).where(Dataset.name == name)) is not None:
        raise ConflictError(f"There is a dataset `{name}` already.")
    dataset = Dataset(name=name, purpose=purpose, guidelines=guidelines, created_by=by.id)
    session.add(dataset)
    session.flush()
    audit.record(
        session,
        by,
        "dataset.create",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        after={"name": name, "purpose": purpose},
    )
    return dataset


def change(
    session: Session,
    dataset: Dataset,
    *,
    by: Principal,
    guidelines: str | None = None,
    purpose: Purpose | None = None,
) -> Dataset:
    """Change the guidelines or the purpose."""
    policies.may_change(by)
    before = {"guidelines": dataset.guidelines, "purpose": dataset.purpose}
    dataset.guidelines = guidelines if guidelines is not None else dataset.guidelines
    dataset.purpose = purpose if purpose is not None else dataset.purpose
    audit.record(
        session,
        by,
        "dataset.change",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        before=before,
        after={"guidelines": dataset.guidelines, "purpose": dataset.purpose},
    )
    return dataset


def delete(
    session: Session, dataset: Dataset, *, by: Principal, with_releases: bool = False
) -> Job:
    """Take a dataset away at once; its rows go in a job. Its events in the audit log stay.

    Refuses while there are releases of it, unless they are to go as well.
    """
    policies.may_delete(by)
    held = table("releases", column("dataset_id"))
    count = session.scalar(
        select(func.count()).select_from(held).where(held.c.dataset_id == dataset.id)
    )
    if count and not with_releases:
        raise ConflictError(
            f"{dataset.name} has {count} releases, which somebody may have trained on. Delete it "
            "with `releases=true` to delete them too."
        )
    name = dataset.name
    dataset.deleted_at = now()
    dataset.name = f"{name} (deleted {dataset.id})"  # the name is free again
    audit.record(
        session,
        by,
        "dataset.delete",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        before={"name": name},
    )
    return jobs.start(
        session, JobKind.PURGE, f"Delete {name}", by=by, params={"dataset_id": dataset.id}
    )


def refuse_protected(dataset: Dataset, done: str) -> None:
    """Refuse to do with a benchmark what would let a model learn from it."""
    if dataset.protected:
        raise ConflictError(
            f"{dataset.name} is a benchmark, and benchmarks are never {done}: a model that learns "
            "from them can't be measured by them."
        )
