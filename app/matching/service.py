"""Looking for duplicates: which matcher, with what, against what; starting the job."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.catalog import MATCHERS
from app.curation.matchers.base import Matcher
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.matching import ranking
from app.matching.against import named
from app.matching.models import MatchRun
from app.samples.search import condition
from app.validation import build


def matcher_of(key: str, params: Mapping[str, Any]) -> Matcher:
    """The matcher with checked parameters; refuses a key that there is not."""
    if key not in MATCHERS:
        raise InvalidError(
            f"There is no matcher `{key}`. There are {', '.join(MATCHERS)}.",
            errors=[{"path": "matcher", "message": f"unknown matcher {key}"}],
        )
    return build(MATCHERS[key], params, key)


def start(
    session: Session,
    dataset: Dataset,
    key: str,
    params: Mapping[str, Any],
    *,
    by: Principal,
    against: str = "",
    keep: Sequence[str] = (),
    where: str = "",
) -> Job:
    """Sign what is unsigned, then find pairs and clusters, in a job; one per matcher at a time."""
    require_role(by, Role.LEAD, "look for duplicates")
    matcher = matcher_of(key, params)
    other = named(session, dataset, against)
    condition(session, dataset.id, where)
    for job in jobs.open_jobs(session, dataset.id, JobKind.MATCH):
        if job.params["matcher"] == key:
            raise ConflictError(f"`{key}` is looking for duplicates here right now.")
    run = MatchRun(
        dataset_id=dataset.id,
        against_id=other.dataset.id if other is not None else None,
        release_id=other.release_id if other is not None else None,
        matcher=key,
        params=matcher.params(),
        fingerprint=matcher.fingerprint(),
        keep=ranking.checked(session, dataset.id, keep),
        where=where,
        created_by=by.id,
    )
    session.add(run)
    session.flush()
    title = f"Duplicates by {matcher.title}" + (f" against {other.name}" if other else "")
    job = jobs.start(
        session,
        JobKind.MATCH,
        title,
        by=by,
        dataset_id=dataset.id,
        params={"run": str(run.id), "matcher": key, "params": run.params, "keep": run.keep},
    )
    run.job_id = job.id
    return job


def runs(session: Session, dataset_id: int) -> Sequence[MatchRun]:
    """The runs that found what is kept, the newest first."""
    query = select(MatchRun).where(
        MatchRun.dataset_id == dataset_id, MatchRun.finished_at.is_not(None)
    )
    return session.scalars(query.order_by(MatchRun.created_at.desc(), MatchRun.id)).all()


def run_of(
    session: Session, dataset: Dataset, matcher: str = "", against: str = ""
) -> MatchRun | None:
    """The newest finished run, of one matcher and against one thing where they are named."""
    if matcher and matcher not in MATCHERS:
        matcher_of(matcher, {})
    other = named(session, dataset, against)
    wanted = (other.dataset.id, other.release_id) if other is not None else None
    for one in runs(session, dataset.id):
        if matcher in {"", one.matcher} and wanted in {None, (one.against_id, one.release_id)}:
            return one
    return None


def needed(session: Session, dataset: Dataset, matcher: str = "", against: str = "") -> MatchRun:
    """That run, or a refusal that says how to start one."""
    run = run_of(session, dataset, matcher, against)
    if run is None:
        raise NotFoundError(
            f"Nobody has looked for duplicates in {dataset.name} yet"
            f"{f' by {matcher}' if matcher else ''}. `winnow match {dataset.name} "
            f"{matcher or 'minhash'} --wait` does it."
        )
    return run
