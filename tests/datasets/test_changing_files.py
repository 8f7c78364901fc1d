"""Files in the import folder that change, vanish or cannot be read, and what is downloaded."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.readers.base import Row
from app.curation.readers.jsonl import JsonLines
from app.curation.records import Rejected
from app.jobs import download
from app.jobs.models import Job, JobChunk, JobStatus
from app.settings import settings
from tests.conftest import browser_of
from tests.factories import make_dataset, run_job
from workers import imports as worker

STAYS = "What was read before stays; retry the job to read the file anew from its start."


def rows(count: int, word: str = "Task") -> bytes:
    made = [
        {"id": f"{word}-{n}", "instruction": f"{word} {n}", "output": "x"} for n in range(count)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in made)


@pytest.fixture
def path(
    session: Session, lead: Principal, bells: list[str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A file of ten rows in the import folder, read in batches of four."""
    make_dataset(session, lead)
    monkeypatch.setattr(worker, "_ROWS", 4)
    folder = settings().import_folder
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "rows.jsonl"
    made.write_bytes(rows(10))
    return made


@pytest.fixture
def start(session: Session, path: Path, api: TestClient) -> Callable[[], str]:
    def go() -> str:
        answer = api.post("/datasets/mix/imports", json={"path": "rows.jsonl"})
        assert answer.status_code == 202, answer.json()
        return str(answer.json()["id"])

    return go


def failed(api: TestClient, job: Job) -> list[tuple[str, int | None, str]]:
    items = api.get(f"/jobs/{job.id}/dead-letters").json()["items"]
    return [(item["place"], item["line"], item["reason"]) for item in items]


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(rows(2, "More"))


def shrink(path: Path) -> None:
    os.truncate(path, 100)


def write_anew(path: Path) -> None:
    content = path.read_bytes().replace(b"Task", b"Tusk")
    path.unlink()
    path.write_bytes(content)


CHANGES: list[tuple[Callable[[Path], None], str]] = [
    (grow, "The file changed while it was read: it had {} bytes, now it has {}. " + STAYS),
    (shrink, "The file changed while it was read: it had {} bytes, now it has 100. " + STAYS),
    (write_anew, "The file was written anew while it was read. " + STAYS),
    (Path.unlink, "The file was deleted while it was read. " + STAYS),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_a_file_that_changes_while_it_is_read_is_left_there(
    session: Session,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    sentence: str,
) -> None:
    before = path.stat().st_size
    estimate = worker._estimate  # noqa: SLF001 - called behind every batch

    def change_behind_the_first(*given: Any) -> None:
        monkeypatch.setattr(worker, "_estimate", estimate)
        change(path)

    monkeypatch.setattr(worker, "_estimate", change_behind_the_first)
    job = run_job(session, start())

    now = path.stat().st_size if path.exists() else 0
    assert (job.error, job.result["created"]) == (None, 4)
    assert failed(api, job) == [("rows.jsonl", None, sentence.format(before, f"{now:,}"))]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_a_worker_that_starts_anew_sees_that_the_file_is_another(
    session: Session,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    sentence: str,
) -> None:
    before, job_id = path.stat().st_size, start()
    kill_behind_the_first_batch(session, monkeypatch, job_id)

    change(path)
    job = run_job(session, job_id)

    now = path.stat().st_size if path.exists() else 0
    assert (job.error, job.result["created"]) == (None, 4)
    assert failed(api, job) == [("rows.jsonl", None, sentence.format(before, f"{now:,}"))]


class KilledError(BaseException):
    """Stands for a worker that is gone."""


def kill_behind_the_first_batch(
    session: Session, monkeypatch: pytest.MonkeyPatch, job_id: str
) -> None:
    """Work on the job until its first checkpoint; another worker may have its chunk then."""

    def die(*_given: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_estimate", die)
        with pytest.raises(KilledError):
            run_job(session, job_id)
    session.rollback()
    session.execute(update(JobChunk).values(status=JobStatus.QUEUED))
    session.commit()


def test_a_worker_that_starts_anew_reads_the_rest_once(
    session: Session,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nul = b'{"instruction": "nul \\u0000", "output": "x"}\n'
    path.write_bytes(nul + b'{"instruction" 1}\n' + rows(5) + b"{}\n" + nul.replace(b"x", b"y"))
    job_id = start()
    kill_behind_the_first_batch(session, monkeypatch, job_id)

    job = run_job(session, job_id)

    assert (job.error, job.result["created"], job.result["rejected"]) == (None, 7, 2)
    assert [line for _, line, _ in failed(api, job)] == [2, 8]
    assert job.result["warnings"] == [
        "Characters that cannot be stored (NUL, half of a surrogate pair) became U+FFFD "
        "(2 rows, first at line 1)."
    ]


def test_after_a_change_a_retry_reads_the_file_as_it_is(
    session: Session,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = start()
    kill_behind_the_first_batch(session, monkeypatch, job_id)
    grow(path)
    run_job(session, job_id)

    api.post(f"/jobs/{job_id}/retry")
    job = run_job(session, job_id)

    assert (job.result["created"], job.result["existing"], job.result["rejected"]) == (12, 0, 0)


def test_an_id_with_other_content_is_refused_in_later_batches_and_files(
    session: Session, path: Path, api: TestClient
) -> None:
    same = b'{"id": "Task-1", "instruction": "Another", "output": "x"}\n'
    path.write_bytes(rows(6) + same)
    other = path.with_name("zz.jsonl")
    other.write_bytes(same.replace(b"Another", b"A third") + rows(1, "Other"))
    api.post("/datasets/mix/imports", json={"path": "."})

    job = run_job(session, session.scalars(select(Job.id)).one())
    other.unlink()

    letters = list(download.json_lines(download.letters(job.id)))
    found = sorted((json.loads(line) for line in letters), key=lambda one: str(one["file"]))
    reason = "The external_id `Task-1` belongs to a sample with other content."
    assert [(one["file"], one["line"], one["reason"]) for one in found] == [
        ("rows.jsonl", 7, reason),
        ("zz.jsonl", 1, reason),
    ]
    assert json.loads(found[0]["raw"]) == json.loads(same)
    assert job.result["created"] == 7


def test_warnings_of_several_files_name_them(session: Session, path: Path, api: TestClient) -> None:
    other = path.with_name("other.jsonl")
    other.write_bytes(b'{"instruction": "caf\xe9", "output": "x"}\n')
    started = api.post("/datasets/mix/imports", json={"path": "."}).json()

    job = run_job(session, started["id"])
    other.unlink()

    assert job.result["warnings"] == [
        "other.jsonl: Bytes that are not UTF-8 were read as Windows-1252 (Latin-1) "
        "(1 row, first at line 1)."
    ]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FileNotFoundError(2, "gone"), "is not there any more; put it back, then retry."),
        (
            PermissionError(13, "no"),
            "may not be read by the user Winnow runs as; permit it, then retry.",
        ),
        (
            IsADirectoryError(21, "folder"),
            "is a folder; import it by its path to read all its files.",
        ),
        (OSError(5, "Input/output error"), "cannot be opened: Input/output error."),
    ],
)
def test_a_file_that_cannot_be_opened_is_told_before_the_job_and_in_it(
    session: Session,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    sentence: str,
) -> None:
    job_id, opened = start(), Path.open

    def refuse(self: Path, *given: Any, **named: Any) -> Any:
        if self == path:
            raise error
        return opened(self, *given, **named)

    monkeypatch.setattr(Path, "open", refuse)
    answer = api.post("/datasets/mix/imports", json={"path": "rows.jsonl"})
    job = run_job(session, job_id)

    assert (answer.status_code, answer.json()["detail"]) == (422, f"rows.jsonl {sentence}")
    assert failed(api, job) == [("rows.jsonl", None, f"rows.jsonl {sentence}")]


def test_a_disk_that_fails_keeps_the_rows_before(
    session: Session,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = JsonLines.rows

    def fail(self: JsonLines, *given: Any) -> Iterator[Row | Rejected]:
        for number, row in enumerate(whole(self, *given)):
            if number == 6:
                raise OSError(5, "Input/output error")
            yield row

    monkeypatch.setattr(JsonLines, "rows", fail)
    job = run_job(session, start())

    assert job.result["created"] == 6
    assert failed(api, job) == [
        (
            "rows.jsonl",
            7,
            "The file cannot be read on from here: Input/output error. What stands before was "
            "read; look at the disk, then retry the job.",
        )
    ]


def test_what_failed_can_be_downloaded(
    session: Session,
    lead: Principal,
    path: Path,
    api: TestClient,
    start: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "_PAGE", 2)
    path.write_bytes(rows(1) + b'{"instruction": "x" "output": "y"}\n' + b"[1]\n" * 2 + rows(2))
    job = run_job(session, start())
    wanted = {
        "file": "rows.jsonl",
        "line": 2,
        "column": 21,
        "sample": None,
        "reason": "Not valid JSON at column 21: a comma was expected; a quote inside text needs a "
        "backslash before it. Correct this row.",
        "raw": '{"instruction": "x" "output": "y"}',
    }

    answer = api.get(f"/jobs/{job.id}/dead-letters.jsonl")
    browser = browser_of(session, lead)

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert f"failed-{job.id}.jsonl" in answer.headers["content-disposition"]
    first, *others = [json.loads(line) for line in answer.text.splitlines()]
    assert first == wanted
    assert [(one["line"], one["raw"]) for one in others] == [(3, "[1]"), (4, "[1]")]
    assert browser.get(f"/jobs/{job.id}/dead-letters.jsonl").text == answer.text
    table = browser.get(f"/jobs/{job.id}/dead-letters.csv").text.splitlines()
    assert table[0] == "place,line,column,sample,reason,row"
    assert table[1].startswith("rows.jsonl,2,21,,")
    page = browser.get(f"/datasets/mix/jobs?job={job.id}").text
    assert f"/jobs/{job.id}/dead-letters.jsonl" in page
    assert "rows.jsonl, line 2, column 21" in page
    looked = browser.get(f"/datasets/mix/imports/{job.result['import']}").text
    assert f"/jobs/{job.id}/dead-letters.jsonl" in looked


def test_one_unreadable_file_does_not_stop_the_others(
    session: Session, path: Path, api: TestClient
) -> None:
    picture = path.with_name("a.png")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    started = api.post("/datasets/mix/imports", json={"path": "."}).json()
    job = run_job(session, started["id"])
    alone = api.post("/datasets/mix/imports", json={"path": "a.png"})
    picture.unlink()

    assert job.result["created"] == 10
    assert failed(api, job) == [("a.png", None, "a.png is a picture.")]
    assert (alone.status_code, alone.json()["detail"]) == (422, "a.png is a picture.")


def test_a_name_that_no_text_can_hold_is_refused(path: Path, api: TestClient) -> None:
    strange = path.with_name("caf\udce9.jsonl")
    strange.write_bytes(rows(1))

    answer = api.post("/datasets/mix/imports", json={"path": "."})
    strange.unlink()

    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "The name 'caf\\udce9.jsonl' cannot be stored; rename the file."
    )
