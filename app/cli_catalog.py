"""Verbs on datasets: create, import, score, look at samples, filter."""

import json
from pathlib import Path

import click

from app.cli_kit import (
    Progress,
    finish,
    json_option,
    literal,
    pairs,
    print_json,
    print_page,
    print_table,
    text_of,
    wait_option,
    where_option,
)
from app.client import Client, Json, Refused, from_environment, part

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group()
def dataset() -> None:
    """Make and list datasets."""


@dataset.command("create")
@click.argument("name")
@click.option("--guidelines", type=_FILE, help="Markdown file for reviewers.")
@click.option("--purpose", default="any", help="any, sft, preference, pretraining, ...")
@json_option
def dataset_create(name: str, guidelines: Path | None, purpose: str, as_json: bool) -> None:
    """Make an empty dataset."""
    text = guidelines.read_text(encoding="utf-8") if guidelines else ""
    body = {"name": name, "purpose": purpose, "guidelines": text}
    made = from_environment().post("/datasets", body)
    print_json(made) if as_json else click.echo(f"The dataset {name} is there.")


@dataset.command("list")
@json_option
def dataset_list(as_json: bool) -> None:
    """All datasets."""
    items = from_environment().get("/datasets")["items"]
    print_page(items, ("name", "purpose", "protected", "created_at"), as_json=as_json)


@click.command("import")
@click.argument("dataset")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--source", default="", help="Where the rows come from; made when missing.")
@click.option("--origin", type=click.Choice(["human", "web", "synthetic"]), default="synthetic")
@click.option("--license", "license_", default="", metavar="SPDX", help="Such as CC-BY-4.0.")
@click.option("--licensor", default="", help="Who grants the licence.")
@click.option("--url", default="", help="Where the source is found.")
@click.option("--map", "mapped", multiple=True, metavar="TARGET=COLUMN", help="May be repeated.")
@click.option(
    "--scores",
    default="likely",
    metavar="likely|all|none|NAMES",
    help="Numeric columns that become signals; names are parted by commas.",
)
@wait_option
@json_option
def import_(
    dataset: str,
    files: tuple[Path, ...],
    mapped: tuple[str, ...],
    wait: bool,
    as_json: bool,
    **about: str,
) -> None:
    """Import files; layouts are recognised, and importing again changes nothing."""
    client = from_environment()
    fields = {"license": about.pop("license_"), **about}
    if mapped:
        fields["map"] = json.dumps(pairs(mapped, "--map"))
    progress = Progress()
    try:
        path = f"/datasets/{part(dataset)}/imports"
        job = client.upload(path, files, fields, progress.bytes("Sending"))
    finally:
        progress.end()
    finish(client, job, wait=wait, as_json=as_json)


@click.command()
@json_option
def signals(as_json: bool) -> None:
    """What can be measured."""
    items = from_environment().get("/signals")["items"]
    for one in [] if as_json else items:
        one["measures"] = ", ".join(measure["name"] for measure in one["measures"])
    print_page(items, ("key", "title", "measures"), as_json=as_json)


@click.command()
@click.argument("dataset")
@click.option(
    "--rank",
    default="approved",
    show_default=True,
    metavar="SIGNAL|-SIGNAL|approved|EXPR",
    help="Mean of a signal, share of approvals, or share of rows that match.",
)
@click.option(
    "--by",
    type=click.Choice(["source", "domain", "language", "origin", "kind"]),
    default="source",
    show_default=True,
)
@json_option
def league(dataset: str, rank: str, by: str, as_json: bool) -> None:
    """Sources from the best to the worst by a measure."""
    items = from_environment().get(f"/datasets/{part(dataset)}/league", rank=rank, by=by)["items"]
    print_page(items, ("name", "value", "low", "high", "rows", "measured"), as_json=as_json)


@click.command()
@click.argument("dataset")
@click.argument("signals", nargs=-1, required=True, metavar="SIGNAL...")
@click.option("--set", "settings", multiple=True, metavar="SIGNAL.PARAM=VALUE")
@where_option
@wait_option
@json_option
def score(
    dataset: str,
    signals: tuple[str, ...],
    settings: tuple[str, ...],
    where: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure signals over a dataset."""
    params: dict[str, Json] = {key: {} for key in signals}
    for name, value in pairs(settings, "--set").items():
        key, _, param = name.partition(".")
        if key not in params or not param:
            raise click.UsageError(
                f"--set takes SIGNAL.PARAM=VALUE for a signal that is measured, not `{name}`."
            )
        params[key][param] = literal(value)
    client = from_environment()
    wanted = [{"key": key, "params": given} for key, given in params.items()]
    job = client.post(f"/datasets/{part(dataset)}/scores", {"signals": wanted, "where": where})
    finish(client, job, wait=wait, as_json=as_json)


@click.command()
@click.argument("dataset")
@where_option
@click.option("--sort", default="", metavar="FIELD", help="`field`, or `-field` for descending.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--fields", default="", help="Only these, parted by commas.")
@json_option
def samples(dataset: str, where: str, sort: str, limit: int, fields: str, as_json: bool) -> None:
    """Samples that match, as a table or as JSON lines."""
    path = f"/datasets/{part(dataset)}/samples"
    found = from_environment().items(path, limit, where=where, sort=sort, fields=fields)
    if as_json:
        for sample in found:
            print_json(sample)
        return
    columns = [name.strip() for name in fields.split(",") if name.strip()]
    if columns:
        print_table(found, columns)
    else:
        rows = [{**one, "text": text_of(one["body"])} for one in found]
        print_table(rows, ("id", "external_id", "status", "domain", "source", "text"))


@click.command()
@click.argument("dataset")
@where_option
@json_option
def preview(dataset: str, where: str, as_json: bool) -> None:
    """What an expression keeps: counts, each condition's part, shares per source and domain."""
    found = from_environment().post(f"/datasets/{part(dataset)}/preview", {"where": where})
    if as_json:
        print_json(found)
        return
    unmeasured = f", {found['unmeasured']:,} not measured" if found["unmeasured"] else ""
    click.echo(f"{found['matched']:,} of {found['total']:,} rows match{unmeasured}.\n")
    if found["steps"]:
        print_table(found["steps"], ("expression", "lost", "left"))
    for title in ("by_source", "by_domain", "by_topic", "by_length"):
        if not found[title]:  # no topics were found here
            continue
        click.echo(f"\n{title.replace('_', ' ')}")
        print_table(found[title], ("name", "total", "kept", "share_before", "share_after"))


@click.group()
def rules() -> None:
    """Rule sets: conditions that rows must meet to stay."""


@rules.command("list")
@click.argument("dataset")
@json_option
def rules_list(dataset: str, as_json: bool) -> None:
    """The rule sets of a dataset."""
    items = from_environment().get(f"/datasets/{part(dataset)}/rules")["items"]
    for one in [] if as_json else items:
        one["conditions"] = " ".join(each["expression"] for each in one["conditions"])
    print_page(items, ("name", "version", "conditions"), as_json=as_json)


@rules.command("save")
@click.argument("dataset")
@click.argument("name")
@click.option("--where", default="", metavar="EXPR", help="The conditions as one expression.")
@click.option("--profile", default="", metavar="KEY", help="Conditions of a published profile.")
@json_option
def rules_save(dataset: str, name: str, where: str, profile: str, as_json: bool) -> None:
    """Save conditions as the next version; nothing is dropped yet."""
    body = {"name": name, "where": where, "profile": profile}
    saved = from_environment().post(f"/datasets/{part(dataset)}/rules", body)
    said = f"{name}, version {saved['version']}: {len(saved['conditions'])} conditions."
    print_json(saved) if as_json else click.echo(said)


def _change(verb: str, dataset: str, name: str, *, wait: bool, as_json: bool) -> None:
    client = from_environment()
    found = rule_set(client, dataset, name)
    if found is None:
        raise Refused(f"There is no rule set `{name}` in {dataset}.")
    job = client.post(f"/rules/{found['id']}/{verb}")
    finish(client, job, wait=wait, as_json=as_json)


def rule_set(client: Client, dataset: str, name: str) -> Json | None:
    """The rule set with this name."""
    items = client.get(f"/datasets/{part(dataset)}/rules")["items"]
    return next((one for one in items if one["name"] == name), None)


@rules.command("apply")
@click.argument("dataset")
@click.argument("name")
@wait_option
@json_option
def rules_apply(dataset: str, name: str, wait: bool, as_json: bool) -> None:
    """Drop the rows that fail, each with the condition and the value."""
    _change("apply", dataset, name, wait=wait, as_json=as_json)


@rules.command("undo")
@click.argument("dataset")
@click.argument("name")
@wait_option
@json_option
def rules_undo(dataset: str, name: str, wait: bool, as_json: bool) -> None:
    """Bring back exactly the rows that the newest application dropped."""
    _change("undo", dataset, name, wait=wait, as_json=as_json)
