"""Looking for duplicates: signatures by ranges of samples, then one chunk that compares them."""

import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.matchers.base import Matcher
from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.jobs.models import Job
from app.matching import finding, marking, service, signing
from app.matching.models import MatchRun
from app.providers.embedders import Tier
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 20_000


def _run(session: Session, job: Job) -> tuple[MatchRun, Matcher]:
    run = session.get_one(MatchRun, uuid.UUID(job.params["run"]))
    return run, service.matcher_of(run.matcher, run.params)


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per 20,000 samples that may lack a signature, and one that waits for all."""
    run, matcher = _run(session, job)
    marking.claim(session, run.dataset_id)
    sides = {one for one in (run.dataset_id, run.against_id) if one is not None}
    chunks = []
    job.total = 0
    for dataset_id in sorted(sides):
        missing = _missing(session, matcher, dataset_id)
        job.total += missing
        if missing:
            ranges = id_ranges(session, dataset_id, _ROWS)
            chunks += [{**one, "dataset_id": dataset_id} for one in ranges]
    return [*chunks, {"waits": True}]


def _missing(session: Session, matcher: Matcher, dataset_id: int) -> int:
    if matcher.embeds:
        model = embeddings.model_of(session, Tier(matcher.params()["tier"]))
        return embeddings.count_missing(session, dataset_id, model, Part.FULL)
    return signing.count_unsigned(session, dataset_id, signing.recipe_of(session, matcher))


def work(chunk: Chunk) -> None:
    """Sign a range, or compare everything."""
    session = chunk.session
    run, matcher = _run(session, chunk.job)
    if "waits" in chunk.params:
        chunk.restart()
        chunk.phase("compares signatures and forms clusters")
        # Comparing a million signatures is one statement here and minutes of work elsewhere.
        session.execute(text("SET LOCAL statement_timeout = 0"))
        recipe = 0 if matcher.embeds else signing.recipe_of(session, matcher)
        finding.find(session, run, matcher, recipe)
        marking.mark(session, run.dataset_id)
        return
    dataset_id, ids = chunk.params["dataset_id"], (chunk.params["low"], chunk.params["high"])
    if matcher.embeds:
        tier = Tier(matcher.params()["tier"])
        model = embeddings.model_of(session, tier)
        span = (dataset_id, *ids)
        for count in embeddings.embed_range(session, model, tier, Part.FULL, span):
            chunk.checkpoint(count)
        return
    recipe = signing.recipe_of(session, matcher)
    for count, _ in signing.sign_range(session, matcher, recipe, dataset_id, ids):
        chunk.checkpoint(count)


def finish(session: Session, job: Job) -> None:
    """Note what was found."""
    run, _ = _run(session, job)
    job.result = {**run.found, "matcher": run.matcher}


HANDLER = Handler(plan=plan, work=work, finish=finish)
