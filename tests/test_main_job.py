"""The main job over REST: import, score, filter, review, release, pull."""

import hashlib
import io
import json
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from tests.factories import run_job

ROWS = [
    {
        "id": f"row-{n}",
        "instruction": f"Explain the number {n}.",
        "input": "",
        "output": f"The number {n} follows {n - 1} and comes before {n + 1}." if n % 5 else "No.",
        "domain": "math",
        "judge_score": 1 + n % 5,
    }
    for n in range(20)
]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def do_import(
    session: Session, api: TestClient, content: bytes, name: str = "made.jsonl", **fields: str
) -> dict[str, Any]:
    answer = api.post(
        "/datasets/mix/imports",
        files={"file": (name, io.BytesIO(content))},
        data={"source": "made", "license": "cc0-1.0", **fields},
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['id']}"
    run_job(session, answer.json()["id"])
    job: dict[str, Any] = api.get(f"/jobs/{answer.json()['id']}").json()
    return job


def test_the_main_job(session: Session, api: TestClient) -> None:
    assert api.post("/datasets", json={"name": "mix"}).status_code == 201

    imported = do_import(session, api, jsonl(ROWS))
    assert imported["status"] == "succeeded"
    assert imported["result"]["created"] == 20

    scored = api.post("/datasets/mix/scores", json={"signals": [{"key": "response_words"}]})
    assert scored.status_code == 202
    assert run_job(session, scored.json()["id"]).error is None

    where = "judge_score>=2 response_words>=3"
    preview = api.post("/datasets/mix/preview", json={"where": where}).json()
    assert preview["total"] == 20
    assert preview["matched"] == 16
    assert [step["lost"] for step in preview["steps"]] == [4, 0]

    rules = api.post("/datasets/mix/rules", json={"name": "keep", "where": where}).json()
    applied = api.post(f"/rules/{rules['id']}/apply")
    assert run_job(session, applied.json()["id"]).result == {"dropped": 4, "restored": 0}
    dropped = api.get("/datasets/mix/samples", params={"where": "status:dropped"}).json()["items"]
    assert {item["external_id"] for item in dropped} == {"row-0", "row-5", "row-10", "row-15"}
    ledger = api.get(f"/samples/{dropped[0]['id']}/ledger").json()
    assert ledger["whole"] is True
    assert ledger["items"][0]["detail"] == "it fails judge_score>=2, it has 1"

    for _ in range(3):
        shown = api.get("/review/next", params={"dataset": "mix"}).json()["sample"]
        decision = {"verdict": "approve", "revision": shown["revision"]}
        assert api.post(f"/samples/{shown['id']}/decisions", json=decision).status_code == 201

    made = api.post(
        "/datasets/mix/releases",
        json={"name": "v1", "formats": ["jsonl", "jsonl-messages", "parquet"]},
    )
    assert run_job(session, made.json()["id"]).error is None
    manifest = api.get("/releases/v1/manifest").json()
    assert len(manifest["rows"]) == 3
    assert manifest["counts"]["licence"] == {"CC0-1.0": 3}
    for file in manifest["files"]:
        body = api.get(f"/releases/v1/files/{file['name']}").content
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
    first = json.loads(api.get("/releases/v1/files/jsonl.jsonl").content.splitlines()[0])
    assert first["instruction"] == "Explain the number 1."
    assert first["scores"]["judge_score"] == 2.0


def test_a_second_import_of_the_same_file_changes_nothing(
    session: Session, api: TestClient
) -> None:
    api.post("/datasets", json={"name": "mix"})
    do_import(session, api, jsonl(ROWS))
    before = api.get("/datasets/mix/samples", params={"total": True}).json()

    again = do_import(session, api, jsonl(ROWS))

    assert again["result"]["created"] == 0
    assert again["result"]["existing"] == 20
    assert api.get("/datasets/mix/samples", params={"total": True}).json() == before


def test_good_rows_land_and_bad_ones_are_listed_with_their_line(
    session: Session, api: TestClient
) -> None:
    api.post("/datasets", json={"name": "mix"})
    content = jsonl(ROWS[:2]) + b'\n{"instruction": "cut off\n' + jsonl(ROWS[2:4])

    job = do_import(session, api, content)

    assert job["result"]["created"] == 4
    assert job["result"]["rejected"] == job["failed"] == 1
    letter = api.get(f"/jobs/{job['id']}/dead-letters").json()["items"][0]
    assert (letter["place"], letter["line"]) == ("made.jsonl", 3)


def test_a_row_of_the_wrong_schema_is_rejected_with_its_line(
    session: Session, api: TestClient
) -> None:
    api.post("/datasets", json={"name": "mix", "purpose": "preference"})

    job = do_import(session, api, jsonl(ROWS[:2]))

    assert job["result"]["created"] == 0
    letters = api.get(f"/jobs/{job['id']}/dead-letters").json()["items"]
    assert [letter["line"] for letter in letters] == [1, 2]
    assert letters[0]["reason"] == (
        "It is a instruction sample; a preference dataset takes preference."
    )


def test_production_events_land_once_and_wait_for_review(session: Session, api: TestClient) -> None:
    api.post("/datasets", json={"name": "mix"})
    events = [
        {"external_id": f"event-{n}", "kind": "instruction", "origin": "human"}
        | {"body": {"instruction": f"Question {n}", "input": "", "output": f"Answer {n}"}}
        for n in range(100)
    ]
    body = "\n".join(json.dumps(event) for event in events)

    first = api.post("/datasets/mix/samples", content=body).json()
    second = api.post("/datasets/mix/samples", content=body).json()

    assert (first["created"], first["existing"], first["rejected"]) == (100, 0, [])
    assert (second["created"], second["existing"]) == (0, 100)
    pending = api.get("/datasets/mix/samples", params={"where": "status:pending", "total": True})
    assert pending.json()["total"] == 100


def test_the_same_release_built_again_is_the_same_to_the_byte(
    session: Session, api: TestClient
) -> None:
    api.post("/datasets", json={"name": "mix"})
    do_import(session, api, jsonl(ROWS))
    for _ in range(4):
        shown = api.get("/review/next", params={"dataset": "mix"}).json()["sample"]
        decision = {"verdict": "approve", "revision": shown["revision"]}
        api.post(f"/samples/{shown['id']}/decisions", json=decision)
    formats = ["jsonl", "parquet", "jsonl-alpaca", "jsonl-sharegpt", "jsonl-text"]
    made = api.post("/datasets/mix/releases", json={"name": "v1", "formats": formats}).json()
    run_job(session, made["id"])
    before = api.get("/releases/v1/manifest").json()
    # What the catalog says of the rows changes afterwards: scores, language, status.
    rescored = api.post("/datasets/mix/scores", json={"signals": [{"key": "lengths"}]}).json()
    run_job(session, rescored["id"])

    from app.jobs.models import Job, JobChunk, JobStatus  # noqa: PLC0415

    session.query(JobChunk).filter(JobChunk.job_id == made["id"]).update(
        {"status": JobStatus.QUEUED}
    )
    session.query(Job).filter(Job.id == made["id"]).update({"status": JobStatus.QUEUED})
    run_job(session, made["id"])

    assert api.get("/releases/v1/manifest").json() == before
