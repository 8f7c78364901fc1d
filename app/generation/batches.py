"""The batch of a run: which of its samples people must review, and what their verdicts decide."""

import random
from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, func, select, text, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.batches import Batch, judged
from app.curation.generators.ladder import Ladder
from app.curation.pairs.sides import CHOSEN, REJECTED
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.generation import made_of, policies, service
from app.generation.models import GenerationDraft, GenerationRun
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.review.models import Decision, Verdict
from app.samples import bulk
from app.samples.bulk import Action
from app.samples.models import OPEN, BulkAction, Sample, Status
from app.samples.search import condition, schema_of

_TAG = """
UPDATE samples SET tags = coalesce(tags, '{}') || CAST(:tag AS text), changed_at = now()
WHERE id = ANY(CAST(:ids AS bigint[])) AND NOT coalesce(tags, '{}') @> ARRAY[CAST(:tag AS text)]
"""


def tag_of(run: GenerationRun) -> str:
    """The tag of the samples that were drawn to be looked at."""
    return f"look-{run.number}"


def draw(session: Session, run: GenerationRun) -> None:
    """Draw exactly the share that people must review, by lot; once, when the run is through."""
    if run.drawn_at is not None or run.pilot:
        return
    ids = _made(session, run)
    count = -(-len(ids) * round(run.review_share * 10_000) // 10_000)  # rounded up
    _draw(session, run, ids, count)
    run.drawn_at = now()


def draw_more(session: Session, run: GenerationRun, count: int, *, by: Principal) -> int:
    """Draw so many more of those that nobody decided on; how many there were."""
    policies.may_settle(by)
    ids = _made(session, run, drawn=False)
    drawn = _draw(session, run, ids, min(count, len(ids)))
    after = {"number": run.number, "drawn": drawn}
    audit.record(
        session, by, "generation.draw", ("run", run.id), dataset_id=run.dataset_id, after=after
    )
    return drawn


def _made(session: Session, run: GenerationRun, *, drawn: bool | None = None) -> list[int]:
    query = (
        select(Sample.id)
        .join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
        .where(GenerationDraft.run_id == run.id)
        .order_by(Sample.id)
    )
    if drawn is not None:
        query = query.where(GenerationDraft.drawn.is_(drawn), Sample.status.in_(OPEN))
    return list(session.scalars(query))


def _draw(session: Session, run: GenerationRun, ids: list[int], count: int) -> int:
    # No secret: the same run draws the same samples.
    chosen = random.Random(run.number).sample(ids, count)  # noqa: S311
    if chosen:
        session.execute(text(_TAG), {"tag": tag_of(run), "ids": sorted(chosen)})
        session.execute(
            update(GenerationDraft)
            .where(GenerationDraft.run_id == run.id, GenerationDraft.sample_id.in_(chosen))
            .values(drawn=True)
        )
    return len(chosen)


def of_run(session: Session, run: GenerationRun) -> Batch:
    """How the batch stands by the verdicts on the samples that were drawn."""
    decided = GenerationDraft.drawn & _seen(Sample.id)
    query = (
        select(
            func.count(),
            func.count().filter(GenerationDraft.drawn),
            func.count().filter(decided),
            func.count().filter(decided & (Sample.status == Status.REJECTED)),
        )
        .select_from(GenerationDraft)
        .join(Sample, Sample.id == GenerationDraft.sample_id)
        .where(GenerationDraft.run_id == run.id)
    )
    made, drawn, looked_at, rejected = session.execute(query).one()
    return judged(made, drawn, looked_at, rejected, run.reject_limit)


def _seen(*samples: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Whether a person decided on one of them, by itself; approval of many at once is no look."""
    said = Decision.verdict.in_((Verdict.APPROVE, Verdict.REJECT)) & Decision.undone_at.is_(None)
    return select(Decision.id).where(Decision.sample_id.in_(samples), said).exists()


def refuse_unseen(session: Session, dataset: Dataset, where: str) -> None:
    """Refuse a release with samples of an open or blocked batch that nobody looked at.

    Of what is wrong on purpose somebody must have looked at each.

    A pair is of the batches of its answers; who decided on the pair looked at both. Rungs of a
    ladder are worse by design and no batch of them can pass: their pairs need none.
    """
    approved = condition(session, dataset.id, where) & (Sample.status == Status.APPROVED)
    drafts = made_of.drafts(approved)
    paired = drafts.c.row != drafts.c.sample
    spoilt = service.spoilt(session)
    query = (
        select(
            GenerationRun,
            func.count(drafts.c.row.distinct()),
            func.count(drafts.c.row.distinct()).filter(paired),
        )
        .join(drafts, drafts.c.run_id == GenerationRun.id)
        .where(
            (GenerationRun.review_share > 0) | (~paired & GenerationRun.id.in_(spoilt)),
            ~_seen(drafts.c.row, drafts.c.sample),
            ~paired | (GenerationRun.generator != Ladder.key),
        )
        .group_by(GenerationRun.id)
        .order_by(GenerationRun.number)
    )
    for run, count, pairs in session.execute(query):
        standing = of_run(session, run).standing
        if run.id in spoilt or standing != "passed":
            known = schema_of(session, dataset.id).fields
            why = "they are wrong on purpose" if run.id in spoilt else f"its batch is {standing}"
            raise ConflictError(_unseen(run, why, count, pairs, known))


def _unseen(run: GenerationRun, why: str, count: int, pairs: int, known: Collection[str]) -> str:
    names = ["metadata.run"] if pairs < count else []
    names += [f"metadata.{side}_run" for side in (CHOSEN, REJECTED)] if pairs else []
    out = " ".join(f"-{name}:{run.number}" for name in names if name in known)
    of = f" ({pairs:,} as pairs of answers)" if 0 < pairs < count else ""
    what = "pairs of answers" if pairs == count else "samples"
    return (
        f"{count:,} {what} of run {run.number}{of} are approved though nobody looked at them, and "
        f"{why}. Settle the batch on the page of the run, "
        f"{'review the pairs one by one, ' if pairs else ''}or leave them out"
        f"{f': {out}' if out else ' by a filter.'}"
    )


def refuse_worse(session: Session, dataset: Dataset, where: str) -> None:
    """Refuse a release with rungs of a ladder, which are worse answers by design."""
    query = (
        select(func.count())
        .select_from(Sample)
        .join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
        .join(GenerationRun, GenerationRun.id == GenerationDraft.run_id)
        .where(
            condition(session, dataset.id, where),
            Sample.status == Status.APPROVED,
            GenerationRun.generator == Ladder.key,
        )
    )
    count = session.scalar(query) or 0
    if count:
        raise ConflictError(
            f"{count:,} approved rows are rungs of a ladder: worse answers, made for pairs and "
            "scorers. Leave them out: -metadata.generator:ladder"
        )


def settle(
    session: Session, dataset: Dataset, run: GenerationRun, action: Action, *, by: Principal
) -> Job:
    """Approve or reject all samples of the run that nobody decided on; it can be taken back.

    Approved is a batch that passed, or one whose policy asks nobody to look.
    """
    policies.may_settle(by)
    batch = of_run(session, run)
    if action not in (Action.APPROVE, Action.REJECT):
        raise ConflictError("A batch is approved or rejected as a whole.")
    if action is Action.APPROVE and run.generator == Ladder.key:
        raise ConflictError(
            "Rungs of a ladder are worse answers by design: build pairs of them, and approve those."
        )
    if action is Action.APPROVE and service.spoils(run):
        raise ConflictError(
            f"What run {run.number} made is wrong on purpose: approve one by one what is wanted, "
            "or build pairs of it and approve those."
        )
    if action is Action.APPROVE and run.review_share > 0 and batch.standing != "passed":
        raise ConflictError(_why_not(batch))
    return bulk.start(
        session, dataset, action, where=rest_of(run), confirmed=None, by=by, argument=""
    )


def settled(session: Session, run: GenerationRun) -> BulkAction | None:
    """The newest decision on the rest of the run that changed something and stands."""
    query = _settled(run).where(BulkAction.undone_at.is_(None), BulkAction.affected > 0)
    return session.scalar(query.order_by(BulkAction.created_at.desc()).limit(1))


def settling(session: Session, run: GenerationRun) -> list[Job]:
    """The jobs that decide on the rest of the run right now, or take that back."""
    mine = {str(one.id) for one in session.scalars(_settled(run))}
    found = jobs.open_jobs(session, run.dataset_id, JobKind.BULK)
    return [job for job in found if job.params["action"] in mine]


def _settled(run: GenerationRun) -> Select[BulkAction]:
    return select(BulkAction).where(
        BulkAction.dataset_id == run.dataset_id,
        BulkAction.where == rest_of(run),
        BulkAction.action.in_((Action.APPROVE, Action.REJECT)),
    )


def unsettle(session: Session, run: GenerationRun, *, by: Principal) -> Job:
    """Take the newest decision on the rest of the run back, where it still stands."""
    policies.may_settle(by)
    action = settled(session, run)
    if action is None:
        raise ConflictError(
            f"Nothing was decided together of run {run.number} that could be taken back."
        )
    return bulk.undo(session, action.id, by=by)


def rest_of(run: GenerationRun) -> str:
    """The filter for the samples of a run that nobody decided on."""
    return f"metadata.run:{run.number} (status:pending OR status:in_review)"


def _why_not(batch: Batch) -> str:
    seen = f"{batch.rejected} of the {batch.decided} samples that were looked at are rejected"
    if batch.standing == "blocked":
        return (
            f"The batch is blocked: {seen}, and the limit is {batch.limit:.0%}. Reject the rest, "
            "or review its samples one by one."
        )
    return (
        f"The batch can't be approved yet: {seen}, so up to {batch.high:.0%} of it may be bad, and "
        f"the limit is {batch.limit:.0%}. Look at {batch.more:,} more."
    )
