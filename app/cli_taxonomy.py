"""Verbs on taxonomies: trees in and out, targets, documents, how the leaves stand."""

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import click

from app.cli_kit import Progress, json_option, print_json, print_page, print_table
from app.client import Json, Refused, from_environment, part

_KEPT = (".yaml", ".yml", ".txt", ".md", ".markdown", ".rst", ".adoc")
_SIDECAR = "winnow.json"  # who wrote which seed


@click.group()
def taxonomy() -> None:
    """The tree of tasks that samples are made for."""


@taxonomy.command("import")
@click.argument("dataset")
@click.argument("source", metavar="FILE|FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option("--license", "license_", default="", metavar="SPDX", help="Licence of the seeds.")
@click.option("--source", "name", default="", metavar="NAME", help="Source of the seeds.")
@json_option
def import_(dataset: str, source: Path, license_: str, name: str, as_json: bool) -> None:
    """Import an archive of folders with qna.yaml, or such a folder; links are not followed."""
    client, progress = from_environment(), Progress()
    fields = {"license": license_, "source": name}
    with tempfile.TemporaryDirectory() as folder:
        file = source
        if source.is_dir():
            file = Path(folder) / f"{source.resolve().name or 'taxonomy'}.zip"
            left = _packed(source, file)
            for one in left:
                click.echo(f"{one} is a link and was left out.", err=True)
        try:
            path = f"/datasets/{part(dataset)}/taxonomy/import"
            found = client.upload(path, [file], fields, progress.bytes(file.name))
        finally:
            progress.end()
    if as_json:
        print_json(found)
        return
    _say(found, len(found["problems"]))


@taxonomy.command("report")
@click.argument("dataset")
@json_option
def report(dataset: str, as_json: bool) -> None:
    """What became of the newest import."""
    found = from_environment().get(f"/datasets/{part(dataset)}/taxonomy/import")
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['file']}, {found['at'][:16]}, by {found['by']}\n")
    _say(found["imported"], found["found"])


def _say(found: Json, problems: int) -> None:
    """The problems of an import, then its counts."""
    if found["problems"]:
        print_table(found["problems"], ("file", "line", "message"))
        click.echo("")
    made = f", {found['made_seeds']:,} not written by people" if found["made_seeds"] else ""
    click.echo(
        f"{_count(found['created'], 'leaf is', 'leaves are')} new, {found['updated']:,} updated; "
        f"{found['new_seeds']:,} of {_count(found['seeds'], 'seed', 'seeds')} new{made}; "
        f"{_count(found['documents'], 'document', 'documents')}; "
        f"{_count(problems, 'problem', 'problems')}."
    )


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _packed(folder: Path, target: Path) -> list[Path]:
    """Pack what a taxonomy is made of; answers the links that were left out."""
    left: list[Path] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in _files(folder, left):
            # A file may be older than 1980, which a zip can't say.
            info = zipfile.ZipInfo(str(one.relative_to(folder)))
            archive.writestr(info, one.read_bytes(), zipfile.ZIP_DEFLATED)
    return left


def _files(folder: Path, left: list[Path]) -> Iterator[Path]:
    for one in sorted(folder.iterdir()):
        if one.is_symlink():
            left.append(one)
        elif one.is_dir():
            yield from _files(one, left)
        elif one.suffix.lower() in _KEPT or one.name == _SIDECAR:
            yield one


@taxonomy.command("export")
@click.argument("dataset")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--under", default="", metavar="PATH", help="This branch or leaf alone.")
@click.option("--approved", is_flag=True, help="Approved samples go along as synthetic seeds.")
@json_option
def export(dataset: str, output: Path, under: str, approved: bool, as_json: bool) -> None:
    """Write the tree as a zip of folders with qna.yaml."""
    if not output.parent.is_dir():
        raise Refused(f"There is no folder {output.parent}.")
    path = f"/datasets/{part(dataset)}/taxonomy/export"
    raw = from_environment().read(path, under=under, approved=approved)
    output.write_bytes(raw)
    told = {"path": str(output), "bytes": len(raw)}
    print_json(told) if as_json else click.echo(f"{output}: {len(raw):,} bytes.")


@taxonomy.command("show")
@click.argument("dataset")
@click.argument("path", required=False, default="")
@click.option("--short", is_flag=True, help="Only leaves that are short.")
@json_option
def show(dataset: str, path: str, short: bool, as_json: bool) -> None:
    """Targets, accepted and approved samples of every leaf and branch."""
    query = {"under": path, "short": short}
    items = from_environment().get(f"/datasets/{part(dataset)}/taxonomy", **query)["items"]
    if as_json:
        print_json({"items": items, "next": None, "total": len(items)})
        return
    print_table(
        [{**one, "failed": sum(one["failed"].values()), "note": _note(one)} for one in items],
        ("path", "target", "accepted", "approved", "rejected", "failed", "note"),
    )


def _note(node: Json) -> str:
    if node["leaf"]:
        return str(node["problem"] or node["why"])
    return f"{_count(node['leaves'], 'leaf', 'leaves')}, {node['short']} short"


@taxonomy.command("target")
@click.argument("dataset")
@click.argument("path")
@click.argument("target", metavar="COUNT|none")
@json_option
def target(dataset: str, path: str, target: str, as_json: bool) -> None:
    """Set how many samples a leaf, or each leaf below a branch, should have; PATH / is all."""
    if target != "none" and not target.isdecimal():
        raise click.UsageError(f"`{target}` is no number; `none` takes a target back.")
    body = {"path": path.strip("/"), "target": None if target == "none" else int(target)}
    made = from_environment().put(f"/datasets/{part(dataset)}/taxonomy/targets", body)
    print_json(made) if as_json else click.echo(
        f"{_count(made['leaves'], 'leaf has', 'leaves have')} it now."
    )


@taxonomy.command("attach")
@click.argument("dataset")
@click.argument("path")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@json_option
def attach(dataset: str, path: str, files: tuple[Path, ...], as_json: bool) -> None:
    """Attach documents, text or Markdown, to a leaf."""
    client, progress = from_environment(), Progress()
    made = []
    for file in files:
        url = f"/datasets/{part(dataset)}/taxonomy/documents"
        made.append(client.upload(url, [file], {"path": path}, progress.bytes(file.name)))
    progress.end()
    print_page(made, ("name", "words"), as_json=as_json)


@taxonomy.command("detach")
@click.argument("dataset")
@click.argument("path")
@click.argument("document")
@json_option
def detach(dataset: str, path: str, document: str, as_json: bool) -> None:
    """Take a document of a leaf away."""
    query = urlencode({"path": path, "document": document})
    from_environment().delete(f"/datasets/{part(dataset)}/taxonomy/documents?{query}")
    told = {"path": path, "detached": document}
    print_json(told) if as_json else click.echo(f"{path} has no {document} any more.")


@taxonomy.command("remove")
@click.argument("dataset")
@click.argument("path")
@json_option
def remove(dataset: str, path: str, as_json: bool) -> None:
    """Take a leaf or a branch out of the tree; its samples stay."""
    from_environment().delete(f"/datasets/{part(dataset)}/taxonomy?{urlencode({'path': path})}")
    print_json({"removed": path}) if as_json else click.echo(f"{path} is gone; its samples stay.")
