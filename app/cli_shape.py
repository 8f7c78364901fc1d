"""Verbs on the shape of a dataset: its topics, its map."""

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
)
from app.client import Client, Json, from_environment, part

_TOPICS = ("number", "title", "size", "share", "pending", "approved", "dropped", "keywords")


@click.command()
@click.argument("dataset")
@click.argument(
    "action",
    type=click.Choice(["find", "list", "show", "rename", "merge", "undo"]),
    default="find",
)
@click.argument("given", nargs=-1, metavar="[NUMBER [TITLE|NUMBER...]]")
@click.option("--set", "settings", multiple=True, metavar="PARAM=VALUE", help="topics=, seed=.")
@click.option(
    "--mode", type=click.Choice(["all", "new", "titles"]), default="all", show_default=True
)
@click.option("--provider", default="", metavar="NAME", help="A model that gives titles.")
@click.option("--budget", metavar="MONEY", help="Titles stop before they cost more.")
@wait_option
@json_option
def topics(
    dataset: str,
    action: str,
    given: tuple[str, ...],
    settings: tuple[str, ...],
    mode: str,
    provider: str,
    budget: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """What samples are about: find topics, list them, show one, rename, merge, undo.

    `rename NUMBER TITLE` calls a topic otherwise; `merge INTO NUMBER...` makes others part of INTO.
    """
    client, base = from_environment(), f"/datasets/{part(dataset)}/topics"
    if action == "find":
        params = {name: literal(value) for name, value in pairs(settings, "--set").items()}
        params = {"topics" if name == "k" else name: value for name, value in params.items()}
        body = {"mode": mode, "provider": provider, "budget": budget, **params}
        finish(client, client.post(base, body), wait=wait, as_json=as_json)
        if wait and not as_json:
            _list(client, base, as_json=False)
    elif action == "list":
        _list(client, base, as_json=as_json)
    else:
        _on_one(client, base, action, given, as_json)


def _on_one(client: Client, base: str, action: str, given: tuple[str, ...], as_json: bool) -> None:
    if action == "undo":
        done = client.post(f"{base}/undo")
        print_json(done) if as_json else click.echo(f"Taken back: {done['action']}.")
        return
    if not given or not given[0].isdigit():
        raise click.UsageError(f"{action} takes the number of a topic; `list` shows them.")
    if action == "show":
        _show(client.get(f"{base}/{given[0]}"), as_json)
        return
    if action == "rename":
        answer = client.patch(f"{base}/{given[0]}", {"title": " ".join(given[1:])})
    else:
        if not all(one.isdigit() for one in given):
            raise click.UsageError("merge takes numbers of topics, the one that stays first.")
        body = {"into": int(given[0]), "topics": [int(one) for one in given[1:]]}
        answer = client.post(f"{base}/merge", body)
    print_json(answer) if as_json else click.echo(f"{answer['number']}: {answer['title']}")


def _list(client: Client, base: str, *, as_json: bool) -> None:
    found = client.get(base)
    if as_json:
        print_json(found)
        return
    rows = [_flat(one) for one in found["items"]]
    print_page(rows, _TOPICS, as_json=False)
    if found["without"]:
        click.echo(f"{found['without']:,} of {found['samples']:,} samples have no topic.")


def _flat(topic: Json) -> dict[str, Any]:
    words = ", ".join(topic["keywords"])
    return {**topic, **topic["by_status"], "keywords": words, "share": f"{topic['share']:.1%}"}


def _show(topic: Json, as_json: bool) -> None:
    if as_json:
        print_json(topic)
        return
    click.echo(f"{topic['title']}: {topic['size']:,} samples, {topic['share']:.1%}")
    click.echo(f"Keywords: {', '.join(topic['keywords'])}")
    print_table(topic["examples"], ("id", "status", "text"))


@click.command("map")
@click.argument("dataset")
@click.argument(
    "action", type=click.Choice(["draw", "show", "areas", "area", "forget"]), default="draw"
)
@click.argument("given", nargs=-1, metavar="[NAME [X,Y...]]")
@click.option("--set", "settings", multiple=True, metavar="PARAM=VALUE", help="landmarks=, seed=.")
@click.option("--mode", type=click.Choice(["all", "new"]), default="all", show_default=True)
@wait_option
@json_option
def map_(
    dataset: str,
    action: str,
    given: tuple[str, ...],
    settings: tuple[str, ...],
    mode: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Draw a map of a dataset; list, keep and forget areas of it.

    `area NAME X,Y X,Y X,Y...` keeps a polygon (both axes go from 0 to 65535); the filter map:NAME
    then finds its samples. `forget NAME` deletes an area.
    """
    client, base = from_environment(), f"/datasets/{part(dataset)}/map"
    if action == "draw":
        params = {name: literal(value) for name, value in pairs(settings, "--set").items()}
        finish(client, client.post(base, {"mode": mode, **params}), wait=wait, as_json=as_json)
    elif action == "show":
        found = client.get(base)
        print_json(found) if as_json else print_table([found], _MAP)
    elif action == "areas":
        print_page(client.get(f"{base}/areas")["items"], _AREAS, as_json=as_json)
    elif not given:
        raise click.UsageError(f"{action} takes the name of an area.")
    elif action == "forget":
        client.delete(f"{base}/areas/{part(given[0])}")
        click.echo(f"{given[0]} is gone.")
    else:
        body = {"name": given[0], "polygon": [_corner(one) for one in given[1:]]}
        made = client.post(f"{base}/areas", body)
        line = f"{made['where']}: {made['count']:,} samples"
        print_json(made) if as_json else click.echo(line)


_MAP = ("version", "samples", "placed", "landmarks")
_AREAS = ("name", "count", "where")


def _corner(text: str) -> list[int]:
    """A corner of a polygon as it is typed: X,Y."""
    x, separator, y = text.partition(",")
    if not separator or not (x.isdigit() and y.isdigit()):
        raise click.UsageError(f"A corner is X,Y in whole numbers, not `{text}`.")
    return [int(x), int(y)]
