"""The command `winnow`."""

import os
from pathlib import Path

import click

from app import serving
from app.settings import settings


@click.group()
def main() -> None:
    """Curate the data that language models learn from."""


@main.command()
@click.option("--home", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1")
@click.option("--port", default=8000)
@click.option("--workers", default=2)
@click.option("--demo", is_flag=True)
@click.option("--no-browser", is_flag=True)
def up(
    home: Path | None, host: str, port: int, workers: int, demo: bool, no_browser: bool
) -> None:
    """Start everything."""
    where = (home or settings().home).resolve()
    raise SystemExit(
        serving.up(serving.Up(where, host, port, workers, browser=not no_browser and not demo))
    )


@main.command()
def migrate() -> None:
    """Migrate the database."""
    serving.prepare(settings().home)
    serving.migrate()


@main.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", default=8000)
def web(host: str, port: int) -> None:
    """The web server alone."""
    serving.run_web(host, port)


@main.command()
@click.option("--queues", default="cpu,llm,gpu")
@click.option("--processes", default=os.cpu_count() or 2)
@click.option("--beat", is_flag=True)
def worker(queues: str, processes: int, beat: bool) -> None:
    """A worker alone."""
    serving.run_worker(queues, processes, beat=beat)


@main.command()
def beat() -> None:
    """The beat alone."""
    serving.run_beat()


if __name__ == "__main__":
    main()
