"""What a role may not do, its pages do not offer: every form and link of them is followed."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import get_args

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.routing import Match

from app.accounts.current import CurrentLead
from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset
from app.generation import service as generation
from app.generation.models import GenerationRun
from app.generation.service import Order
from app.main import _PAGES
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.web import docs
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job

PLACES = (
    *("", "/samples", "/scores", "/filters", "/review", "/releases", "/jobs", "/personal-data"),
    *("/topics", "/map", "/duplicates", "/contamination", "/judges", "/select", "/campaigns"),
    *("/similar", "/learn", "/calibration", "/verify", "/generate", "/preferences", "/perplexity"),
    *("/taxonomy", "/nav"),
)
_ACTION = re.compile(r'hx-post="([^"]+)"')
_FORM = re.compile(r"<form\b[^>]*>")
_LINK = re.compile(r'<a\b[^>]*href="(/[^"#]*)')


@pytest.fixture
def mixed(session: Session, lead: Principal, bells: list[str]) -> Dataset:
    """Samples of every status, drafts with parents, a pair."""
    made = make_dataset(session, lead)
    text = "The keeper of a lighthouse climbed 112 steps every evening."
    seeds = [instruction(f"Story {n}?", text, origin=Origin.HUMAN) for n in range(6)]
    pair = Record(Kind.PREFERENCE, {"prompt": "Why?", "chosen": "It is.", "rejected": "No."})
    for sample, status in zip(fill(session, made, lead, [*seeds, pair]), Status, strict=False):
        samples.set_status(session, sample, status, by=lead, action="test")
    session.commit()
    order = Order.model_validate({"generator": "errors", "params": {"rate": 0.3}})
    run_job(session, generation.start(session, made, order, by=lead).id)
    return made


def pages(session: Session, dataset: Dataset) -> Iterator[str]:
    ids = session.scalars(select(Sample.id).order_by(Sample.id)).all()
    runs = session.scalars(select(GenerationRun.number))
    yield from ("/", "/settings")
    yield from (f"/datasets/{dataset.name}{place}" for place in PLACES)
    yield from (f"/samples/{one}" for one in ids[::3])
    yield from (f"/datasets/{dataset.name}/generate/runs/{number}" for number in runs)


def offered(page: str) -> set[tuple[str, str]]:
    """Method and path of what can be sent, and of what can be opened."""
    posts = [one for one in _FORM.findall(page) if 'method="post"' in one]
    actions = [found[1] for one in posts if (found := re.search(r'action="([^"]+)"', one))]
    sent = {("POST", one.partition("?")[0]) for one in (*actions, *_ACTION.findall(page))}
    return sent | {("GET", one.partition("?")[0]) for one in _LINK.findall(page)}


def takes_lead(method: str, path: str) -> bool:
    """Whether the route asks for the role lead."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    for route in _ROUTES:
        if route.matches(scope)[0] is Match.FULL:
            return any(one.call is _LEAD for one in route.dependant.dependencies)
    raise AssertionError(f"{method} {path} leads nowhere")


_LEAD = get_args(CurrentLead)[1].dependency
_ROUTES = [
    one for module in (*_PAGES, docs) for one in module.router.routes if isinstance(one, APIRoute)
]


def wrong(session: Session, browser: TestClient, dataset: Dataset) -> dict[str, set[str]]:
    """What pages offer that takes the role lead, or more than this person has, page by page."""
    found = {}

    @cache
    def refused(method: str, path: str) -> bool:
        closed = method == "GET" and browser.get(path).status_code == HTTPStatus.FORBIDDEN
        return closed or takes_lead(method, path)

    for page in pages(session, dataset):
        answer = browser.get(page)
        assert answer.status_code == 200, page
        if too_much := {" ".join(one) for one in offered(answer.text) if refused(*one)}:
            found[page] = too_much
    return found


def test_annotators_are_offered_nothing_that_takes_a_lead(
    session: Session, mixed: Dataset, lead: Principal, annotator: Principal
) -> None:
    assert wrong(session, browser_of(session, annotator), mixed) == {}
    # The same look finds what leads are offered.
    assert len(wrong(session, browser_of(session, lead), mixed)) > len(PLACES) // 2


def test_nobody_is_asked_to_make_what_they_may_not(
    session: Session, lead: Principal, annotator: Principal, bells: list[str]
) -> None:
    made = make_dataset(session, lead)
    (sample,) = fill(session, made, lead, [instruction("Why?")])
    samples.set_status(session, sample, Status.APPROVED, by=lead, action="test")
    session.commit()

    for who, may in ((lead, True), (annotator, False)):
        browser = browser_of(session, who)
        done = browser.get("/datasets/mix/review").text
        assert "Nothing left to review" in done
        assert ("Make a release" in done) is may
        home = browser.get("/datasets/mix").text
        assert "ready to release" in home
        assert (">Release</a>" in home) is may
        assert ("Import samples" in browser.get("/datasets/mix/jobs").text) is may
