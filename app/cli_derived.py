"""Verbs that make scores of labels and of other scores: learn, combine, select."""

from typing import Any

import click

from app.cli_kit import (
    TIER,
    finish,
    json_option,
    literal,
    pairs,
    print_table,
    wait_option,
    where_option,
)
from app.client import from_environment, part


@click.command()
@click.argument("dataset")
@click.argument("new_signal")
@click.argument("signals", nargs=-1, required=True, metavar="SIGNAL...")
@click.option("--by", type=click.Choice(["max", "mean"]), default="max", show_default=True)
@wait_option
@json_option
def combine(
    dataset: str, new_signal: str, signals: tuple[str, ...], by: str, wait: bool, as_json: bool
) -> None:
    """Several scores as one: the highest or the mean of their percentile buckets."""
    client = from_environment()
    body = {"signal": new_signal, "signals": list(signals), "by": by}
    job = client.post(f"/datasets/{part(dataset)}/ensembles", body)
    finish(client, job, wait=wait, as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("new_signal")
@click.option("--by", "score", required=True, metavar="SIGNAL", help="The score that decides.")
@click.option("--count", type=click.IntRange(min=1), required=True, help="How many rows.")
@click.option("--selector", default="top", show_default=True, help="top, temperature or quota.")
@click.option("--set", "settings", multiple=True, metavar="PARAM=VALUE", help="Of the selector.")
@click.option("--group", default="domain", show_default=True, help="What quotas are per.")
@where_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@wait_option
@json_option
def select(
    dataset: str, settings: tuple[str, ...], wait: bool, as_json: bool, **given: Any
) -> None:
    """Choose so many rows by a score: the new signal is 1 for them, 0 for the others."""
    client = from_environment()
    params = {name: literal(value) for name, value in pairs(settings, "--set").items()}
    body = {"signal": given.pop("new_signal"), **given, "params": params}
    job = client.post(f"/datasets/{part(dataset)}/selections", body)
    finish(client, job, wait=wait, as_json=as_json)


_LEARNERS = click.Choice(["forest", "ridge", "logistic", "boosting", "contrastive"])
_METRICS = ("auroc", "pr_auc", "f1", "spearman", "mean_error", "best_of_4")


@click.command()
@click.argument("dataset")
@click.argument("new_signal")
@click.option(
    "--labels", required=True, metavar="SIGNAL|decisions|ladder", help="Where labels stand."
)
@click.option("--cut", type=float, help="Labels from it on count as good; without: as numbers.")
@where_option
@click.option("--learner", type=_LEARNERS, default="forest", show_default=True)
@click.option("--tier", type=TIER, default="static", show_default=True)
@wait_option
@json_option
def learn(
    dataset: str,
    new_signal: str,
    labels: str,
    cut: float | None,
    where: str,
    learner: str,
    tier: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Learn a signal from the rows that have a label, and score every row by it."""
    client = from_environment()
    how = {"labels": labels, "cut": cut, "where": where, "learner": learner, "tier": tier}
    job = client.post(f"/datasets/{part(dataset)}/learn", {"signal": new_signal, **how})
    job = finish(client, job, wait=wait, as_json=as_json)
    if wait and not as_json:
        _print_learned(job["result"])


def _print_learned(result: dict[str, Any]) -> None:
    click.echo(f"\n{result['signal']}, learned from {result['labels']:,} labels; out of fold:")
    rows = [
        dict(zip(("metric", "value", "from", "to"), (name, *result[name]), strict=True))
        for name in _METRICS
        if name in result
    ]
    rows += [
        dict(zip(("metric", "value", "from", "to"), (f"{name} alone", *one), strict=True))
        for name, one in result.get("beside", {}).items()
    ]
    print_table(rows, ("metric", "value", "from", "to"))
    if result["drift_alarm"]:
        click.echo(
            f"The rows differ from those that were labelled (PSI {result['drift']:g} is above "
            "0.2): label some that are drawn by chance."
        )
