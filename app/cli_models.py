"""Verbs on models: providers, judges, embeddings."""

import os
from pathlib import Path
from typing import Any

import click

from app.cli_kit import (
    TIER,
    Progress,
    finish,
    json_option,
    print_json,
    print_page,
    print_table,
    text_of,
    wait_option,
    where_option,
)
from app.client import Refused, from_environment, part

_COLUMNS = ("name", "kind", "url", "model", "has_key", "price_in", "price_out", "concurrency")


@click.group()
def provider() -> None:
    """Endpoints of language models, and models that workers load."""


@provider.command("add")
@click.argument("name")
@click.option("--url", default="", help="Base URL of the endpoint, such as https://host/v1")
@click.option("--local", is_flag=True, help="Workers load the model themselves.")
@click.option("--model", required=True, help="Its name there; local: a folder, a name on the hub.")
@click.option("--key-env", metavar="VAR", help="Environment variable that holds the key.")
@click.option("--price-in", default="0", help="Money per million tokens sent.")
@click.option("--price-out", default="0", help="Money per million tokens answered.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=16, show_default=True)
@click.option("--requests-per-minute", type=click.IntRange(min=0), default=0)
@click.option("--tokens-per-minute", type=click.IntRange(min=0), default=0)
@click.option("--timeout", "timeout_s", type=float, default=120.0, show_default=True)
@click.option("--kwh", type=float, default=0.0, help="Energy per million tokens, if known.")
@json_option
def provider_add(name: str, key_env: str | None, local: bool, as_json: bool, **given: Any) -> None:
    """Add a provider, or change the one with this name."""
    if local == bool(given["url"]):
        raise click.UsageError("Give either --url of an endpoint or --local.")
    if key_env is not None and key_env not in os.environ:
        raise click.UsageError(f"The environment variable {key_env} is not set.")
    key = os.environ[key_env] if key_env is not None else ""
    kind = "local" if local else "endpoint"
    if local and Path(given["model"]).is_dir():  # the server stands in another folder
        given["model"] = str(Path(given["model"]).resolve())
    made = from_environment().post("/providers", {"name": name, "kind": kind, "key": key, **given})
    place = "in workers of the queue gpu" if local else f"at {made['url']}"
    print_json(made) if as_json else click.echo(f"{name} asks {made['model']} {place}.")


@provider.command("list")
@json_option
def provider_list(as_json: bool) -> None:
    """The providers there are."""
    print_page(from_environment().get("/providers")["items"], _COLUMNS, as_json=as_json)


@provider.command("test")
@click.argument("name")
@json_option
def provider_test(name: str, as_json: bool) -> None:
    """Ask the model for one word; says what is wrong if it does not answer."""
    found = from_environment().post(f"/providers/{part(name)}/test")
    if as_json:
        print_json(found)
    if not found["ok"]:
        raise Refused(found["message"])
    if not as_json:
        click.echo(found["message"])


@provider.command("remove")
@click.argument("name")
def provider_remove(name: str) -> None:
    """Take a provider away and forget its key."""
    from_environment().delete(f"/providers/{part(name)}")
    click.echo(f"{name} is gone; its replies and costs stay.")


@click.command()
@json_option
def rubrics(as_json: bool) -> None:
    """Rubrics that judges can grade by."""
    items = from_environment().get("/rubrics")["items"]
    print_page(items, ("name", "title", "version", "profile"), as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("rubric")
@click.option("--provider", "provider_name", required=True, metavar="NAME")
@where_option
@click.option("--sample", type=click.IntRange(1, 100_000), help="Only so many, in proportion.")
@click.option("--budget", metavar="MONEY", help="The job pauses before it costs more.")
@click.option("--pilot", is_flag=True, help="Grade 20, and say what all would cost.")
@wait_option
@json_option
def judge(
    dataset: str,
    rubric: str,
    provider_name: str,
    where: str,
    sample: int | None,
    budget: str | None,
    pilot: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Grade samples by a rubric."""
    client = from_environment()
    order = {"rubric": rubric, "provider": provider_name, "where": where, "sample": sample}
    body = {**order, "budget": budget, "pilot": pilot}
    job = client.post(f"/datasets/{part(dataset)}/judge", body)
    job = finish(client, job, wait=wait or pilot, as_json=as_json)
    estimate = job["result"].get("estimate", {})
    if not as_json and estimate.get("money"):
        low, middle, high = (float(one) for one in estimate["money"])
        shortest, _, longest = estimate["seconds"]
        click.echo(
            f"All {estimate['rows']:,} rows would cost {middle:g} ({low:g} to {high:g}) and take "
            f"{shortest:,.0f} to {longest:,.0f} s; estimated from {estimate['pilot_rows']}."
        )


@click.command()
@json_option
def usage(as_json: bool) -> None:
    """What models were asked and what it cost, job by job, the newest first."""
    columns = ("purpose", "calls", "reused", "tokens_in", "tokens_out", "money", "seconds")
    print_page(from_environment().get("/usage")["items"], columns, as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("signal")
@click.option("--against", default="decisions", show_default=True, metavar="SIGNAL|decisions")
@click.option("--cut", type=float, help="The threshold in use; the best one if not given.")
@click.option("--passing", type=float, help="The rating from which a row counts as good.")
@json_option
def calibrate(
    dataset: str,
    signal: str,
    against: str,
    cut: float | None,
    passing: float | None,
    as_json: bool,
) -> None:
    """Compare a signal with people, and record whether it may be trusted."""
    body = {"signal": signal, "against": against, "cut": cut, "passing": passing}
    found = from_environment().post(f"/datasets/{part(dataset)}/calibrations", body)
    if as_json:
        print_json(found)
        return
    result = found["calibration"]
    click.echo(f"{result['count']:,} samples have both; people approved {result['approved']:.0%}.")
    names = ("kappa", "spearman", "auroc", "length_bias")
    rows = [{"measure": name, **result[name]} for name in names]
    print_table(rows, ("measure", "value", "low", "high"))
    best = result["suggested"]
    click.echo(
        f"Leniency {result['leniency']:+.2f}. The best threshold is {best['at']:g}: "
        f"precision {best['precision']:.0%}, recall {best['recall']:.0%}."
    )
    click.echo("Calibrated." if found["trusted"] else "Not calibrated: it can't be trusted alone.")


@click.command()
@click.argument("dataset")
@click.option("--tier", type=TIER, default="static", show_default=True)
@wait_option
@json_option
def embed(dataset: str, tier: str, wait: bool, as_json: bool) -> None:
    """Embed the samples that have no vector yet, for search by meaning and for learning."""
    client = from_environment()
    job = client.post(f"/datasets/{part(dataset)}/embeddings", {"tier": tier})
    finish(client, job, wait=wait, as_json=as_json)


@click.command()
@click.argument("dataset")
@click.option("--like", default="", metavar="TEXT", help="Samples that mean the like.")
@click.option("--like-sample", type=click.IntRange(min=1), metavar="ID", help="Or like a sample.")
@where_option
@click.option("--tier", type=TIER, default="static", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True)
@json_option
def search(
    dataset: str,
    like: str,
    like_sample: int | None,
    where: str,
    tier: str,
    limit: int,
    as_json: bool,
) -> None:
    """The samples nearest in meaning; samples without a vector are embedded first."""
    if bool(like.strip()) == (like_sample is not None):
        raise click.UsageError("Give either --like TEXT or --like-sample ID.")
    client, base = from_environment(), f"/datasets/{part(dataset)}"
    covered = client.get(f"{base}/embeddings")["items"]
    if any(one["tier"] == tier and one["embedded"] < one["total"] for one in covered):
        client.wait(client.post(f"{base}/embeddings", {"tier": tier}), Progress().job)
    given = {"like": like, "where": where, "tier": tier, "limit": limit}
    if like_sample is not None:
        given["like_sample"] = like_sample
    items = client.get(f"{base}/search", **given)["items"]
    for one in [] if as_json else items:
        one["text"] = text_of(one["body"])
    print_page(items, ("similarity", "id", "status", "domain", "text"), as_json=as_json)
