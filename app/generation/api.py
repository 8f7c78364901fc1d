"""Generators over REST: which there are, runs and their accounts, batches, guards, prompts."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import GENERATORS
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import NotFoundError
from app.generation import account, batches, guards, prompts, service, trying
from app.generation.guards import CapIn
from app.generation.models import GenerationRun
from app.generation.prompts import PromptWords
from app.generation.schemas import (
    BatchOut,
    DraftOut,
    GateOut,
    GeneratorOut,
    GuardOut,
    LineOut,
    PromptOut,
    RunOut,
    ShareOut,
    TriedOut,
)
from app.generation.service import Order
from app.jobs.schemas import JobOut, accepted
from app.samples.bulk import Action
from app.web.methods import method_out
from app.web.pagination import Page

router = APIRouter(tags=["generators"])


class TrialOrder(Order):
    """An order to be tried, with prompts as they are to be tried."""

    prompts: dict[str, PromptWords] = Field({}, description="Prompts as they are to be tried")


class SettleIn(BaseModel):
    action: Action = Field(description="approve or reject")


class MoreIn(BaseModel):
    count: int = Field(ge=1, le=100_000)


@router.get("/generators", name="api:list_generators")
def list_generators(session: SessionDep, _user: CurrentUser) -> Page[GeneratorOut]:
    """What makes samples, with the prompts in use."""
    items = []
    for key, method in GENERATORS.items():
        used = prompts.in_use(session, key).values()
        items.append(
            GeneratorOut(
                **method_out(method).model_dump(),
                asks=method.asks,
                needs=method.needs,
                seeds=sorted(method.kinds),
                makes=sorted(method().makes()),
                prompts=[PromptOut.model_validate(one) for one in used],
            )
        )
    return Page(items=items, total=len(items))


@router.put("/generators/{generator}/prompts/{prompt}", name="api:save_prompt")
def save_prompt(
    generator: str, prompt: str, body: PromptWords, session: SessionDep, user: CurrentUser
) -> PromptOut:
    """Store the next version of a prompt; runs from now on use it."""
    return PromptOut.model_validate(prompts.save(session, generator, prompt, body, by=user))


@router.post("/datasets/{name}/generate", status_code=202, name="api:generate")
def generate(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Make samples from the seeds that match, or over a grid, in a job."""
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.post("/datasets/{name}/generate/try", name="api:try_generator")
def try_generator(
    name: str, body: TrialOrder, session: SessionDep, user: CurrentUser
) -> Page[TriedOut]:
    """What three requests bring; nothing is stored but the replies."""
    dataset = datasets.get(session, name)
    found = trying.on_three(session, dataset, body, body.prompts, by=user)
    items = [
        TriedOut(
            outcome=one.made.outcome,
            gate=one.made.failed_gate,
            reason=one.made.reason,
            body=dict(one.made.draft.body) if one.made.draft else None,
            raw=one.raw,
        )
        for one in found
    ]
    return Page(items=items, total=len(items))


@router.get("/datasets/{name}/runs", name="api:list_runs")
def list_runs(name: str, session: SessionDep, _user: CurrentUser) -> Page[RunOut]:
    """The newest runs, each with its account."""
    dataset = datasets.get(session, name)
    items = [_run(session, one) for one in service.everything(session, dataset.id)]
    return Page(items=items, total=len(items))


@router.get("/datasets/{name}/runs/{number}", name="api:get_run")
def get_run(name: str, number: str, session: SessionDep, _user: CurrentUser) -> RunOut:
    """A run, while it goes on too."""
    return _run(session, _found(session, name, number)[1])


@router.get("/datasets/{name}/runs/{number}/drafts", name="api:list_drafts")
def list_drafts(
    name: str,
    number: str,
    session: SessionDep,
    _user: CurrentUser,
    outcome: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Page[DraftOut]:
    """The newest drafts of a run, of one outcome if asked."""
    _, run = _found(session, name, number)
    found = account.examples(session, run, outcome, limit)
    return Page(items=[DraftOut.model_validate(one) for one in found], total=None)


@router.post("/datasets/{name}/runs/{number}/draw", name="api:draw_more")
def draw_more(
    name: str, number: str, body: MoreIn, session: SessionDep, user: CurrentUser
) -> BatchOut:
    """Draw more samples of a run for people to look at."""
    _, run = _found(session, name, number)
    batches.draw_more(session, run, body.count, by=user)
    return BatchOut.model_validate(batches.of_run(session, run))


@router.post("/datasets/{name}/runs/{number}/settle", status_code=202, name="api:settle_run")
def settle(
    name: str,
    number: str,
    body: SettleIn,
    session: SessionDep,
    user: CurrentUser,
    response: Response,
) -> JobOut:
    """Approve or reject the rest of a batch, in a job that can be taken back."""
    dataset, run = _found(session, name, number)
    return accepted(session, batches.settle(session, dataset, run, body.action, by=user), response)


@router.post("/datasets/{name}/runs/{number}/settle/undo", status_code=202, name="api:unsettle_run")
def unsettle(
    name: str, number: str, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Take back the newest approval or rejection of the rest of a batch."""
    _, run = _found(session, name, number)
    return accepted(session, batches.unsettle(session, run, by=user), response)


@router.get("/datasets/{name}/synthetic", name="api:get_synthetic")
def get_synthetic(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000)] = "",
) -> GuardOut:
    """How much of a dataset is synthetic, by domain and depth."""
    return _guard(session, datasets.get(session, name), where)


@router.put("/datasets/{name}/synthetic", name="api:set_synthetic")
def set_synthetic(name: str, body: CapIn, session: SessionDep, user: CurrentUser) -> GuardOut:
    """Set from which share on is warned and blocked; a reason overrides the block."""
    dataset = datasets.get(session, name)
    guards.set_cap(session, dataset, body, by=user)
    return _guard(session, dataset, "")


def _found(session: Session, name: str, number: str) -> tuple[Dataset, GenerationRun]:
    dataset = datasets.get(session, name)
    run = service.get(session, number)
    if run.dataset_id != dataset.id:
        raise NotFoundError(f"{name} has no run {number}.")
    return dataset, run


def _run(session: Session, run: GenerationRun) -> RunOut:
    found = account.of_run(session, run)
    return RunOut(
        id=run.id,
        number=run.number,
        job=run.job_id,
        generator=run.generator,
        version=run.version,
        params=run.params,
        prompts=run.prompts,
        provider=run.provider,
        model=run.model,
        judge=run.judge,
        judge_model=run.judge_model,
        where=run.where,
        pilot=run.pilot,
        created_at=run.created_at,
        requests=found.requests,
        drafts=found.drafts,
        accepted=found.accepted,
        tokens_in=found.tokens_in,
        tokens_out=found.tokens_out,
        money=str(found.money),
        reused=found.reused,
        outcomes=[LineOut.model_validate(one) for one in found.lines],
        gates=[GateOut.model_validate(one) for one in found.gates],
        batch=BatchOut.model_validate(batches.of_run(session, run)),
    )


def _guard(session: Session, dataset: Dataset, where: str) -> GuardOut:
    found = guards.of_dataset(session, dataset, where)
    return GuardOut(
        standing=found.standing,
        guarded=found.guarded,
        cap=found.cap,
        shares=[ShareOut.model_validate(one) for one in found.shares],
        depths=dict(found.depths),
    )
