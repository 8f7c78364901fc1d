"""Generating in the browser: generators and their prompts, a trial, runs with their accounts."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.accounts.policies import Principal
from app.curation.catalog import GENERATORS
from app.curation.generators.lab import Lab
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import NotFoundError
from app.generation import (
    account,
    batches,
    diversity,
    finishing,
    guards,
    leaf_account,
    prompts,
    service,
    teachers,
    trying,
)
from app.generation.guards import CapIn
from app.generation.leaf_account import Standing
from app.generation.models import GenerationRun
from app.generation.prompts import PromptWords
from app.generation.service import Order
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.llm import service as llm
from app.samples.bulk import Action
from app.samples.texts import beginnings
from app.validation import build
from app.web.forms import FormFields, fields_of, params_from_form
from app.web.render import render

router = APIRouter(include_in_schema=False)
_RUNS = 12


@router.get("/datasets/{name}/generate", name="generation:page")
def generate_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    generator: Annotated[str, Query(max_length=100)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """One generator opened with its form and prompts; runs, guards."""
    dataset = datasets.get(session, name)
    providers = [one.name for one in llm.everything(session)]
    usable = (one for one in GENERATORS.values() if providers or not one.asks)
    opened = GENERATORS.get(generator) or next(usable)
    runs = service.everything(session, dataset.id, _RUNS + 1, before)
    runs, more = runs[:_RUNS], len(runs) > _RUNS
    running = jobs.open_jobs(session, dataset.id, JobKind.GENERATE)
    return render(
        request,
        "generation/page.html",
        page="generate",
        before=before,
        more=more,
        dataset=dataset,
        methods=list(GENERATORS.values()),
        method=opened,
        fields=fields_of(opened),
        prompts=list(prompts.in_use(session, opened.key).values()),
        providers=providers,
        judged=teachers.has_judges(opened),
        last_provider=next((one.provider for one in runs if one.provider), ""),
        runs=[(one, account.of_run(session, one), batches.of_run(session, one)) for one in runs],
        guard=guards.of_dataset(session, dataset),
        rounds=diversity.rounds(session, dataset.id),
        measures=diversity.MEASURES,
        deep=guards.DEEP,
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.get("/datasets/{name}/generate/runs/{number}", name="generation:run")
def run_page(
    request: Request,
    name: str,
    number: str,
    session: SessionDep,
    _user: CurrentUser,
    outcome: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """A run: its account, yield per gate, coverage, batch, and drafts of one outcome."""
    dataset, run = _found(session, name, number)
    job = jobs.get(session, run.job_id) if run.job_id else None
    settling = batches.settling(session, run)
    shown = [*settling, *([job] if job else [])]
    drafts = account.examples(session, run, outcome)
    return render(
        request,
        "generation/run.html",
        page="generate",
        dataset=dataset,
        run=run,
        title=GENERATORS[run.generator].title if run.generator in GENERATORS else run.generator,
        account=account.of_run(session, run),
        coverage=account.coverage(session, run),
        leaves=_leaves(session, run),
        batch=batches.of_run(session, run),
        tag=batches.tag_of(run),
        judging=finishing.judged_by_itself(run) if run.provider else [],
        drafts=drafts,
        texts=beginnings(session, [one.sample_id for one in drafts if one.sample_id]),
        outcome=outcome,
        again=_again(run, job) if run.pilot and job else {},
        job=job,
        settled=None if settling else batches.settled(session, run),
        jobs=shown,
        progress=jobs.progress(session, shown),
    )


def _found(session: Session, name: str, number: str) -> tuple[Dataset, GenerationRun]:
    dataset = datasets.get(session, name)
    run = service.get(session, number)
    if run.dataset_id != dataset.id:
        raise NotFoundError(f"{name} has no run {number}.")
    return dataset, run


@router.post("/datasets/{name}/generate", name="generation:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Start a run or its pilot; prompts that were changed in the form are saved and used."""
    dataset = datasets.get(session, name)
    order = _order(form)
    _save_changed(session, form, order.generator, user)
    job = service.start(session, dataset, order, by=user)
    run = service.get(session, job.params["run"])
    return RedirectResponse(f"/datasets/{dataset.name}/generate/runs/{run.number}", 303)


@router.post("/datasets/{name}/generate/try", name="generation:try")
def try_generator(
    request: Request, name: str, session: SessionDep, user: CurrentLead, form: FormFields
) -> HTMLResponse:
    """What three requests bring, with the form and the prompts as they stand."""
    dataset = datasets.get(session, name)
    order = _order(form)
    edited = _edited(form, order.generator)
    found = trying.on_three(session, dataset, order, edited, by=user)
    return render(request, "generation/_tried.html", tried=found, dataset=dataset)


@router.post("/datasets/{name}/generate/prompts", name="generation:prompts")
def save_prompts(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Store the prompts that were changed in the form, each as its next version."""
    dataset = datasets.get(session, name)
    key = form.get("generator", "")
    _save_changed(session, form, key, user)
    return RedirectResponse(f"/datasets/{dataset.name}/generate?generator={key}", 303)


@router.post("/datasets/{name}/generate/runs/{number}/draw", name="generation:draw")
def draw(
    name: str,
    number: str,
    session: SessionDep,
    user: CurrentLead,
    count: Annotated[int, Form(ge=1, le=100_000)],
) -> Response:
    """Draw more samples to be looked at."""
    dataset, run = _found(session, name, number)
    batches.draw_more(session, run, count, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/generate/runs/{run.number}", 303)


@router.post("/datasets/{name}/generate/runs/{number}/settle", name="generation:settle")
def settle(
    name: str,
    number: str,
    session: SessionDep,
    user: CurrentLead,
    action: Annotated[Action, Form()],
) -> Response:
    """Approve or reject what nobody decided on."""
    dataset, run = _found(session, name, number)
    batches.settle(session, dataset, run, action, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/generate/runs/{run.number}", 303)


@router.post("/datasets/{name}/generate/runs/{number}/settle/undo", name="generation:unsettle")
def unsettle(name: str, number: str, session: SessionDep, user: CurrentLead) -> Response:
    """Take the newest decision on the rest back."""
    dataset, run = _found(session, name, number)
    batches.unsettle(session, run, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/generate/runs/{run.number}", 303)


@router.post("/datasets/{name}/generate/caps", name="generation:caps")
def set_caps(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Set the caps of synthetic shares, in percent."""
    dataset = datasets.get(session, name)
    given = {
        "warn_at": _percent(form.get("warn", "")),
        "block_at": _percent(form.get("block", "")),
        "override_reason": form.get("reason", ""),
    }
    guards.set_cap(session, dataset, build(CapIn, given, "caps"), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/generate#guard", 303)


def _leaves(session: SessionDep, run: GenerationRun) -> list[tuple[Standing, str]]:
    """The leaves of a run over a taxonomy, those that are short first, each with why it is."""
    if run.generator != Lab.key:
        return []
    found = sorted(leaf_account.of_run(session, run), key=lambda one: (not one.lacking, one.path))
    return [(one, leaf_account.why(one)) for one in found]


def _percent(text: str) -> float | str:
    try:
        return float(text) / 100
    except ValueError:
        return text


def _again(run: GenerationRun, job: Job) -> dict[str, Any]:
    """The fields of a form that starts the run of which a pilot was the pilot."""
    fields = {f"{run.generator}.{name}": value for name, value in run.params.items()}
    fields = {
        name: "true" if value is True else value
        for name, value in fields.items()
        if value is not None and value is not False
    }
    told = {
        "generator": run.generator,
        "provider": run.provider,
        "judge": run.judge,
        "where": run.where,
        "language": run.language,
        "sample": job.params.get("sample"),
        "temperature": job.params.get("temperature"),
        "max_tokens": job.params.get("max_tokens"),
        "review_percent": round(100 * run.review_share, 6),
        "reject_percent": round(100 * run.reject_limit, 6),
    }
    return fields | {name: value for name, value in told.items() if value not in (None, "")}


def _order(form: FormFields) -> Order:
    key = form.get("generator", "")
    method = GENERATORS.get(key)
    given: dict[str, Any] = {
        "generator": key,
        "params": params_from_form(method, form, key) if method else {},
        "provider": form.get("provider", "") if method and method.asks else "",
        "judge": form.get("judge", "") if method and teachers.has_judges(method) else "",
        "where": form.get("where", ""),
        "pilot": "pilot" in form,
    }
    plain = ("budget", "sample", "language", "temperature", "max_tokens")
    given |= {one: form[one] for one in plain if form.get(one)}
    for name, field in (("review_percent", "review_share"), ("reject_percent", "reject_limit")):
        if form.get(name):
            given[field] = _percent(form[name])
    return build(Order, given, "generate")


def _edited(form: FormFields, generator: str) -> dict[str, PromptWords]:
    known = prompts.built_in(generator) if generator in GENERATORS else {}
    found = {}
    for name in known:
        if form.get(f"{name}.user"):
            given = {part: _lines(form.get(f"{name}.{part}", "")) for part in ("system", "user")}
            found[name] = build(PromptWords, given, f"prompts.{name}")
    return found


def _save_changed(session: Session, form: FormFields, key: str, user: Principal) -> None:
    known = prompts.in_use(session, key) if key in GENERATORS else {}
    for prompt, given in _edited(form, key).items():
        if (known[prompt].system, known[prompt].user) != (given.system, given.user):
            prompts.save(session, key, prompt, given, by=user)


def _lines(text: str) -> str:
    """Browsers send line ends in two characters; a prompt that nobody changed has one."""
    return text.replace("\r\n", "\n")
