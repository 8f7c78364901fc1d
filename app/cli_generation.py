"""Verbs on generators: which there are, making samples, runs and how much is synthetic."""

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
@json_option
def generators(as_json: bool) -> None:
    """What makes samples, with a model or without."""
    items = from_environment().get("/generators")["items"]
    print_page(items, ("key", "title", "asks", "seeds", "makes", "help"), as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("generator")
@click.option("--provider", default="", metavar="NAME", help="Model to ask, where it asks one.")
@click.option("--judge", default="", metavar="NAME", help="Model that the gates ask.")
@click.option("--set", "settings", multiple=True, metavar="GENERATOR.PARAM=VALUE")
@click.option("--budget", type=float, help="Pause before it costs more.")
@click.option("--pilot", is_flag=True, help="Make 20 to see yield and cost; nothing is added.")
@click.option("--sample", type=click.IntRange(1), help="So many seeds at most.")
@click.option("--language", default="", metavar="CODE", help="Drafts in another one fail.")
@click.option("--review", type=click.FloatRange(0, 1), default=0.2, show_default=True)
@click.option("--reject-limit", type=click.FloatRange(0, 1), default=0.1, show_default=True)
@where_option
@wait_option
@json_option
def generate(
    dataset: str,
    generator: str,
    provider: str,
    judge: str,
    settings: tuple[str, ...],
    budget: float | None,
    pilot: bool,
    sample: int | None,
    language: str,
    review: float,
    reject_limit: float,
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Make samples from rows that match, or over a grid; they wait for review."""
    params: dict[str, Any] = {}
    for name, value in pairs(settings, "--set").items():
        key, _, param = name.partition(".")
        if key != generator or not param:
            raise click.UsageError(f"--set takes {generator}.PARAM=VALUE, not `{name}`.")
        params[param] = literal(value)
    order: dict[str, Any] = {
        "generator": generator,
        "params": params,
        "where": where,
        "provider": provider,
        "judge": judge,
    }
    order |= {"budget": budget, "pilot": pilot, "sample": sample, "language": language}
    order |= {"review_share": review, "reject_limit": reject_limit}
    client = from_environment()
    job = client.post(f"/datasets/{part(dataset)}/generate", order)
    job = finish(client, job, wait=wait, as_json=as_json)
    if wait and not as_json and "run" in job["result"]:
        click.echo("")
        _print_run(client.get(f"/datasets/{part(dataset)}/runs/{job['result']['run']}"))


@click.command()
@click.argument("dataset")
@click.argument("number", required=False)
@click.option(
    "--settle",
    type=click.Choice(["approve", "reject", "undo"]),
    help="What becomes of those of run NUMBER that nobody decided on.",
)
@wait_option
@json_option
def runs(dataset: str, number: str | None, settle: str | None, wait: bool, as_json: bool) -> None:
    """The runs of generators, or one of them with what came of every request."""
    client, path = from_environment(), f"/datasets/{part(dataset)}/runs"
    if settle is not None:
        if number is None:
            raise click.UsageError("Settle which run? Name its number.")
        place, undo = f"{path}/{part(number)}/settle", settle == "undo"
        job = client.post(f"{place}/undo" if undo else place, {} if undo else {"action": settle})
        finish(client, job, wait=wait, as_json=as_json)
        return
    if number is None:
        shown = ("number", "generator", "pilot", "requests", "drafts", "accepted", "money")
        print_page(client.get(path)["items"], shown, as_json=as_json)
        return
    found = client.get(f"{path}/{part(number)}")
    if as_json:
        print_json(found)
    else:
        _print_run(found)


def _print_run(found: dict[str, Any]) -> None:
    print_table(found["outcomes"], ("outcome", "gate", "count"))
    batch = found["batch"]
    click.echo(
        f"\nRun {found['number']}: {found['accepted']:,} of {found['drafts']:,} drafts accepted; "
        f"batch {batch['standing']}, {batch['decided']} of {batch['drawn']} looked at."
    )


@click.command()
@click.argument("dataset")
@click.option("--warn", type=click.FloatRange(0, 1), help="Warn above this share.")
@click.option("--block", type=click.FloatRange(0, 1), help="Block releases above this share.")
@click.option("--because", metavar="REASON", help="Let releases pass; empty takes that back.")
@where_option
@json_option
def synthetic(
    dataset: str,
    warn: float | None,
    block: float | None,
    because: str | None,
    where: str,
    as_json: bool,
) -> None:
    """How much of a dataset is synthetic, and from which share on releases are blocked."""
    client, path = from_environment(), f"/datasets/{part(dataset)}/synthetic"
    asked = {"warn_at": warn, "block_at": block, "override_reason": because}
    given = {name: value for name, value in asked.items() if value is not None}
    if given:
        client.put(path, {**client.get(path)["cap"], **given})
    found = client.get(path, where=where)
    if as_json:
        print_json(found)
        return
    print_table(found["shares"], ("domain", "rows", "words", "synthetic", "share", "standing"))
    cap = found["cap"]
    reason = f"; passes because {cap['override_reason']}" if cap["override_reason"] else ""
    click.echo(f"Warned above {cap['warn_at']:.0%}, blocked above {cap['block_at']:.0%}{reason}")
