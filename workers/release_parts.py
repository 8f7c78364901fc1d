"""The parts of a release: each written by whoever claims it, into a folder of its own."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.jobs.claiming import WAITS
from app.releases import rows, service
from app.releases.formats import FORMATS
from app.releases.models import Release
from workers import release_facts as facts
from workers.chunks import Chunk

LISTED = "rows"
_ROWS = 10_000
_ENDS = """
SELECT sample_id FROM (
  SELECT sample_id, row_number() OVER (ORDER BY sample_id) AS place
  FROM release_items WHERE release_id = :release
) AS numbered WHERE place % :size = 0 OR place = :rows ORDER BY place
"""


def cut(session: Session, release: Release) -> list[dict[str, Any]]:
    """Files that one worker must write from front to back, ranges of rows for all others, a join.

    What takes longest comes first. Where the cuts are changes no byte.
    """
    params = {"release": release.id, "size": _ROWS, "rows": release.rows}
    ends = session.scalars(text(_ENDS), params).all()
    alone = [name for name in release.formats if not FORMATS[name].in_parts]
    return [
        *({"step": "format", "format": name} for name in alone),
        *(
            {"step": "rows", "after": after, "until": until}
            for after, until in zip([0, *ends], ends, strict=False)
        ),
        {"step": "join", WAITS: True},
    ]


def file_name(name: str) -> str:
    """The file of a format."""
    return name + FORMATS[name].suffix


def write_rows(chunk: Chunk, release: Release) -> None:
    """Write a range of rows in all formats that can be joined, with its part of the manifest."""
    names = [name for name in release.formats if FORMATS[name].in_parts]
    after, until = chunk.params["after"], chunk.params["until"]
    folder, counts = fresh_folder(chunk, release), facts.no_counts()
    written, left_out = Counter[str](), {name: Counter[str]() for name in names}
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / file_name(name)).open("wb")) for name in names}
        listed = stack.enter_context((folder / LISTED).open("wb"))
        for page in rows.pages(chunk.session, release, after=after, until=until):
            for name, file in files.items():
                written[name] += FORMATS[name].append(page.records(), file, left_out[name])
            listed.write(facts.listed(page.rows))
            facts.count(page.rows, counts)
            chunk.checkpoint(len(page.rows) * len(names))
    read = facts.read_one_by_one(chunk.session, release, after, until)
    _keep(chunk, folder, rows=written, left_out=left_out, counts=counts, read=read)


def write_format(chunk: Chunk, release: Release) -> None:
    """Write the whole file of a format."""
    folder, name = fresh_folder(chunk, release), chunk.params["format"]
    done = FORMATS[name].write(_records(chunk, release), folder, name)
    count = sum(one.rows for one in done.files)
    _keep(chunk, folder, rows={name: count}, left_out={name: done.left_out}, counts={}, read=0)


def _records(chunk: Chunk, release: Release) -> Iterator[Record]:
    for page in rows.pages(chunk.session, release):
        yield from page.records()
        chunk.checkpoint(len(page.rows))


def fresh_folder(chunk: Chunk, release: Release) -> Path:
    """Begin the chunk anew, in a folder of this try: who lost it may not have noticed yet."""
    parts = service.parts_folder(release)
    for left in parts.glob(f"{chunk.id}-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = parts / f"{chunk.id}-{chunk.attempt}"
    folder.mkdir(parents=True)
    chunk.restart()
    return folder


def _keep(chunk: Chunk, folder: Path, **found: Any) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    chunk.checkpoint(0, folder=folder.name, sizes=sizes, **found)
