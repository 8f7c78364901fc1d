"""Ratings from elsewhere on samples that are here; the verdicts of PandaLM's judges among them."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.samples import registry
from tests.conftest import browser_of
from tests.curation.conftest import real_data
from tests.endpoint import Json
from tests.factories import fill, instruction, make_dataset
from tests.shell import Here, winnow

__all__ = ["real_data"]  # the fixture


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction(f"Q {n}?", external_id=f"q-{n}") for n in range(6)])
    return made


def send(api: TestClient, rows: str | bytes, name: str = "r.jsonl", **form: str) -> Json:
    answer = api.post("/datasets/mix/ratings", files={"file": (name, rows)}, data=form)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def by_id(api: TestClient, name: str) -> dict[str, float | None]:
    items = api.get("/datasets/mix/samples?fields=external_id,scores&limit=100").json()["items"]
    return {one["external_id"]: one["scores"].get(name) for one in items}


def lines(*rows: Json) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_every_column_is_a_signal_and_the_good_rows_land(api: TestClient, dataset: Dataset) -> None:
    rows = lines(
        {"external_id": "q-0", "ann": 4, "bob": 1.5},
        {"external_id": "q-1", "ann": "3"},
        {"external_id": "q-9", "ann": 1},
        {"ann": 1},
        {"external_id": "q-2", "ann": "very good"},
        {"external_id": "q-0", "ann": 5},
    )

    found = send(api, rows + "\nno json")

    assert (found["rated"], found["signals"], found["rejected_count"]) == (2, ["ann", "bob"], 4)
    assert by_id(api, "ann") == {"q-0": 5.0, "q-1": 3.0} | dict.fromkeys(
        ["q-2", "q-3", "q-4", "q-5"]
    )
    assert by_id(api, "bob")["q-0"] == 1.5
    reasons = {one["line"]: one["reason"] for one in found["rejected"]}
    assert "no sample with the external_id `q-9`" in reasons[3]
    assert "no `external_id`" in reasons[4]
    assert "no number in ann" in reasons[5]
    assert 7 in reasons


def test_a_second_file_adds_and_replaces_but_takes_nothing_away(
    api: TestClient, dataset: Dataset
) -> None:
    send(api, lines({"external_id": "q-0", "ann": 4}, {"external_id": "q-1", "ann": 2}))
    send(api, lines({"external_id": "q-1", "ann": 3, "eve": 1}))

    assert by_id(api, "ann")["q-0"] == 4
    assert by_id(api, "ann")["q-1"] == 3
    assert by_id(api, "eve")["q-0"] is None


def test_words_have_their_worth_and_rows_find_samples_by_number(
    session: Session, api: TestClient, dataset: Dataset
) -> None:
    first = api.get("/datasets/mix/samples?sort=id").json()["items"][0]["id"]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerows([["nr", "verdict", "note"], [first, "good", "7"], [first + 1, "bad", "8"]])

    found = send(
        api,
        table.getvalue(),
        "r.csv",
        on="id",
        column="nr",
        columns="verdict",
        values="good=1, bad=0",
    )

    assert (found["rated"], found["signals"]) == (2, ["verdict"])
    assert by_id(api, "verdict")["q-0"] == 1
    assert by_id(api, "verdict")["q-1"] == 0
    assert [one.name for one in registry.signals(session, dataset.id)] == ["verdict"]


@pytest.mark.parametrize(
    ("rows", "form", "says"),
    [
        (b"\x00\x01\xff\xfe binary \x00", {}, ""),
        (lines({"who": 1}), {}, "Which column tells the sample?"),
        (lines({"external_id": "q-0", "a b": 1}), {}, "can't be asked for in filters"),
        (lines({"external_id": "q-0", "a": 1}), {"values": "good"}, "write `word=1`"),
        (lines({"external_id": "q-0", "a": 1}), {"values": "{"}, "no JSON object"),
        (lines({"external_id": "q-0", "a": 1}), {"on": "name"}, "ratings.on"),
        (lines({"external_id": "q-0", **{f"c{n}": 1 for n in range(60)}}), {}, "more than 50"),
    ],
)
def test_what_is_wrong_is_said(
    api: TestClient, dataset: Dataset, rows: str | bytes, form: dict[str, str], says: str
) -> None:
    answer = api.post("/datasets/mix/ratings", files={"file": ("r.jsonl", rows)}, data=form)

    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_a_file_of_which_nothing_fits_is_refused_with_its_lines(
    api: TestClient, dataset: Dataset
) -> None:
    rows = lines({"external_id": "q-0", "ann": 4}, {"external_id": "q-1", "ann": 2})

    refused = api.post(
        "/datasets/mix/ratings", files={"file": ("r.jsonl", rows)}, data={"columns": "bob"}
    )
    empty = api.post("/datasets/mix/ratings", files={"file": ("r.jsonl", b"\n")})

    assert refused.status_code == empty.status_code == 422
    problem = refused.json()
    assert (
        problem["detail"] == "None of the 2 rows could be used. Line 1: There is no number in bob."
    )
    assert [one["path"] for one in problem["errors"]] == ["line 1", "line 2"]
    assert "no rows" in empty.json()["detail"]
    assert set(by_id(api, "ann").values()) == {None}


def test_only_leads_one_file_and_no_measured_signal(
    session: Session, api: TestClient, annotator_api: TestClient, dataset: Dataset
) -> None:
    rows = lines({"external_id": "q-0", "judged": 1})
    files = {"file": ("r.jsonl", rows)}
    assert annotator_api.post("/datasets/mix/ratings", files=files).status_code == 403
    assert api.post("/datasets/mix/ratings", data={"on": "id"}).status_code == 422
    spec = registry.SignalSpec("judged", "Judged", "judge", "x")
    registry.claim_slots(session, dataset.id, [spec], None)

    assert api.post("/datasets/mix/ratings", files=files).status_code == 409


def test_in_the_browser_and_on_the_command_line(
    session: Session,
    api: TestClient,
    lead: Principal,
    bells: list[str],
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    browser = browser_of(session, lead)
    rows = lines({"external_id": "q-0", "ann": 4}, {"external_id": "x", "ann": 4})
    page = browser.post("/datasets/mix/ratings", files={"file": ("r.jsonl", rows)}).text
    assert "1 samples were rated" in page
    assert "no sample with the external_id `x`" in page
    assert "Add ratings" in browser.get("/datasets/mix/scores").text

    monkeypatch.setattr("app.cli_labels.from_environment", lambda: Here(api, session))
    file = tmp_path / "more.jsonl"
    file.write_text(lines({"external_id": "q-3", "eve": "y"}, *[{"external_id": "no"}] * 7))
    code, said = winnow("rate", "mix", file, "--value", "y=2")
    assert (code, "1 samples rated: eve." in said, "and 2 more" in said) == (0, True, True)


def test_verdicts_of_published_judges_are_compared_with_those_of_people(
    session: Session, api: TestClient, lead: Principal, real_data: Path
) -> None:
    """The published agreement of three people (0.85, 0.88, 0.86) is found again; a judge's too.

    Where GPT-3.5 answered garbage it has no verdict, which is not a wrong one.
    """
    folder = real_data / "judge_pandalm"
    pairs = json.loads((folder / "testset-v1.json").read_text())
    judged = json.loads((folder / "gpt-3.5-turbo-testset-v1.json").read_text())
    made = make_dataset(session, lead)
    rows = [
        Record(
            Kind.PREFERENCE,
            {
                "prompt": f"{one['instruction']}\n{one['input']}".strip(),
                "chosen": str(one["response1"]),
                "rejected": str(one["response2"]),
            },
            external_id=str(one["idx"]),
        )
        for one in pairs
    ]
    fill(session, made, lead, rows)
    people = [
        {"idx": one["idx"], **{f"person{n}": one[f"annotator{n}"] for n in (1, 2, 3)}}
        for one in pairs
    ]
    for one in people:
        votes = [int(one[f"person{n}"]) for n in (1, 2, 3)]
        one["majority"] = max(set(votes), key=votes.count)
    worth = '{"1": 1, "2": 0, "0": 0.5, "Tie": 0.5}'
    landed = send(api, json.dumps(people), "people.json", values=worth)
    send(api, json.dumps(judged), "gpt.json", values=worth, columns="gpt_result")
    # The catalog holds a pair once; the file repeats a few.
    assert landed["rated"] >= 900

    def kappa(one: str, other: str) -> float:
        query = f"signal={one}&against={other}&passing=1"
        found = api.get(f"/datasets/mix/calibration?{query}").json()["calibration"]
        return float(found["nominal"]["value"])

    agreed = [kappa("person1", "person2"), kappa("person1", "person3"), kappa("person2", "person3")]
    assert np.allclose(sorted(agreed), [0.85, 0.86, 0.88], atol=0.012)
    judge = api.get("/datasets/mix/calibration?signal=gpt_result&against=majority&passing=1").json()
    assert judge["calibration"]["count"] < landed["rated"]  # 25 replies hold no verdict
    said = {one["idx"]: one["gpt_result"].replace("Tie", "0") for one in judged}
    once = {tuple(row.body.values()): int(row.external_id or 0) for row in reversed(rows)}
    votes_of = {one["idx"]: str(one["majority"]) for one in people}
    known = [one for one in once.values() if said[one] != "garbage"]
    assert judge["calibration"]["count"] == len(known)
    alike = sum(said[one] == votes_of[one] for one in known) / len(known)
    assert judge["calibration"]["alike"] == pytest.approx(alike)
    assert judge["calibration"]["nominal"]["value"] < 0.6
    assert not judge["trusted"]
