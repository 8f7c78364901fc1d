"""Joining the parts of a release to its files, in the order of the rows."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.curation.writers.base import Digest, Sink, WrittenFile
from app.errors import ConflictError
from app.jobs.models import JobChunk, JobStatus
from app.releases import service
from app.releases.models import Release
from workers import release_facts as facts
from workers import release_parts as parts
from workers.chunks import Chunk

_CARD = "README.md"
_BLOCK = 2**18


def join(chunk: Chunk, release: Release) -> None:
    """Write every file, the card and the manifest, and put all of it in place at once."""
    states = _states(chunk)
    if states is None:
        return  # the job ends as the part that is missing did
    folder, target = parts.fresh_folder(chunk, release), service.folder(release)
    files = _files(chunk, release, states, folder)
    about = _about(chunk, release, states, files)
    read = sum(state["read"] for state in states)
    files.append(_write_card(folder / _CARD, facts.card_of(release, about, files, read)))
    about["files"] = [facts.entry(one) for one in files]
    sha256 = _write_manifest(chunk, release, states, folder, about)
    chunk.checkpoint(0)  # only who still holds the chunk may put it in place
    before = target.with_name(f"{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if (
        target.exists()
    ):  # built anew: the same bytes, so a moment without a file is all that is lost
        target.rename(before)
    folder.rename(target)
    shutil.rmtree(before, ignore_errors=True)
    release.manifest = {**about, "sha256": sha256}
    chunk.checkpoint(0)


def _states(chunk: Chunk) -> list[Mapping[str, Any]] | None:
    """What the other chunks left, in their order; None when one of them failed."""
    query = (
        select(JobChunk.status, JobChunk.state)
        .where(JobChunk.job_id == chunk.job.id, JobChunk.id != chunk.id)
        .order_by(JobChunk.position)
    )
    found = chunk.session.execute(query).all()
    if any(status is not JobStatus.SUCCEEDED for status, _ in found):
        return None
    return [state for _, state in found]


def _files(
    chunk: Chunk, release: Release, states: Sequence[Mapping[str, Any]], folder: Path
) -> list[WrittenFile]:
    rows = sum((Counter(state["rows"]) for state in states), Counter[str]())
    files = []
    for name in release.formats:
        path = folder / parts.file_name(name)
        found = list(_parts(release, states, path.name))
        with ThreadPoolExecutor(1) as beside, path.open("wb") as file:
            digest = beside.submit(_sha256, found)
            for part in found:
                _append(part, file)
                chunk.checkpoint(0)
            size = file.tell()
        files.append(WrittenFile(path.name, rows[name], size, digest.result()))
    return files


def _sha256(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        for block in _blocks(path):
            digest.update(block)
    return digest.hexdigest()


def _parts(release: Release, states: Sequence[Mapping[str, Any]], name: str) -> Iterator[Path]:
    """The parts of a file, in the order of their rows."""
    for state in states:
        if name not in state["sizes"]:
            continue
        path = service.parts_folder(release) / state["folder"] / name
        if not path.is_file() or path.stat().st_size != state["sizes"][name]:
            raise ConflictError(f"A part of {name} is gone from the disk. Retry the job.")
        yield path


def _append(part: Path, file: Sink, skipped: int = 0) -> None:
    for block in _blocks(part, skipped):
        file.write(block)


def _blocks(path: Path, skipped: int = 0) -> Iterator[memoryview]:
    """The file piece by piece, each valid until the next: fresh ones take longer than copying."""
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as file:
        file.seek(skipped)
        while size := file.readinto(block):
            yield block[:size]


def _about(
    chunk: Chunk,
    release: Release,
    states: Sequence[Mapping[str, Any]],
    files: Sequence[WrittenFile],
) -> dict[str, Any]:
    """The manifest without its rows."""
    counts = facts.no_counts()
    left_out = {name: Counter[str]() for name in release.formats}
    for state in states:
        for name, found in state["counts"].items():
            counts[name].update(found)
        for name, reasons in state["left_out"].items():
            left_out[name].update(reasons)
    return facts.manifest(chunk.session, release, files, left_out, counts)


def _write_card(path: Path, body: bytes) -> WrittenFile:
    with path.open("wb") as file:
        digest = Digest(file)
        digest.write(body)
    return WrittenFile(path.name, 0, digest.size, digest.sha256)


def _write_manifest(
    chunk: Chunk,
    release: Release,
    states: Sequence[Mapping[str, Any]],
    folder: Path,
    about: Mapping[str, Any],
) -> str:
    """Write it with all its rows; its SHA-256. A million of them do not belong into one column."""
    with (folder / service.MANIFEST).open("wb") as file:
        digest = Digest(file)
        digest.write(facts.head(about))
        for number, part in enumerate(_parts(release, states, parts.LISTED)):
            _append(part, digest, skipped=0 if number else len(facts.BETWEEN))
            chunk.checkpoint(0)
        digest.write(facts.TAIL)
    return digest.sha256
