"""Verbs on preference pairs: building them, and what those of a dataset are like."""

from typing import Any

import click

from app.cli_kit import (
    finish,
    json_option,
    literal,
    pairs,
    print_json,
    print_table,
    wait_option,
    where_option,
)
from app.client import Client, Json, from_environment, part


@click.command()
@click.argument("dataset")
@click.option(
    "--by", metavar="WAY", help="scores:SIGNAL, verified:VERIFIER, ladder, edits or errors."
)
@click.option("--into", default="", metavar="DATASET", help="Where the pairs go; else the same.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PARAM=VALUE",
    help="pick, most, margin, floor, min_ratio, max_ratio or seed.",
)
@click.option("--preview", is_flag=True, help="Count what would be built; nothing is written.")
@click.option("--undo", is_flag=True, help="Take the newest run into DATASET back.")
@where_option
@wait_option
@json_option
def prefer(
    dataset: str,
    by: str | None,
    into: str,
    settings: tuple[str, ...],
    preview: bool,
    undo: bool,
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Build pairs of a better and a worse answer to the same question; gates keep out others."""
    client, path = from_environment(), f"/datasets/{part(dataset)}/preferences"
    if undo:
        finish(client, client.post(f"{path}/undo"), wait=wait, as_json=as_json)
        return
    if by is None:
        raise click.UsageError("Pairs by what? Name a way with --by.")
    rules = {name: literal(value) for name, value in pairs(settings, "--set").items()}
    order = {"by": by, "into": into, "where": where, "rules": rules}
    if preview:
        _print_trial(client.post(f"{path}/preview", order), as_json=as_json)
        return
    _built(client, client.post(path, order), wait=wait, as_json=as_json)


def _built(client: Client, job: Json, *, wait: bool, as_json: bool) -> None:
    job = finish(client, job, wait=wait, as_json=as_json)
    if wait and not as_json:
        found = job["result"]
        click.echo(f"\n{found['pairs']:,} pairs of {found['groups']:,} groups of answers.")
        rows = [{"gate": gate, "count": count} for gate, count in found["refused"].items()]
        print_table(rows, ("gate", "count"))


def _print_trial(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    all_ = f" of {found['groups']:,}" if found["tried"] < found["groups"] else ""
    click.echo(
        f"{found['pairs']:,} pairs would be built of {found['tried']:,}{all_} groups, with a "
        f"margin of {found['margin']:g}; in {found['longer']:.0%} the chosen one is longer.\n"
    )
    print_table(found["refused"], ("gate", "count", "about"))


@click.command()
@click.argument("dataset")
@where_option
@json_option
def preferences(dataset: str, where: str, as_json: bool) -> None:
    """What the pairs of a dataset are like: margins, lengths, sources, what people prefer."""
    client = from_environment()
    found = client.get(f"/datasets/{part(dataset)}/preferences", where=where)
    if as_json:
        print_json(found)
        return
    lengths, people = found["lengths"], found["people"]
    drawn = f"; what follows is of {found['drawn']:,} drawn by chance"
    more = drawn if found["drawn"] < found["pairs"] else ""
    click.echo(f"{found['pairs']:,} pairs that are open or approved{more}.\n")
    print_table(found["ways"], ("by", "pairs", "margin", "longer"))
    click.echo("")
    rows = [
        {"what": what, **one}
        for what, name in (("source", "sources"), ("model", "models"))
        for one in found[name]
    ]
    print_table(rows, ("what", "chosen", "rejected", "pairs"))
    if found["pairs"]:
        click.echo(
            f"\nMedian characters: chosen {lengths['chosen']:,.0f}, rejected "
            f"{lengths['rejected']:,.0f}; the chosen one is longer in {lengths['longer']:.0%}"
            f"{', which a model may learn' if lengths['warns'] else ''}."
        )
    if people["decided"]:
        click.echo(
            f"People compared {people['decided']:,}: {people['agreed']:,} for the chosen answer, "
            f"{people['disagreed']:,} for the other one, {people['tied']:,} for neither."
        )
