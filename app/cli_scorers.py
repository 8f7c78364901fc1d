"""Verbs on what reads or verifies every row, and on what all that takes."""

from pathlib import Path
from typing import Any

import click

from app.cli_kit import (
    finish,
    json_option,
    literal,
    pairs,
    print_json,
    print_page,
    print_table,
    wait_option,
    where_option,
)
from app.client import from_environment, part


@click.command()
@click.argument("dataset")
@click.option("--on", default="", metavar="DATASET", help="Count n-grams in this one instead.")
@click.option("--on-where", default="", metavar="EXPR", help="Only in its samples that match.")
@click.option("--size", type=click.IntRange(1, 5), default=3, show_default=True)
@click.option("--model", default="", metavar="FOLDER|NAME", help="A transformer, not n-grams.")
@where_option
@wait_option
@json_option
def perplexity(
    dataset: str,
    on: str,
    on_where: str,
    size: int,
    model: str,
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure how surprising rows are, and whether answers fit their instructions."""
    client = from_environment()
    model = str(Path(model).resolve()) if model and Path(model).is_dir() else model
    order = {"on": on, "on_where": on_where, "size": size, "model": model, "where": where}
    job = client.post(f"/datasets/{part(dataset)}/perplexity", order)
    job = finish(client, job, wait=wait, as_json=as_json)
    if wait and not as_json and "band" in job["result"]:
        found = job["result"]
        above = found.get("above_1")
        click.echo(f"\nThe middle 80 % of {found['rows']:,} rows: {found['band']}")
        if above is not None:
            click.echo(f"{above:.1%} of {found['answers']:,} answers do not fit (ifd above 1).")


@click.command()
@click.argument("dataset")
@click.argument("new_signal")
@click.option("--model", required=True, metavar="FOLDER|NAME", help="A classifier of texts.")
@click.option("--label", default="", help="Whose probability counts; none: its one output.")
@click.option("--part", "text", type=click.Choice(["full", "prompt", "response"]), default="full")
@where_option
@wait_option
@json_option
def classify(
    dataset: str,
    new_signal: str,
    model: str,
    label: str,
    text: str,
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Write a signal by a classifier that was trained elsewhere, such as one of toxicity."""
    client = from_environment()
    model = str(Path(model).resolve()) if Path(model).is_dir() else model
    order = {"signal": new_signal, "model": model, "label": label, "part": text, "where": where}
    job = client.post(f"/datasets/{part(dataset)}/classify", order)
    finish(client, job, wait=wait, as_json=as_json)


@click.command()
@json_option
def energy(as_json: bool) -> None:
    """What jobs took: seconds, tokens, and an estimate in kWh, by kind."""
    items = from_environment().get("/energy")["items"]
    print_page(items, ("kind", "cpu_s", "gpu_s", "tokens", "kwh"), as_json=as_json)


@click.command()
@json_option
def verifiers(as_json: bool) -> None:
    """What can say of rows whether they are right."""
    items = from_environment().get("/verifiers")["items"]
    print_page(items, ("key", "title", "needs", "help"), as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("verifier")
@click.option("--set", "settings", multiple=True, metavar="VERIFIER.PARAM=VALUE")
@click.option("--provider", default="", metavar="NAME", help="Model to ask, where it asks one.")
@click.option("--budget", type=float, help="Pause before it costs more.")
@click.option("--again", is_flag=True, help="Verify what has a verdict, too.")
@where_option
@wait_option
@json_option
def verify(
    dataset: str,
    verifier: str,
    settings: tuple[str, ...],
    provider: str,
    budget: float | None,
    again: bool,
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Say of rows whether they are right, with the reason in their notes."""
    params: dict[str, Any] = {}
    for name, value in pairs(settings, "--set").items():
        key, _, param = name.partition(".")
        if key != verifier or not param:
            raise click.UsageError(f"--set takes {verifier}.PARAM=VALUE, not `{name}`.")
        params[param] = literal(value)
    order = {"verifier": verifier, "params": params, "where": where, "again": again}
    order |= {"provider": provider, "budget": budget}
    client = from_environment()
    job = client.post(f"/datasets/{part(dataset)}/verify", order)
    job = finish(client, job, wait=wait, as_json=as_json)
    if wait and not as_json and (count := job["result"]["uncheckable"]):
        rows = "1 row" if count == 1 else f"{count:,} rows"
        click.echo(f"{rows} could not be checked; the reason stands with each, as its note.")


@click.command()
@click.argument("dataset")
@click.option("--gate", metavar="SHARE|none", help="Refuse releases of which less is verified.")
@where_option
@json_option
def verified(dataset: str, gate: str | None, where: str, as_json: bool) -> None:
    """How much of a dataset is verified; `--gate 0.9` refuses releases below that."""
    client, path = from_environment(), f"/datasets/{part(dataset)}/verification"
    if gate is not None:
        client.put(path, {"at_least": None if gate == "none" else literal(gate)})
    found = client.get(path, where=where)
    if as_json:
        print_json(found)
        return
    print_table(found["rates"], ("name", "rows", "verified", "refuted", "unchecked", "share"))
    asked = found["at_least"]
    click.echo(f"Gate of releases: {'none' if asked is None else f'{asked:.0%} verified'}")
