"""Datasets and imports: every format, folders, mappings, paths that lead nowhere."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets import imports, incoming, service
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.samples.models import Sample
from app.settings import settings
from tests.conftest import browser_of
from tests.factories import fill, make_dataset, numbered, run_job

ROWS = [
    {"instruction": f"Task {n}", "input": "", "output": f"Result {n}", "rating": n, "shard": "t"}
    for n in range(6)
]


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


def delimited(separator: str) -> bytes:
    lines = [separator.join(ROWS[0])]
    lines += [separator.join(str(value) for value in row.values()) for row in ROWS]
    return "\n".join(lines).encode()


JSONL = "\n".join(json.dumps(row) for row in ROWS).encode()
FORMATS = {
    "rows.jsonl": JSONL,
    "rows.json": json.dumps(ROWS).encode(),
    "rows.csv": delimited(","),
    "rows.tsv": delimited("\t"),
    "rows.parquet": parquet(),
    "rows.jsonl.gz": gzip.compress(JSONL),
    "rows.jsonl.zst": zstandard.compress(JSONL),
    "rows.parquet.gz": gzip.compress(parquet()),
}


@pytest.fixture
def dataset(session: Session, lead: Principal, bells: list[str]) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def browser(session: Session, lead: Principal, bells: list[str]) -> TestClient:
    return browser_of(session, lead)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_imported_and_rated_columns_become_signals(
    session: Session, dataset: Dataset, api: TestClient, name: str
) -> None:
    answer = api.post(
        "/datasets/mix/imports", files={"file": (name, FORMATS[name])}, data={"license": "MIT"}
    )
    job = run_job(session, answer.json()["id"])

    assert job.error is None
    assert job.result["created"] == 6, job.result
    found = api.get("/datasets/mix/samples", params={"where": "rating>=4", "total": True}).json()
    assert found["total"] == 2
    assert found["items"][0]["metadata"] == {"shard": "t"}
    assert found["items"][0]["source"] == "rows"


def test_plain_text_is_one_sample_a_file(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    answer = api.post("/datasets/mix/imports", files={"file": ("a.txt", b"First.\n\nSecond.")})

    assert run_job(session, answer.json()["id"]).result["created"] == 1
    assert api.get("/datasets/mix/samples").json()["items"][0]["kind"] == "text"


def test_a_folder_and_several_files_at_once(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    folder = settings().import_folder / "batch"
    (folder / "inner").mkdir(parents=True, exist_ok=True)
    (folder / "a.jsonl").write_bytes(JSONL)
    (folder / "inner" / "b.json").write_text(json.dumps([{"text": "One."}, {"text": "Two."}]))
    (folder / ".hidden").write_text("no")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)

    answer = api.post("/datasets/mix/imports", json={"path": "batch", "source": "both"})
    job = run_job(session, answer.json()["id"])

    assert job.error is None
    assert (job.result["created"], job.result["rejected"]) == (8, 1)
    letter = api.get(f"/jobs/{job.id}/dead-letters").json()["items"][0]
    assert letter["place"] == "batch/picture.png"
    assert "a picture" in letter["reason"]
    listed = api.get("/datasets/mix/imports").json()["items"][0]
    assert (listed["created"], listed["rejected"]) == (8, 1)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"path": "../../etc/passwd"}, 422, "leads out of the import folder"),
        ({"path": "nothing"}, 404, "There is no `nothing`"),
        ({}, 422, "path"),
        ({"path": ""}, 422, "Send a file"),
        ({"path": "x", "origin": "moon"}, 422, "origin"),
    ],
)
def test_paths_that_lead_nowhere_are_refused(
    dataset: Dataset, api: TestClient, body: dict[str, str], status: int, sentence: str
) -> None:
    answer = api.post("/datasets/mix/imports", json=body)

    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


def test_a_body_that_is_no_object_is_refused(dataset: Dataset, api: TestClient) -> None:
    for content in (b"[1]", b"{not json"):
        answer = api.post(
            "/datasets/mix/imports", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
    bad_map = api.post(
        "/datasets/mix/imports", files={"file": ("a.jsonl", JSONL)}, data={"map": "nope"}
    )
    assert bad_map.status_code == 422


def test_a_mapping_is_overridden_and_a_missing_column_is_named(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    fields = {"map": json.dumps({"output": "shard"}), "scores": "none"}
    answer = api.post("/datasets/mix/imports", files={"file": ("a.jsonl", JSONL)}, data=fields)
    run_job(session, answer.json()["id"])
    item = api.get("/datasets/mix/samples").json()["items"][0]
    assert (item["body"]["output"], item["scores"]) == ("t", {})

    fields = {"map": json.dumps({"output": "colour"})}
    refused = api.post("/datasets/mix/imports", files={"file": ("a.jsonl", JSONL)}, data=fields)
    assert refused.status_code == 422
    assert "There is no column `colour`" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("scores", "names"),
    [("all", {"rating", "size"}), ("likely", {"rating"}), ("size", {"size"}), ("none", set())],
)
def test_which_columns_become_signals_is_the_leads_choice(
    session: Session, dataset: Dataset, api: TestClient, scores: str, names: set[str]
) -> None:
    rows = [{**row, "size": 3} for row in ROWS]
    content = "\n".join(json.dumps(row) for row in rows).encode()

    answer = api.post(
        "/datasets/mix/imports", files={"file": ("a.jsonl", content)}, data={"scores": scores}
    )

    assert run_job(session, answer.json()["id"]).error is None
    assert set(api.get("/datasets/mix/samples").json()["items"][0]["scores"]) == names


def test_a_column_that_is_not_there_is_no_signal(dataset: Dataset, api: TestClient) -> None:
    answer = api.post(
        "/datasets/mix/imports", files={"file": ("a.jsonl", JSONL)}, data={"scores": "colour"}
    )

    assert answer.status_code == 422
    assert "no numeric column `colour`" in answer.json()["detail"]


def test_an_unknown_layout_is_refused_before_anything_is_written(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    answer = api.post("/datasets/mix/imports", files={"file": ("a.jsonl", b'{"colour": "red"}')})

    assert answer.status_code == 422
    assert "No known layout has the columns colour" in answer.json()["detail"]
    assert session.scalar(select(func.count()).select_from(Sample)) == 0


def test_an_empty_file_says_so(session: Session, dataset: Dataset, api: TestClient) -> None:
    answer = api.post("/datasets/mix/imports", files={"file": ("a.jsonl", b"")})
    job = run_job(session, answer.json()["id"])

    assert job.result["rejected"] == 1
    reason = api.get(f"/jobs/{job.id}/dead-letters").json()["items"][0]["reason"]
    assert reason == "The file is empty; nothing was read."


def test_a_file_that_was_mended_is_read_again_by_a_retry(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    folder = settings().import_folder
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mended.jsonl"
    path.write_bytes(JSONL.replace(b'"instruction": "Task 3"', b'"instruction" "Task 3"'))
    started = api.post("/datasets/mix/imports", json={"path": "mended.jsonl"}).json()
    job = run_job(session, started["id"])
    assert (job.result["created"], job.result["rejected"]) == (5, 1)
    path.write_bytes(JSONL)

    api.post(f"/jobs/{job.id}/retry")
    again = run_job(session, job.id)

    assert (again.result["created"], again.result["rejected"]) == (6, 0)
    assert api.get(f"/jobs/{job.id}/dead-letters").json()["items"] == []


def test_an_upload_that_is_too_large_is_refused(
    dataset: Dataset, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = settings().model_copy(update={"max_upload_mb": 0})
    monkeypatch.setattr("app.datasets.incoming.settings", lambda: small)

    answer = api.post("/datasets/mix/imports", files={"file": ("a.jsonl", JSONL)})

    assert answer.status_code == 413
    assert "by path" in answer.json()["detail"]


def test_an_import_in_the_browser_from_file_to_catalog(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    looked = browser.post(
        "/datasets/mix/import",
        files={"file": ("a.jsonl", JSONL)},
        data={"source": "mine", "origin": "human", "license": "MIT"},
    )
    assert looked.status_code == 200
    assert "Taken for Alpaca" in looked.text
    path = looked.url.path

    fields = {"field.instruction": "instruction", "field.output": "shard", "kind": "instruction"}
    started = browser.post(path, data=fields | {"score": ["rating"]})
    assert started.status_code == 200
    batch = imports.history(session, dataset.id)[0]
    assert batch.job_id is not None
    run_job(session, batch.job_id)

    done = browser.get(path)
    assert '<b class="m">6</b> new' in done.text
    assert browser.post(path, data=fields).status_code == 422
    sample = session.scalars(select(Sample)).first()
    assert sample is not None
    assert sample.origin == "human"
    assert "t" in browser.get(f"/samples/{sample.id}").text


def test_a_wrong_choice_on_the_import_page_is_told(dataset: Dataset, browser: TestClient) -> None:
    nothing = browser.post("/datasets/mix/import", data={"path": ""})
    assert nothing.status_code == 422
    looked = browser.post("/datasets/mix/import", files={"file": ("a.jsonl", JSONL)})
    fields = {"kind": "chat", "field.messages": ""}
    assert browser.post(looked.url.path, data=fields).status_code == 422
    other = browser.get(f"{looked.url.path}?kind=chat")
    assert 'name="field.messages"' in other.text
    same = {"kind": "instruction", "field.instruction": "instruction", "field.input": "input"}
    done = browser.post(looked.url.path, data=same | {"field.output": "output"})
    assert done.status_code == 200


def test_datasets_are_made_changed_and_deleted(
    session: Session, dataset: Dataset, admin: Principal, lead: Principal, admin_api: TestClient
) -> None:
    fill(session, dataset, lead, numbered(7))
    changed = admin_api.patch("/datasets/mix", json={"guidelines": "Read.", "purpose": "sft"})
    assert (changed.json()["guidelines"], changed.json()["purpose"]) == ("Read.", "sft")
    with pytest.raises(ForbiddenError):
        service.delete(session, dataset, by=lead)

    gone = admin_api.delete("/datasets/mix")
    assert gone.status_code == 202
    assert admin_api.get("/datasets/mix").status_code == 404
    assert admin_api.post("/datasets", json={"name": "mix"}).status_code == 201
    assert run_job(session, gone.json()["id"]).error is None
    assert session.scalar(select(func.count()).select_from(Sample)) == 0
    assert [one["name"] for one in admin_api.get("/datasets").json()["items"]] == ["mix"]


def test_names_of_datasets(session: Session, dataset: Dataset, lead: Principal) -> None:
    with pytest.raises(ConflictError, match="already"):
        service.create(session, name="mix", by=lead)
    for name in ("", "A", "-a", "a b", "a" * 64):
        with pytest.raises(InvalidError):
            service.create(session, name=name, by=lead)
    with pytest.raises(NotFoundError):
        incoming.files_under("nowhere")
    empty = settings().import_folder / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    with pytest.raises(InvalidError, match="holds no files"):
        incoming.files_under("empty")
    assert Path(settings().import_folder).is_dir()


def test_the_pages_of_datasets(session: Session, dataset: Dataset, browser: TestClient) -> None:
    made = browser.post("/datasets", data={"name": "new", "purpose": "sft"})
    assert made.url.path == "/datasets/new/import"
    menu = browser.get("/menu/datasets", params={"current": "mix"}).text
    assert "mix" in menu
    assert "new" in menu
