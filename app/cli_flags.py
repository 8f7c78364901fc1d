"""Verbs on flags: how many rows each marks; masking personal data and taking it back."""

import click

from app.cli_kit import (
    finish,
    json_option,
    print_json,
    print_page,
    print_table,
    wait_option,
    where_option,
)
from app.client import Json, from_environment, part


@click.command()
@click.argument("dataset")
@click.option(
    "--kinds", default="", metavar="KIND,..", help="Such as email,phone; all if not given."
)
@where_option
@click.option(
    "--preview", "only_look", is_flag=True, help="Count and show examples; change nothing."
)
@click.option("--undo", is_flag=True, help="Bring back what the newest masking changed.")
@wait_option
@json_option
def mask(
    dataset: str,
    kinds: str,
    where: str,
    only_look: bool,
    undo: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Put words such as <EMAIL> in the place of personal data, as new revisions."""
    if undo and (only_look or kinds or where):
        raise click.UsageError("--undo takes the newest masking back as a whole.")
    client, path = from_environment(), f"/datasets/{part(dataset)}/mask"
    if undo:
        finish(client, client.post(f"{path}/undo"), wait=wait, as_json=as_json)
        return
    chosen = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    body = {"kinds": chosen, "where": where}
    if only_look:
        _show(client.post(f"{path}/preview", body), as_json=as_json)
        return
    job = finish(client, client.post(path, body), wait=wait, as_json=as_json)
    if wait and not as_json:
        found = [{"kind": kind, "places": count} for kind, count in job["result"]["masked"].items()]
        click.echo(f"{job['result']['changed']:,} samples have a new revision.")
        print_table(found, ("kind", "places"))


def _show(found: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    missing = found["matches"] - found["measured"]
    if not found["measured"]:
        said = f"None of the {found['matches']:,} samples is measured; the job measures them too."
    else:
        unknown = f"; {missing:,} are not measured" if missing else ""
        said = f"{found['rows']:,} of {found['matches']:,} samples would change{unknown}."
    click.echo(f"{said}\n")
    print_table(found["kinds"], ("kind", "mask", "rows", "places"))
    click.echo()
    print_table(found["examples"], ("sample_id", "before", "after"))


@click.command()
@click.argument("dataset")
@click.argument("signal")
@where_option
@json_option
def coverage(dataset: str, signal: str, where: str, as_json: bool) -> None:
    """How many rows each flag of a signal marks, such as each of the `skills`."""
    path = f"/datasets/{part(dataset)}/coverage"
    items = from_environment().get(path, signal=signal, where=where)["items"]
    print_page(items, ("name", "title", "rows", "measured", "share"), as_json=as_json)
