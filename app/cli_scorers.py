"""Verbs on language models that read every row, and on what all that takes."""

from pathlib import Path

import click

from app.cli_kit import finish, json_option, print_page, wait_option, where_option
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
