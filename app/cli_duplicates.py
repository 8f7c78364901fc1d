"""Verbs on duplicates: looking for them, deciding on them, splits that keep them together."""

import click

from app.cli_kit import (
    finish,
    json_option,
    literal,
    pairs,
    print_json,
    print_page,
    wait_option,
    where_option,
)
from app.client import Json, from_environment, part

_ACTIONS = click.Choice(["list", "apply", "dismiss", "keep", "undo"])
_COLUMNS = ("id", "size", "open", "least", "most", "keeper_id", "text")


@click.command()
@json_option
def matchers(as_json: bool) -> None:
    """What can look for duplicates."""
    items = from_environment().get("/matchers")["items"]
    print_page(items, ("key", "title", "version"), as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("matcher")
@click.option("--against", default="", metavar="DATASET[@RELEASE]", help="Its rows stay.")
@click.option(
    "--set", "settings", multiple=True, metavar="MATCHER.PARAM=VALUE", help="May be repeated."
)
@click.option(
    "--keep",
    multiple=True,
    metavar="POLICY",
    help="Which one stays: human, oldest, newest, longest, shortest, signal:NAME, lowest:NAME.",
)
@where_option
@wait_option
@json_option
def match(
    dataset: str,
    matcher: str,
    against: str,
    settings: tuple[str, ...],
    keep: tuple[str, ...],
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Look for duplicates in a dataset, by itself or against another one."""
    client = from_environment()
    params = {}
    for name, value in pairs(settings, "--set").items():
        owner, _, param = name.rpartition(".")
        if owner not in {"", matcher}:
            raise click.UsageError(f"--set {name} is not of {matcher}: write {matcher}.{param}.")
        params[param] = literal(value)
    body = {"matcher": matcher, "params": params, "against": against, "keep": list(keep)}
    job = client.post(f"/datasets/{part(dataset)}/matches", {**body, "where": where})
    finish(client, job, wait=wait, as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("action", type=_ACTIONS, default="list")
@click.option("--matcher", default="", help="What found them; the newest run if left out.")
@click.option("--against", default="", metavar="DATASET[@RELEASE]", help="What it looked against.")
@click.option("--min-similarity", type=click.FloatRange(0, 1), default=0.0, show_default=True)
@click.option("--source", default="", help="Only clusters with a sample of this source.")
@click.option("--cluster", "clusters", type=int, multiple=True, help="Only these clusters.")
@click.option("--sample", type=int, help="With keep: the sample that stays.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@wait_option
@json_option
def duplicates(
    dataset: str,
    action: str,
    matcher: str,
    against: str,
    min_similarity: float,
    source: str,
    clusters: tuple[int, ...],
    sample: int | None,
    limit: int,
    wait: bool,
    as_json: bool,
) -> None:
    """List clusters; apply (drop all but one of each), dismiss (they are none), keep, undo."""
    base = f"/datasets/{part(dataset)}"
    chosen = {
        "matcher": matcher,
        "against": against,
        "min_similarity": min_similarity,
        "source": source,
    }
    client = from_environment()
    if action == "list":
        items = client.get(f"{base}/clusters", **chosen, limit=limit)["items"]
        print_page(items, _COLUMNS, as_json=as_json)
    elif action == "keep":
        if len(clusters) != 1 or sample is None:
            raise click.UsageError("keep takes one --cluster and the --sample that stays.")
        found = client.post(f"/clusters/{clusters[0]}/keep", {"sample": sample})
        said = f"{sample} stays of {len(found['members']) + 1} samples."
        print_json(found) if as_json else click.echo(said)
    else:
        verb = "drop" if action == "apply" else action
        body = {} if action == "undo" else {**chosen, "clusters": list(clusters) or None}
        done = client.post(f"{base}/duplicates/{verb}", body)
        _say(done, action, wait=wait, as_json=as_json)


@click.command()
@click.argument("dataset")
@click.option("--dev", type=click.FloatRange(0, 0.5), default=0.1, show_default=True)
@click.option("--test", type=click.FloatRange(0, 0.5), default=0.0, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--by-source", is_flag=True, help="Rows of one source go together.")
@click.option("--signal", default="split", show_default=True, help="0 train, 1 dev, 2 test.")
@wait_option
@json_option
def split(
    dataset: str,
    dev: float,
    test: float,
    seed: int,
    by_source: bool,
    signal: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Split into train, dev and test: near-duplicates and lineages never cross."""
    client = from_environment()
    body = {"dev": dev, "test": test, "seed": seed, "by_source": by_source, "signal": signal}
    job = client.post(f"/datasets/{part(dataset)}/splits", body)
    finish(client, job, wait=wait, as_json=as_json)


def _say(done: Json, action: str, *, wait: bool, as_json: bool) -> None:
    if done["job"] is not None:
        finish(from_environment(), done["job"], wait=wait, as_json=as_json)
    elif as_json:
        print_json(done)
    else:
        said = {"apply": "dropped", "dismiss": "are no duplicates", "undo": "taken back"}[action]
        what = "pairs" if action == "dismiss" else "samples"
        click.echo(f"{done['changed']:,} {what} {said}.")
