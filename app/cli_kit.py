"""What the verbs share: `--json`, tables, progress lines, waiting for a job."""

import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from app.client import Client, Json, Refused

Command = TypeVar("Command", bound=Callable[..., Any])
_WIDEST = 60
_OPENINGS = ("instruction", "prompt", "signature")  # what a reader knows a sample by
_SHOWN_FAILURES = 5
_QUIET_S = 5.0  # between two lines of progress where there is no terminal

TIER = click.Choice(["static", "transformer"])  # of embeddings
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
wait_option = click.option("--wait", is_flag=True, help="Wait until the job has ended.")
where_option = click.option("--where", default="", metavar="EXPR", help="Only rows that match.")


def print_json(value: Any) -> None:
    """One JSON document on a line of its own."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_page(items: Sequence[Json], columns: Sequence[str], *, as_json: bool) -> None:
    """A list, as REST answers it or as a table."""
    if as_json:
        print_json({"items": items, "next": None, "total": len(items)})
    else:
        print_table(items, columns)


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows under their headings; long cells are cut."""
    lines = [[cell(row.get(name)) for name in columns] for row in rows]
    widths = [
        max([len(name), *(len(line[at]) for line in lines)]) for at, name in enumerate(columns)
    ]
    for line in [list(columns), *lines]:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def cell(value: Any) -> str:
    """A value in one line; characters that would steer the terminal are shown, not sent."""
    if value is None:
        return "-"
    if isinstance(value, float):
        text = f"{value:.4g}" if abs(value) < 1000 else f"{value:g}"
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    text = "".join(
        " " if one in "\n\t\r" else "\N{REPLACEMENT CHARACTER}" if _steers(one) else one
        for one in text
    )
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _steers(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs"}


class Progress:
    """One line on a terminal that changes in place; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._said = ""

    def say(self, line: str) -> None:
        """Show how far it is."""
        if self._terminal:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        elif line != self._said and time.monotonic() - self._last >= _QUIET_S:
            self._last, self._said = time.monotonic(), line
            click.echo(line, err=True)

    def end(self) -> None:
        """Free the line."""
        if self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True)

    def bytes(self, what: str) -> Callable[[int, int], None]:
        """Progress of a file on its way."""

        def moved(so_far: int, total: int) -> None:
            share = f" ({so_far / total:.0%})" if total else ""
            self.say(f"{what}: {so_far / 1e6:,.1f} of {total / 1e6:,.1f} MB{share}")

        return moved

    def job(self, job: Json) -> None:
        """Progress of a job: rows, rate, time left."""
        total = f" of {job['total']:,}" if job["total"] is not None else ""
        rate = f", {job['rate']:,.0f} a second" if job["rate"] else ""
        left = f", {job['seconds_left']:,.0f} s left" if job["seconds_left"] is not None else ""
        phase = f": {job['phase']}" if job["phase"] else ""
        self.say(f"{job['title']}: {job['status']}, {job['done']:,}{total} rows{rate}{left}{phase}")


def finish(client: Client, job: Json, *, wait: bool, as_json: bool) -> Json:
    """Follow a job when asked to, print it, and refuse one that did not succeed."""
    if wait:
        progress = Progress()
        try:
            job = client.wait(job, progress.job)
        finally:
            progress.end()
    if as_json:
        print_json(job)
    else:
        click.echo(job_line(job))
    if wait and job["failed"]:
        _say_what_failed(client, job)
    if wait and job["status"] != "succeeded":
        raise Refused(f"{job['title']}: {job['error'] or job['status']}")
    return job


def _say_what_failed(client: Client, job: Json) -> None:
    """The first records that failed, with their reasons; the rest over REST and on the page."""
    found = client.get(f"/jobs/{job['id']}/dead-letters", limit=_SHOWN_FAILURES)
    for one in found["items"]:
        line = f", line {one['line']:,}" if one["line"] else ""
        click.echo(f"  {one['place']}{line}: {one['reason']}", err=True)
    if job["failed"] > _SHOWN_FAILURES:
        click.echo(f"  and {job['failed'] - _SHOWN_FAILURES:,} more", err=True)
    took_nothing = not (job["result"].get("created", 1) or job["result"].get("existing", 1))
    if job["kind"] == "import" and took_nothing:
        raise Refused("Nothing was imported: every row was refused.")
    if job["failed"] >= job["done"] and job["status"] == "succeeded":
        raise Refused(f"{job['title']}: every row failed.")


def job_line(job: Json) -> str:
    """A job in a line: what became of it, or where to look."""
    if job["status"] == "queued":
        return f"{job['title']}: queued as job {job['id']}. `winnow jobs --watch` follows it."
    said = ", ".join(
        f"{name} {value:,}" for name, value in job["result"].items() if type(value) is int
    )
    rows = f"{job['done']:,} rows" + (f", {job['failed']:,} failed" if job["failed"] else "")
    return f"{job['title']}: {job['status']}, {said or rows}"


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Values given as `name=value`."""
    found = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator or not name:
            raise click.UsageError(f"{option} takes name=value, not `{one}`.")
        found[name] = value
    return found


def literal(text: str) -> Any:
    """A parameter as JSON where it is JSON, else as the text it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def text_of(body: Any) -> str:
    """The first words of a body, whatever its kind."""
    match body:
        case str():
            return body.strip()
        case dict():
            first = [body[name] for name in _OPENINGS if name in body]
            return next(filter(None, map(text_of, [*first, *body.values()])), "")
        case [{"content": content}, *_]:
            return text_of(content)
        case list():
            return next(filter(None, map(text_of, body)), "")
        case _:
            return ""
