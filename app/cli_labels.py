"""Verbs on labels: campaigns, ratings from elsewhere."""

import json
from pathlib import Path
from typing import Any

import click

from app.cli_kit import (
    Progress,
    json_option,
    pairs,
    print_json,
    print_page,
    print_table,
    wait_option,
    where_option,
)
from app.client import Client, Json, Refused, from_environment, part


@click.group()
def campaign() -> None:
    """Label campaigns: a small labelled set that stands for all samples."""


@campaign.command("create")
@click.argument("dataset")
@click.argument("name")
@click.option("--size", type=click.IntRange(1, 100_000), default=500, show_default=True)
@where_option
@click.option("--clusters", type=click.IntRange(0, 1000), default=20, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--judge", "rubric", metavar="RUBRIC", help="A judge grades them by this rubric.")
@click.option("--provider", metavar="NAME", help="The judge's model.")
@click.option("--budget", metavar="MONEY", help="Judging pauses before it costs more.")
@click.option("--people", is_flag=True, help="People decide on them in Review.")
@click.option("--column", metavar="SIGNAL", help="They have a rating: this column.")
@wait_option
@json_option
def create(
    dataset: str,
    name: str,
    rubric: str | None,
    people: bool,
    column: str | None,
    wait: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Draw samples in proportion to source, domain and meaning, and have them labelled."""
    if sum((rubric is not None, people, column is not None)) != 1:
        raise click.UsageError("Give one of --judge RUBRIC, --people and --column SIGNAL.")
    labeller = "judge" if rubric else "people" if people else "column"
    chosen = {"labeller": labeller, "rubric": rubric or "", "column": column or ""}
    client, base = from_environment(), f"/datasets/{part(dataset)}/campaigns"
    body = {"name": name, **given, **chosen, "provider": given["provider"] or ""}
    made = client.post(base, body)
    if wait:
        made = _finished(client, f"{base}/{part(name)}", made)
    _show(made, as_json=as_json)


def _finished(client: Client, address: str, made: Json) -> Json:
    """Follow the draw, then the judge if there is one."""
    for job_id in ("job_id", "judge_job_id"):
        if made[job_id] is None:
            continue
        job = client.wait({"id": made[job_id]}, Progress().job)
        problem = job["error"] or job["result"].get("problem")
        if job["status"] != "succeeded" or problem:
            raise Refused(f"{job['title']}: {problem or job['status']}")
        made = client.get(address)
    return made


@campaign.command("list")
@click.argument("dataset")
@json_option
def list_campaigns(dataset: str, as_json: bool) -> None:
    """The campaigns of a dataset."""
    items = from_environment().get(f"/datasets/{part(dataset)}/campaigns")["items"]
    print_page(items, ("name", "labeller", "size", "drawn", "labelled", "label"), as_json=as_json)


@campaign.command("show")
@click.argument("dataset")
@click.argument("name")
@json_option
def show(dataset: str, name: str, as_json: bool) -> None:
    """One campaign with its strata."""
    found = from_environment().get(f"/datasets/{part(dataset)}/campaigns/{part(name)}")
    _show(found, as_json=as_json)
    if not as_json:
        print_table(found["strata"], ("source", "domain", "cluster", "pool", "drawn"))


@campaign.command("delete")
@click.argument("dataset")
@click.argument("name")
def delete(dataset: str, name: str) -> None:
    """Forget a campaign and take its tag from the samples; labels stay."""
    from_environment().delete(f"/datasets/{part(dataset)}/campaigns/{part(name)}")
    click.echo(f"{name} is gone; what was labelled stays.")


@click.command()
@click.argument("dataset")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--on", type=click.Choice(["external_id", "id"]), default="external_id")
@click.option("--column", default="", help="The file's column with that id.")
@click.option("--columns", default="", help="Ratings to take, parted by commas; all if empty.")
@click.option("--value", "values", multiple=True, metavar="WORD=NUMBER", help="What words mean.")
@json_option
def rate(dataset: str, file: Path, values: tuple[str, ...], as_json: bool, **fields: str) -> None:
    """Put ratings from a file on samples that are here: a signal per column."""
    fields["values"] = json.dumps(pairs(values, "--value")) if values else ""
    path = f"/datasets/{part(dataset)}/ratings"
    found = from_environment().upload(path, [file], fields, Progress().bytes("Sending"))
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['rated']:,} samples rated: {', '.join(found['signals']) or 'no signal'}.")
    for one in found["rejected"][:5]:
        click.echo(f"  line {one['line']:,}: {one['reason']}", err=True)
    if found["rejected_count"] > 5:
        click.echo(f"  and {found['rejected_count'] - 5:,} more", err=True)


def _show(found: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if found["drawn"] is None:
        click.echo(f"{found['name']}: {found['size']:,} samples are being drawn.")
        return
    label = f" in `{found['label']}`" if found["label"] else ""
    failed = f", {found['failed']:,} failed" if found["failed"] else ""
    click.echo(
        f"{found['name']}: {found['drawn']:,} drawn, {found['labelled']:,} labelled{label}{failed}."
    )
