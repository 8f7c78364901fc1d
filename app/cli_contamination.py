"""Verbs on benchmarks in training data: looking for them, what was found, verdicts."""

from typing import Any

import click

from app.cli_kit import finish, json_option, literal, pairs, print_json, print_table, wait_option
from app.client import Json, from_environment, part

_COUNTS = ("dataset", "items", "leaked", "matches", "candidates", "open", "removed", "allowed")
_PAIRS = ("item_id", "sample_id", "benchmark", "layers", "likely", "status", "verdict")


@click.command()
@click.argument("dataset")
@click.option("--against", multiple=True, required=True, metavar="DATASET", help="A benchmark.")
@click.option("--layers", default="", metavar="LAYER,..", help="Such as exact,ngram13,ast.")
@click.option("--set", "given", multiple=True, metavar="LAYER.PARAM=VALUE")
@wait_option
@json_option
def decontaminate(
    dataset: str,
    against: tuple[str, ...],
    layers: str,
    given: tuple[str, ...],
    wait: bool,
    as_json: bool,
) -> None:
    """Look for the items of benchmarks in every row of a dataset."""
    client = from_environment()
    named = [name.strip() for one in against for name in one.split(",") if name.strip()]
    keys = [one.strip() for one in layers.split(",") if one.strip()]
    params: dict[str, dict[str, Any]] = {}
    for name, value in pairs(given, "--set").items():
        layer, _, field = name.partition(".")
        params.setdefault(layer, {})[field] = literal(value)
    order = {"against": named, "layers": keys, "params": params}
    job = client.post(f"/datasets/{part(dataset)}/decontaminations", order)
    finish(client, job, wait=wait, as_json=as_json)
    if wait and not as_json:
        _summary(client.get(f"/datasets/{part(dataset)}/contamination/certificate"))


@click.command()
@click.argument("dataset")
@click.option("--benchmark", default="", metavar="DATASET", help="Only of this benchmark.")
@click.option("--layer", default="", help="Only found by this layer.")
@click.option("--finding", default="", type=click.Choice(["", "match", "candidate", "near"]))
@click.option("--state", default="", type=click.Choice(["", "open", "settled", "judged"]))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--verdict",
    type=click.Choice(["remove", "quarantine", "allow", "undo"]),
    help="Decide on all pairs of the filter, or on --pair.",
)
@click.option("--reason", default="", help="Why; needed to allow.")
@click.option("--pair", multiple=True, metavar="ITEM:SAMPLE", help="Only this pair.")
@click.option("--certificate", is_flag=True, help="Print the certificate as JSON.")
@json_option
def contamination(
    dataset: str,
    verdict: str | None,
    reason: str,
    pair: tuple[str, ...],
    limit: int,
    certificate: bool,
    as_json: bool,
    **wanted: str,
) -> None:
    """What was found of benchmarks in a dataset; deciding on it."""
    client, path = from_environment(), f"/datasets/{part(dataset)}/contamination"
    if certificate:
        print_json(client.get(f"{path}/certificate"))
        return
    if verdict is not None:
        chosen = [_pair(one) for one in pair]
        scope = {"pairs": chosen} if chosen else {"all_of": wanted}
        if verdict == "undo":
            done = client.post(f"{path}/verdicts/undo", scope)
        else:
            body = {"verdict": verdict, "reason": reason, **scope}
            done = client.post(f"{path}/verdicts", body)
        print_json(done) if as_json else click.echo(f"{verdict}: {done['pairs']:,} pairs.")
        return
    found = client.get(path, limit=limit, **wanted)
    if as_json:
        print_json(found)
        return
    _summary(client.get(f"{path}/certificate"))
    click.echo()
    print_table(found["items"], _PAIRS)


@click.command()
@click.argument("dataset")
@click.option("--provider", required=True, metavar="NAME", help="The model that is asked.")
@click.option("--benchmark", default="", metavar="DATASET", help="Only of this benchmark.")
@click.option("--layer", default="", help="Only found by this layer.")
@click.option("--same", default="quarantine", type=click.Choice(["quarantine", "remove"]))
@click.option("--budget", metavar="MONEY", help="The job pauses before it costs more.")
@wait_option
@json_option
def confirm(dataset: str, wait: bool, as_json: bool, **order: Any) -> None:
    """Put candidates to a judge: does a row ask what an item asks, in other words?"""
    client = from_environment()
    job = client.post(f"/datasets/{part(dataset)}/contamination/confirm", order)
    finish(client, job, wait=wait, as_json=as_json)


def _pair(given: str) -> dict[str, int]:
    item, _, sample = given.partition(":")
    if not (item.isdigit() and sample.isdigit()):
        raise click.UsageError(f"--pair takes ITEM:SAMPLE, not `{given}`.")
    return {"item": int(item), "sample": int(sample)}


def _summary(certificate: Json) -> None:
    for said in certificate["stale"]:
        click.echo(said)
    if not certificate["runs"]:
        click.echo("No benchmark was looked for yet.")
        return
    ran = {one["key"] for run in certificate["runs"] for one in run["layers"]}
    click.echo(f"Layers that ran: {', '.join(sorted(ran))}.\n")
    print_table(certificate["benchmarks"], _COUNTS)
