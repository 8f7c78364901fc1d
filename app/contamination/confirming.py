"""Candidates put to a judge: whether a row asks what an item of a benchmark asks, in other words.

Layers of meaning and spelling list what may be the same. A judge that says so moves the row as a
person would; one that says no allows it with its reason. Both are verdicts that can be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.contamination import policies, verdicts
from app.contamination.models import ContaminationHit, Judgement
from app.contamination.verdicts import Filter, Pair, VerdictIn
from app.curation.ports import Question
from app.curation.rubrics.base import Grade, Rubric, cut
from app.curation.text.parts import full_text
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.llm import policies as llm_policies
from app.llm import service as llm
from app.llm.ledger import Account
from app.samples.models import Sample, SampleBody
from app.validation import Money

SAME = 0  # the place of its label
RUBRIC = Rubric(
    name="same_problem",
    title="The same problem",
    task=(
        "The sample shows two texts: an item of a benchmark and a row of training data. Say "
        "whether who has learned the row has seen the item."
    ),
    criteria=(
        "same: the row asks for the same thing with the same facts, though in other words, in "
        "another language, in another order or with other names for variables.",
        "same: the row holds the item's question or its answer within a longer text.",
        "different: the two are about one subject or of one kind, but ask for other things, or "
        "with other numbers, names or conditions, so that the answers differ.",
    ),
    labels=("same", "different"),
)


class Order(BaseModel):
    """Which candidates are put to which model, and what becomes of rows that ask the same."""

    provider: str = Field(max_length=100)
    benchmark: str = Field("", max_length=100, description="Only candidates of this benchmark")
    layer: str = Field("", max_length=40, description="Only candidates of this layer")
    same: Literal["quarantine", "remove"] = Field(
        "quarantine", description="What becomes of rows that ask the same"
    )
    budget: Money | None = Field(None, description="The job pauses before it costs more")

    def candidates(self) -> Filter:
        """The pairs that nobody decided on."""
        return Filter(benchmark=self.benchmark, layer=self.layer, finding="candidate", state="open")


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair and the question about it."""

    item: int
    sample: int
    question: Question


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Put open candidates to a judge, in a job."""
    policies.may_judge(by)
    llm_policies.may_spend(by)
    provider = llm.get(session, order.provider)
    count = verdicts.count(session, dataset, order.candidates())
    if not count:
        raise InvalidError("There is no open candidate to ask about.")
    if jobs.open_jobs(session, dataset.id, JobKind.CONFIRM):
        raise ConflictError("Candidates are being put to a judge here right now.")
    return jobs.start(
        session,
        JobKind.CONFIRM,
        f"Ask {provider.name} about {count:,} candidates",
        by=by,
        dataset_id=dataset.id,
        queue_name=llm.queue_of(provider),
        params={
            **order.model_dump(mode="json"),
            "dataset_id": dataset.id,
            "model": f"{provider.name} ({provider.model})",
        },
    )


def order_of(job: Job) -> Order:
    """What was asked for."""
    return Order.model_validate({name: job.params[name] for name in Order.model_fields})


def account(job: Job) -> Account:
    """Who pays."""
    return Account.of(job, RUBRIC.name)


def following(
    session: Session, dataset: Dataset, order: Order, last: Sequence[int], count: int
) -> list[Asked]:
    """The next candidates behind the last one, by item and sample, with their questions."""
    hit = ContaminationHit
    query = verdicts.selected(session, dataset, order.candidates())
    if last:
        item, sample = last
        behind = or_(hit.item_id > item, (hit.item_id == item) & (hit.sample_id > sample))
        query = query.where(behind)
    rows = session.execute(query.order_by(hit.item_id, hit.sample_id).limit(count)).all()
    texts = _texts(session, {one for row in rows for one in (row.item_id, row.sample_id)})
    return [
        Asked(row.item_id, row.sample_id, _question(texts[row.item_id], texts[row.sample_id]))
        for row in rows
    ]


def _texts(session: Session, ids: set[int]) -> dict[int, str]:
    query = (
        select(Sample.id, Sample.kind, SampleBody.body)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(Sample.id == func.any(list(ids)))
    )
    return {row.id: full_text(row.kind, row.body) for row in session.execute(query)}


def _question(item: str, row: str) -> Question:
    return RUBRIC.asked(f"[item of a benchmark]\n{cut(item)}\n\n[row]\n{cut(row)}")


def settle(
    session: Session, dataset: Dataset, job: Job, asked: Asked, grade: Grade, by: Principal
) -> bool:
    """Record what the judge said of a pair; whether it said that they are the same."""
    order = order_of(job)
    same = int(grade.score) == SAME
    body = VerdictIn(
        verdict=Judgement(order.same) if same else Judgement.ALLOW,
        reason=grade.reason[:1000],
        pairs=[Pair(item=asked.item, sample=asked.sample)],
    )
    verdicts.decide(session, dataset, body, by=by, model=job.params["model"])
    return same


def finish(session: Session, job: Job) -> None:
    """Note what it cost, and how many rows another pair of theirs had moved before."""
    counted = sum(job.result[name] for name in result())
    moved = max((job.total or 0) - counted, 0)
    job.result = {**job.result, "moved_before": moved, **llm.spent(session, job.id)}


def result(same: int = 0, different: int = 0, unsaid: int = 0) -> dict[str, int]:
    """What became of the candidates; of those unsaid the judge's reply can't be read."""
    return {"same": same, "different": different, "unsaid": unsaid}
