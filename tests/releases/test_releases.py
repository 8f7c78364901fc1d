"""Releases: approved rows alone, in pieces, diffs, and what tampering looks like."""

import json
import shutil

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.releases import service
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.scoring import service as scoring
from tests.factories import fill, instruction, make_dataset, run_job


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    rows = fill(session, made, lead, [instruction(f"Question {n}?") for n in range(12)])
    for sample, status in zip(rows, [*list(Status), *[Status.APPROVED] * 6], strict=True):
        samples.set_status(session, sample, status, by=lead, action="test")
    session.commit()
    return made


def release(
    session: Session, api: TestClient, name: str = "v1", where: str = "", *formats: str
) -> str:
    answer = api.post(
        "/datasets/mix/releases",
        json={"name": name, "where": where, "formats": list(formats) or ["jsonl"]},
    )
    assert answer.status_code == 202, answer.text
    assert run_job(session, answer.json()["id"]).error is None
    return str(answer.json()["result"]["release"])


def test_nothing_but_approved_rows_is_released(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    release(session, api, "v1", "-status:dropped")

    ids = {row[0] for row in api.get("/releases/v1/manifest").json()["rows"]}

    approved = select(Sample.id).where(Sample.status == Status.APPROVED)
    assert ids == set(session.scalars(approved))
    assert len(ids) == 7


def test_a_filter_narrows_it_and_an_empty_release_is_refused(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    one = session.scalars(select(Sample).where(Sample.status == Status.APPROVED)).first()
    assert one is not None
    release(session, api, "v1", f"id:{one.id}")
    assert api.get("/releases/v1").json()["rows"] == 1

    refused = api.post("/datasets/mix/releases", json={"name": "v2", "where": "id:0"})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "No approved row matches, so there is nothing to release."


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "not a name"}, 422),
        ({"name": "v2", "formats": ["docx"]}, 422),
        ({"name": "v1"}, 409),
        ({"name": "v2", "where": "nothing>=1"}, 422),
    ],
)
def test_what_can_not_be_released_is_refused(
    session: Session, dataset: Dataset, api: TestClient, body: dict[str, object], status: int
) -> None:
    release(session, api)

    assert api.post("/datasets/mix/releases", json=body).status_code == status


def test_annotators_do_not_release(dataset: Dataset, annotator_api: TestClient) -> None:
    answer = annotator_api.post("/datasets/mix/releases", json={"name": "v1"})

    assert answer.status_code == 403


def test_a_file_comes_in_pieces_and_is_resumed(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    release(session, api)
    path = "/releases/v1/files/jsonl.jsonl"
    whole = api.get(path)
    etag = whole.headers["etag"]
    assert etag == f'"{api.get("/releases/v1").json()["files"][0]["sha256"]}"'

    half = len(whole.content) // 2
    first = api.get(path, headers={"Range": f"bytes=0-{half - 1}"})
    rest = api.get(path, headers={"Range": f"bytes={half}-", "If-Range": etag})

    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == whole.content
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304
    other = api.get(path, headers={"Range": f"bytes={half}-", "If-Range": '"other"'})
    assert other.status_code == 200
    assert api.head(path).headers["content-length"] == str(len(whole.content))
    assert api.get("/releases/v1/files/nothing").status_code == 404
    assert api.get("/releases/v1/files/manifest.json").json()["release"] == "v1"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=abc", 422),
        ("bytes=", 422),
        ("bytes", 422),
        ("items=0-5", 422),
        ("bytes=5-1", 422),
        ("bytes=0-1-2", 422),
        ("bytes=0-1,9-8", 422),
        ("bytes=-0", 416),
        ("bytes=100000000-", 416),
        ("bytes=100000000-100000001,-0", 416),
        ("bytes=0-99999999999999", 206),
        ("bytes=-99999999999999", 206),
        ("BYTES = 0 - 5", 206),
        ("bytes=0-1,3-4", 206),
        ("bytes=0-1,100000000-", 416),
    ],
)
def test_a_range_that_is_none_is_refused_in_words(
    session: Session, dataset: Dataset, api: TestClient, wanted: str, status: int
) -> None:
    release(session, api)
    path = "/releases/v1/files/jsonl.jsonl"

    answer = api.get(path, headers={"Range": wanted})

    assert answer.status_code == status
    if status != 206:
        assert answer.headers["content-type"] == "application/problem+json"
    if status == 416:
        whole = api.get(path).headers["content-length"]
        assert answer.headers["content-range"] == f"bytes */{whole}"
    older = api.get(path, headers={"Range": wanted, "If-Range": '"older"'})
    assert older.status_code == 200


def test_rows_come_by_cursor_in_a_layout(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    release(session, api, "v1", "", "jsonl-messages")
    seen: list[str] = []
    cursor = None
    while True:
        params = {"format": "jsonl-messages", "limit": "3"}
        params |= {"cursor": cursor} if cursor else {}
        page = api.get("/releases/v1/rows", params=params).json()
        seen += [row["messages"][0]["content"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == page["total"] == 7
    assert api.get("/releases/v1/rows", params={"format": "docx"}).status_code == 422


def test_a_release_keeps_what_it_froze(
    session: Session, dataset: Dataset, api: TestClient, lead: Principal
) -> None:
    release(session, api)
    before = api.get("/releases/v1/rows").json()
    one = session.scalars(select(Sample).where(Sample.status == Status.APPROVED)).first()
    assert one is not None
    edited = {"instruction": "Changed?", "input": "", "output": "Changed."}
    samples.edit(session, one.id, edited, revision=1, by=lead)
    session.commit()

    assert api.get("/releases/v1/rows").json() == before


def test_the_difference_of_two_releases(
    session: Session, dataset: Dataset, api: TestClient, lead: Principal
) -> None:
    release(session, api, "v1")
    rows = session.scalars(select(Sample).order_by(Sample.id)).all()
    pending, approved, other = rows[0], rows[-1], rows[-2]
    samples.set_status(session, pending, Status.APPROVED, by=lead, action="test")
    samples.set_status(session, approved, Status.REJECTED, by=lead, action="test")
    edited = {"instruction": "Changed?", "input": "", "output": "Changed."}
    samples.edit(session, other.id, edited, revision=1, by=lead)
    assert other.status is Status.PENDING  # nobody has approved the new text yet
    samples.set_status(session, other, Status.APPROVED, by=lead, action="test")
    session.commit()
    release(session, api, "v2")

    diff = api.get("/releases/v2/diff", params={"against": "v1"}).json()

    assert diff == {
        "added": [pending.id],
        "removed": [approved.id],
        "changed": [other.id],
        "added_count": 1,
        "removed_count": 1,
        "changed_count": 1,
    }


def test_what_a_layout_can_not_hold_is_counted(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    release(session, api, "v1", "", "jsonl-dpo", "jsonl-text")

    manifest = api.get("/releases/v1/manifest").json()

    assert sum(manifest["left_out"]["jsonl-dpo"].values()) == 7
    rows = {file["name"]: file["rows"] for file in manifest["files"]}
    assert rows["jsonl-text.jsonl"] == 7


def test_a_release_whose_files_are_gone_says_what_to_do(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    made = release(session, api)
    shutil.rmtree(service.folder(service.find(session, made)))

    answer = api.get("/releases/v1/files/jsonl.jsonl")

    assert answer.status_code == 404
    assert "Retry the job" in answer.json()["detail"]


def test_a_release_that_is_built_is_not_ready(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    api.post("/datasets/mix/releases", json={"name": "v1"})

    assert api.get("/releases/v1/manifest").status_code == 409
    assert api.get("/releases/v1/rows").status_code == 409
    assert api.get("/releases/nothing").status_code == 404


def test_an_exported_row_answers_who_what_when_and_a_tampered_one_is_found(
    session: Session, dataset: Dataset, api: TestClient, lead: Principal
) -> None:
    release(session, api)
    row = json.loads(api.get("/releases/v1/files/jsonl.jsonl").content.splitlines()[0])
    ledger = api.get(f"/samples/{row['id']}/ledger").json()
    assert ledger["whole"] is True
    kinds = [entry["kind"] for entry in ledger["items"]]
    assert kinds[0] == "released"
    assert kinds[-1] == "imported"
    assert any(entry["by"] == "lead@example.org" for entry in ledger["items"])

    # Behind our back: the text of one row, the history of another.
    session.execute(
        text(
            "UPDATE sample_bodies SET body = jsonb_set(body, '{output}', '\"forged\"') "
            "WHERE sample_id = :id"
        ),
        {"id": int(row["id"])},
    )
    assert api.get(f"/samples/{row['id']}/ledger").json()["whole"] is False
    other = json.loads(api.get("/releases/v1/files/jsonl.jsonl").content.splitlines()[1])["id"]
    session.execute(text("ALTER TABLE audit_events DISABLE TRIGGER keep"))
    session.execute(
        text("UPDATE audit_events SET actor = 'somebody else' WHERE sample_id = :id"),
        {"id": int(other)},
    )
    assert api.get(f"/samples/{other}/ledger").json()["whole"] is False


def test_the_writers_and_formats_are_listed(api: TestClient) -> None:
    assert [one["key"] for one in api.get("/writers").json()["items"]] == ["jsonl", "parquet"]
    assert "jsonl-messages" in api.get("/formats").json()["items"]


def test_a_lost_file_is_built_again_to_the_byte_by_a_retry(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    made = release(session, api)
    found = service.find(session, made)
    before = api.get("/releases/v1/files/jsonl.jsonl").content
    shutil.rmtree(service.folder(found))

    assert api.post(f"/jobs/{found.job_id}/retry").status_code == 200
    assert run_job(session, str(found.job_id)).error is None

    assert api.get("/releases/v1/files/jsonl.jsonl").content == before


def test_a_release_that_was_cancelled_is_not_building_for_ever(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    started = api.post("/datasets/mix/releases", json={"name": "v1"}).json()
    api.post(f"/jobs/{started['id']}/cancel")
    assert run_job(session, started["id"]).status == "cancelled"
    assert api.get("/releases/v1").json()["status"] == "failed"

    api.post(f"/jobs/{started['id']}/retry")
    run_job(session, started["id"])
    assert api.get("/releases/v1").json()["status"] == "ready"


def test_an_edit_takes_the_approval_with_it(
    session: Session, dataset: Dataset, api: TestClient, annotator_api: TestClient
) -> None:
    one = session.scalars(select(Sample).where(Sample.status == Status.APPROVED)).first()
    assert one is not None
    edited = {"instruction": "Unread?", "input": "", "output": "Unread."}
    patched = annotator_api.patch(f"/samples/{one.id}", json={"revision": 1, "body": edited})
    assert patched.json()["status"] == "pending"

    release(session, api)

    assert one.id not in {row[0] for row in api.get("/releases/v1/manifest").json()["rows"]}


def test_a_dataset_with_releases_is_not_deleted_by_the_way(
    session: Session, dataset: Dataset, api: TestClient, admin_api: TestClient
) -> None:
    made = service.find(session, release(session, api))
    made_id, folder = made.id, service.folder(made)
    refused = admin_api.delete("/datasets/mix")
    assert refused.status_code == 409
    assert "has 1 releases" in refused.json()["detail"]

    gone = admin_api.delete("/datasets/mix", params={"releases": True})

    assert run_job(session, gone.json()["id"]).error is None
    assert not folder.exists()
    assert admin_api.get(f"/releases/{made_id}").status_code == 404


def test_a_release_says_what_is_known_of_personal_data(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    release(session, api, "before")
    rows = fill(session, dataset, lead, [instruction("Write to jo@example.org."), instruction("?")])
    for sample in rows[-2:]:
        samples.set_status(session, sample, Status.APPROVED, by=lead, action="test")
    session.commit()
    wanted = [scoring.Wanted("pii_patterns", {})]
    where = f"id:{rows[-2].id},{rows[-1].id}"
    run_job(session, scoring.start(session, dataset, wanted, by=lead, where=where).id)

    release(session, api, "after")

    before, after = (
        api.get(f"/releases/{name}/manifest").json()["personal_data"]
        for name in ("before", "after")
    )
    assert before == {"rows": 0, "not_measured": 7}
    assert after == {"rows": 1, "not_measured": 7}
    card = api.get("/releases/after/files/README.md").text
    assert "1 rows have some, 7 were not measured." in card
