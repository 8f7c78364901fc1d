"""Closing a run: what people must review is drawn, and what came of it is noted with the job."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.generators.base import Asking
from app.curation.generators.lab import Lab
from app.generation import account, batches, diversity, leaf_account, leaves, prompts, service
from app.generation.models import GenerationDraft, GenerationRun
from app.jobs.models import Job
from app.judging.service import estimate
from app.llm import service as llm


def finish(session: Session, job: Job) -> None:
    """Runs once, in the transaction that closes the job."""
    run = service.get(session, job.params["run"])
    batches.draw(session, run)
    found = account.of_run(session, run)
    outcomes: dict[str, int] = {}
    for line in found.lines:
        outcomes[line.outcome] = outcomes.get(line.outcome, 0) + line.count
    job.result = {
        "run": run.number,
        "requests": found.requests,
        "drafts": found.drafts,
        "accepted": found.accepted,
        "outcomes": outcomes,
    }
    if not run.provider:
        return
    if run.generator == Lab.key and not run.pilot:
        job.result = {**job.result, "leaves": leaf_account.told(session, run)}
    if (variety := diversity.of_run(session, run)) is not None:
        job.result = {**job.result, "variety": variety}
    job.result = {**job.result, **llm.spent(session, job.id)}
    judging = judged_by_itself(run)
    if judging:
        job.result = {**job.result, "judged_by_same_model": judging}
    if run.pilot:
        job.result = {**job.result, "estimate": _estimate(session, job, run)}


def judged_by_itself(run: GenerationRun) -> list[str]:
    """The prompts by which the model decided on what it made itself; gates that ask it are soft.

    The same model behind another provider is the same model.
    """
    if run.judge and run.judge_model != run.model:
        return []
    built_in = prompts.built_in(run.generator)
    off = {"faithful"} if run.params.get("judge") is False else set()
    return [one.title for name, one in built_in.items() if one.judges and name not in off]


def _estimate(session: Session, job: Job, run: GenerationRun) -> dict[str, Any]:
    """What the whole run would take, from the requests of the pilot."""
    query = (
        select(
            func.sum(GenerationDraft.tokens_in),
            func.sum(GenerationDraft.tokens_out),
            func.sum(GenerationDraft.money),
        )
        .where(GenerationDraft.run_id == run.id)
        .group_by(GenerationDraft.number)
    )
    answered = [row for row in session.execute(query).all() if row[1]]
    spent = llm.spent(session, job.id)
    calls = max(spent["calls"], 1)
    asked = (calls + spent["reused"]) / max(len(answered), 1)  # questions per request
    tokens = [(int(row[0]), int(row[1]), asked * spent["seconds"] / calls) for row in answered]
    paid = [row[2] for row in answered] if run.judge else []
    generator = service.generator_of(run)
    rows = job.params["seeds"]
    if isinstance(generator, Lab):
        rows = leaves.requests_left(session, run, generator)
    elif isinstance(generator, Asking):
        rows = generator.count(rows)
    return estimate(llm.get(session, run.provider), tokens, rows, paid)
