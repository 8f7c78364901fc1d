"""Verbs on work and people: review, jobs, releases, users and keys."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from app.cli_kit import (
    Progress,
    finish,
    json_option,
    print_json,
    print_page,
    print_table,
    wait_option,
    where_option,
)
from app.client import OPEN_STATUSES, Client, Json, Refused, from_environment, part

_ROLE = click.Choice(["annotator", "lead", "admin"])
_OPEN = ("pending", "in_review")
_VERDICTS = {"approve": "approved", "reject": "rejected", "skip": "skipped", "flag": "flagged"}
_SIDES = ("a", "b", "tie")  # of a pair of answers
_JOB_COLUMNS = ("id", "title", "status", "done", "total", "failed", "rate", "created_at")


@click.group()
def user() -> None:
    """People who can sign in."""


@user.command("add")
@click.argument("email")
@click.option("--role", type=_ROLE, required=True)
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@json_option
def user_add(email: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Add a person."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    body = {"email": email, "role": role, "password": password}
    made = from_environment().post("/users", body)
    print_json(made) if as_json else click.echo(f"{made['email']} is there, as {made['role']}.")


@click.group()
def key() -> None:
    """API keys."""


@key.command("create")
@click.option("--user", "owner", required=True, metavar="EMAIL")
@click.option("--role", type=_ROLE, required=True)
@click.option("--expires", type=click.IntRange(min=1), metavar="DAYS")
@click.option("--name", default="", help="What it is for.")
@click.option("--read-only", is_flag=True)
@json_option
def key_create(
    owner: str, role: str, expires: int | None, name: str, read_only: bool, as_json: bool
) -> None:
    """Make a key and print it, this once."""
    body = {"user": owner, "role": role, "name": name, "read_only": read_only}
    made = from_environment().post("/keys", {**body, "expires_days": expires})
    if as_json:
        print_json(made)
    else:
        click.echo(made["key"])


@click.group()
def review() -> None:
    """The review queue."""


@review.command("next")
@click.argument("dataset")
@json_option
def review_next(dataset: str, as_json: bool) -> None:
    """The next sample; nobody else is given it meanwhile."""
    found = from_environment().get("/review/next", dataset=dataset)
    if as_json:
        print_json(found)
    elif found["sample"] is None:
        click.echo("Nothing is left to review.")
    else:
        sample = found["sample"]
        body = sample["body"]
        if sample["kind"] == "preference":  # in an order of one's own, as on the page
            body = from_environment().get(f"/samples/{sample['id']}/sides")
            del body["revision"]
        rows = [{"field": name, "value": value} for name, value in body.items()]
        click.echo(f"Sample {sample['id']}, {found['remaining']:,} waiting\n")
        print_table(rows, ("field", "value"))


@review.command("queue")
@click.argument("dataset")
@click.option("--where", metavar="EXPR", help="Only rows that match.")
@click.option(
    "--order",
    "order_by",
    metavar="ORDER",
    help="FIELD, -FIELD, uncertain:SIGNAL, disagreement, disagreement:A,B or novel.",
)
@click.option("--random", "random_share", type=click.FloatRange(0, 1), help="Share by chance.")
@click.option("--blind/--open", default=None, help="Hide scores and source from reviewers.")
@json_option
def review_queue(dataset: str, as_json: bool, **given: Any) -> None:
    """Show which samples come to reviewers in which order; options change it, the rest stays."""
    client, path = from_environment(), f"/datasets/{part(dataset)}/review-queue"
    found = client.get(path)
    changes = {name: value for name, value in given.items() if value is not None}
    if changes:
        found = client.put(path, {**found, **changes})
    if as_json:
        print_json(found)
        return
    share = f"{found['random_share']:.0%} of them by chance"
    blind = ", scores hidden" if found["blind"] else ""
    which = found["where"] or "everything open"
    click.echo(f"Review shows {which}, {found['order_by'] or 'oldest first'}, {share}{blind}.")


@click.command()
@click.argument("sample", type=int)
@click.argument("verdict", type=click.Choice([*_VERDICTS, *_SIDES]))
@click.option("--note", default="", metavar="TEXT")
@click.option("--children", is_flag=True, help="All open samples made from it, not itself.")
@json_option
def decide(sample: int, verdict: str, note: str, children: bool, as_json: bool) -> None:
    """Decide on a sample as it is now, or on all that was made from it.

    Of a pair of answers, as `review next` shows them: a, b or tie says which is better.
    """
    client = from_environment()
    if children:
        made = client.get(f"/samples/{sample}/lineage")["children"]
        job = client.post(f"/samples/{sample}/children", {"action": verdict})
        if not as_json:
            mine = [one for one in made if one["status"] in _OPEN and not one["elsewhere"]]
            print_table(mine, ("id", "relation", "text"))
        print_json(job) if as_json else click.echo(f"Job {job['id']}: {job['title']}.")
        return
    revision = client.get(f"/samples/{sample}", fields="revision")["revision"]
    if verdict in _SIDES:
        said = {"preferred": verdict, "revision": revision, "note": note}
        made = client.post(f"/samples/{sample}/preferences", said)
        verdict = made["verdict"]
    else:
        body = {"verdict": verdict, "revision": revision, "note": note}
        made = client.post(f"/samples/{sample}/decisions", body)
    print_json(made) if as_json else click.echo(f"Sample {sample} is {_VERDICTS[verdict]}.")


@click.command()
@click.option("--watch", is_flag=True, help="Show them until none is open.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
def jobs(watch: bool, limit: int, as_json: bool) -> None:
    """Jobs, newest first."""
    client = from_environment()
    items = client.get("/jobs", limit=limit)["items"]
    progress = Progress()
    while watch and any(job["status"] in OPEN_STATUSES for job in items):
        running = [job for job in items if job["status"] in OPEN_STATUSES]
        progress.job(running[-1])  # the oldest open one
        time.sleep(1)
        items = client.get("/jobs", limit=limit)["items"]
    progress.end()
    print_page(items, _JOB_COLUMNS, as_json=as_json)


@click.group()
def job() -> None:
    """Stop a job, or run it again."""


@job.command("cancel")
@click.argument("job_id", type=click.UUID)
@json_option
def job_cancel(job_id: object, as_json: bool) -> None:
    """Ask a job to stop; what it has written stays."""
    _change_job("cancel", job_id, as_json=as_json)


@job.command("retry")
@click.argument("job_id", type=click.UUID)
@click.option("--budget", metavar="MONEY", help="More money for a job that paused.")
@json_option
def job_retry(job_id: object, budget: str | None, as_json: bool) -> None:
    """Run again what failed or was cancelled; let a paused job go on."""
    body = {"budget": budget} if budget is not None else None
    _change_job("retry", job_id, as_json=as_json, body=body)


def _change_job(verb: str, job_id: object, *, as_json: bool, body: Json | None = None) -> None:
    changed = from_environment().post(f"/jobs/{job_id}/{verb}", body)
    said = f"{changed['title']}: {changed['status']}"
    if verb == "cancel" and changed["status"] in OPEN_STATUSES:
        said += ", asked to stop"
    print_json(changed) if as_json else click.echo(said)


class _MakeByDefault(click.Group):
    """`release DATASET NAME` makes one; `release diff A B` compares two."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the first word as a verb only where it is one."""
        if not args or args[0] not in {*self.commands, "--help"}:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_MakeByDefault)
def release() -> None:
    """`release DATASET NAME` freezes approved rows; `release diff A B` compares two releases."""


@release.command("make")
@click.argument("dataset")
@click.argument("name")
@where_option
@click.option(
    "--format", "formats", multiple=True, help="May be repeated; else those that fit the rows."
)
@wait_option
@json_option
def release_make(
    dataset: str, name: str, where: str, formats: tuple[str, ...], wait: bool, as_json: bool
) -> None:
    """Freeze the approved rows that match and build the files."""
    client = from_environment()
    body = {"name": name, "where": where, "formats": list(formats) or None}
    made = client.post(f"/datasets/{part(dataset)}/releases", body)
    finish(client, made, wait=wait, as_json=as_json)


@release.command("diff")
@click.argument("release")
@click.argument("against")
@json_option
def release_diff(release: str, against: str, as_json: bool) -> None:
    """What came, went and changed in RELEASE since AGAINST."""
    found = from_environment().get(f"/releases/{part(release)}/diff", against=against)
    if as_json:
        print_json(found)
        return
    names = ("added", "removed", "changed")
    rows = [{"what": one, "rows": found[f"{one}_count"], "ids": found[one]} for one in names]
    print_table(rows, ("what", "rows", "ids"))


@click.command()
@click.argument("release")
@click.option("--format", "format_", default="", help="Else jsonl, or the first that it has.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
@json_option
def export(release: str, format_: str, output: Path, as_json: bool) -> None:
    """Download a release's file and check its SHA-256; a broken download is resumed."""
    client = from_environment()
    file = _file_of(client, release, format_)
    if not output.parent.is_dir():
        raise Refused(f"There is no folder {output.parent}.")
    progress = Progress()
    try:
        path = f"/releases/{part(release)}/files/{part(file['name'])}"
        client.download(path, output, file["sha256"], progress.bytes(output.name))
    finally:
        progress.end()
    said = f"{output}: {file['rows']:,} rows, SHA-256 {file['sha256']} as in the manifest."
    print_json({**file, "path": str(output)}) if as_json else click.echo(said)


def _file_of(client: Client, release: str, format_: str) -> Json:
    """The file of a format; there is one for each."""
    found = client.get(f"/releases/{part(release)}")
    if found["status"] != "ready":
        raise Refused(f"The release {found['name']} is not ready: it is {found['status']}.")
    formats = ", ".join(found["formats"])
    format_ = format_ or ("jsonl" if "jsonl" in found["formats"] else found["formats"][0])
    for file in found["files"]:
        if file["name"].partition(".")[0] == format_:
            return dict(file)
    raise Refused(f"The release {found['name']} has no {format_}; it has {formats}.")
