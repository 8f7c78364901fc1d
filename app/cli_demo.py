"""Loading the demo dataset over REST, once: `winnow up --demo`."""

from collections.abc import Callable
from contextlib import closing

import click

from app import demo
from app.cli_catalog import rule_set
from app.client import Client, Json, Refused

_NAME = "demo"
LANDING = f"/datasets/{_NAME}/review"
_SOURCE = {
    "source": "winnow-demo",
    "origin": "synthetic",
    "license": "CC0-1.0",
    "licensor": "The Winnow authors",
    "scores": "judge_score,edu_score",
}
_SIGNALS = (
    "lengths",
    "language",
    "gopher_quality",
    "gopher_repetition",
    "refusal",
    "placeholder",
    "truncated",
    "pii_patterns",
    "corruption",
    "readability",
    "code",
)
_KEEP = "judge_score>=2.5 response_words>=3 placeholder:0 truncated:0"
_QUEUE = {"where": "", "order_by": "judge_score", "random_share": 0.1, "blind": False}


class _StoppedError(Exception):
    """The server was stopped while the demo was loading; the next start goes on."""


def load(url: str, key: str, stopped: Callable[[], bool]) -> None:
    """Make the dataset, import, measure, prepare rules and review; nothing when it is there.

    The rule set comes last, so it tells that all before it was done.
    """
    with closing(Client(url, key)) as client:
        _load(client, stopped)


def _load(client: Client, stopped: Callable[[], bool]) -> None:
    names = {one["name"] for one in client.get("/datasets")["items"]}
    if _NAME in names and rule_set(client, _NAME, "keep") is not None:
        return
    click.echo("Loading the demo dataset.", err=True)
    if _NAME not in names:
        guidelines = demo.GUIDELINES.read_text(encoding="utf-8")
        client.post("/datasets", {"name": _NAME, "purpose": "any", "guidelines": guidelines})

    def say(_job: Json) -> None:
        if stopped():
            raise _StoppedError

    try:
        path = f"/datasets/{_NAME}"
        _done(client.wait(client.upload(f"{path}/imports", demo.FILES, _SOURCE, _quiet), say))
        signals = [{"key": key} for key in _SIGNALS]
        _done(client.wait(client.post(f"{path}/scores", {"signals": signals}), say))
    except _StoppedError:
        return
    client.put(f"{path}/review-queue", _QUEUE)
    client.post(f"{path}/rules", {"name": "keep", "where": _KEEP})


def _quiet(_sent: int, _total: int) -> None:
    """Three small files on one machine need no progress."""


def _done(job: Json) -> None:
    if job["status"] != "succeeded":
        raise Refused(f"The demo dataset can't be loaded: {job['error'] or job['status']}")
