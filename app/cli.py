"""The command `winnow`: the servers, and a client of the REST API.

What the servers need is imported when they start, so that the client answers at once.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app import (
    cli_catalog,
    cli_contamination,
    cli_derived,
    cli_duplicates,
    cli_flags,
    cli_generation,
    cli_labels,
    cli_models,
    cli_preferences,
    cli_scorers,
    cli_shape,
    cli_taxonomy,
    cli_work,
)
from app.cli_kit import json_option, print_json
from app.client import Refused


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="datawinnow", prog_name="winnow")
def main() -> None:
    """Curate the data that language models learn from."""


@contextmanager
def _refusals() -> Iterator[None]:
    """Refusals of the application as a sentence and exit code 1."""
    import psycopg  # noqa: PLC0415
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    from app.errors import AppError  # noqa: PLC0415

    try:
        yield
    except AppError as error:
        raise Refused(str(error)) from error
    except OperationalError as error:
        raise Refused(f"The database can't be reached: {error.orig}") from error
    except psycopg.OperationalError as error:
        raise Refused(f"The database can't be reached: {error}") from error


_QUEUES = "cpu,llm,gpu"


def _check_queues(queues: str) -> None:
    unknown = set(queues.split(",")) - set(_QUEUES.split(","))
    if unknown:
        raise click.UsageError(f"There is no queue `{min(unknown)}`; there are cpu, llm, gpu.")


def _choose_logs(as_json: bool) -> None:
    """JSON lines where asked for; else as the settings say."""
    if as_json:
        os.environ["WINNOW_LOG_JSON"] = "true"
    elif sys.stderr.isatty():
        os.environ.setdefault("WINNOW_LOG_JSON", "false")


@main.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Folder of all data")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--queues", default=_QUEUES, show_default=True, help="What its workers do.")
@click.option("--demo", is_flag=True, help="Load the demo dataset, once.")
@click.option("--no-browser", is_flag=True, help="Only print the login link.")
@json_option
def up(
    home: Path | None,
    host: str,
    port: int,
    workers: int,
    queues: str,
    demo: bool,
    no_browser: bool,
    as_json: bool,
) -> None:
    """Start everything: database, workers, web server; Ctrl-C stops it all."""
    _choose_logs(as_json)
    _check_queues(queues)
    with _refusals():
        from app import cli_demo, serving  # noqa: PLC0415
        from app.settings import settings  # noqa: PLC0415

        wanted = serving.Up(
            home=(home or settings().home).expanduser().resolve(),
            host=host,
            port=port,
            workers=workers,
            browser=not no_browser and not demo,
            queues=queues,
            as_json=as_json,
            landing=cli_demo.LANDING if demo else "/",
            load=cli_demo.load if demo else None,
        )
        raise SystemExit(serving.up(wanted))


@main.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database to the newest migration."""
    with _refusals():
        from app import serving  # noqa: PLC0415
        from app.settings import settings  # noqa: PLC0415

        serving.prepare(settings().home.expanduser().resolve())
        serving.migrate()
    print_json({"migrated": True}) if as_json else click.echo("The database is up to date.")


@main.command()
@click.option("--email", default="", help="Whom; an admin when left out, made on the first call.")
@json_option
def login(email: str, as_json: bool) -> None:
    """Print a link that signs a person in once; runs on the server, needs its database."""
    with _refusals():
        from app import serving  # noqa: PLC0415
        from app.settings import settings  # noqa: PLC0415

        serving.prepare(settings().home.expanduser().resolve())
        link = serving.login_link(serving.address(), email=email)
    print_json({"login": link}) if as_json else click.echo(link)


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def backup(target: Path, as_json: bool) -> None:
    """Write database and files into one file, while everything runs; TARGET may be a folder."""
    with _refusals():
        from app import backup as backups  # noqa: PLC0415
        from app import serving  # noqa: PLC0415
        from app.settings import settings  # noqa: PLC0415

        home = settings().home.expanduser().resolve()
        serving.find(home)
        made = backups.make(settings().database_url, home, target.resolve())
    if as_json:
        print_json(made)
        return
    click.echo(f"{made['backup']} holds {made['samples']:,} samples and {made['files']:,} files.")
    for name in made["missing"]:
        click.echo(f"Not in the backup, as it is gone or can't be read: {name}", err=True)


@main.command()
@click.argument("source", metavar="BACKUP", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="An empty folder.")
@json_option
def restore(source: Path, home: Path | None, as_json: bool) -> None:
    """Restore a backup into an empty home."""
    with _refusals():
        from app import restore as restores  # noqa: PLC0415
        from app.settings import settings  # noqa: PLC0415

        empty = (home or settings().home).expanduser().resolve()
        made = restores.restore(source.resolve(), empty, settings().database_url)
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made['home']} holds {made['samples']:,} samples; start it with `winnow up`.")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@json_option
def web(host: str, port: int, as_json: bool) -> None:
    """The web server alone."""
    _choose_logs(as_json)
    with _refusals():
        from app import parts  # noqa: PLC0415

        parts.run_web(host, port)


@main.command()
@click.option("--queues", default=_QUEUES, show_default=True, help="Parted by commas.")
@click.option("--processes", type=click.IntRange(min=1), default=os.cpu_count() or 2)
@click.option("--beat", is_flag=True, help="Run the beat in it too: in one worker of all.")
@json_option
def worker(queues: str, processes: int, beat: bool, as_json: bool) -> None:
    """A worker alone."""
    _choose_logs(as_json)
    _check_queues(queues)
    with _refusals():
        from app import parts  # noqa: PLC0415

        parts.run_worker(queues, processes, beat=beat)


@main.command()
@json_option
def beat(as_json: bool) -> None:
    """The beat alone: it rings for upkeep, once in a deployment."""
    _choose_logs(as_json)
    with _refusals():
        from app import parts  # noqa: PLC0415

        parts.run_beat()


for _verb in (
    cli_catalog.dataset,
    cli_catalog.import_,
    cli_catalog.signals,
    cli_catalog.score,
    cli_catalog.league,
    cli_catalog.samples,
    cli_catalog.preview,
    cli_catalog.rules,
    cli_flags.coverage,
    cli_flags.mask,
    cli_contamination.decontaminate,
    cli_contamination.contamination,
    cli_contamination.confirm,
    cli_models.provider,
    cli_models.rubrics,
    cli_models.judge,
    cli_models.calibrate,
    cli_models.usage,
    cli_models.embed,
    cli_models.search,
    cli_derived.learn,
    cli_labels.campaign,
    cli_labels.rate,
    cli_derived.combine,
    cli_derived.select,
    cli_scorers.perplexity,
    cli_scorers.classify,
    cli_scorers.energy,
    cli_shape.topics,
    cli_shape.map_,
    cli_scorers.verifiers,
    cli_scorers.verify,
    cli_scorers.verified,
    cli_generation.generators,
    cli_generation.generate,
    cli_generation.runs,
    cli_generation.synthetic,
    cli_preferences.prefer,
    cli_preferences.preferences,
    cli_taxonomy.taxonomy,
    cli_duplicates.matchers,
    cli_duplicates.match,
    cli_duplicates.duplicates,
    cli_duplicates.split,
    cli_work.user,
    cli_work.key,
    cli_work.review,
    cli_work.decide,
    cli_work.jobs,
    cli_work.job,
    cli_work.release,
    cli_work.export,
):
    main.add_command(_verb)


if __name__ == "__main__":
    main()
