"""Pairs of real answers: Dolly's with a ladder under each, UltraFeedback, PandaLM's votes."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.readers.layouts import propose
from app.curation.readers.mapping import mapper
from app.curation.readers.sniff import open_rows
from app.curation.records import Kind, Record, Rejected
from app.datasets.models import Dataset, Purpose
from app.generation import guards
from app.generation import service as generation
from app.generation.guards import CapIn
from app.generation.service import Order as GenerationOrder
from app.jobs.models import Job, JobStatus
from app.preferences import service
from app.preferences.orders import Order
from app.preferences.report import report
from app.releases import service as releases
from app.samples.models import Sample, SampleBody, SampleParent, Status
from tests.factories import fill, instruction, make_dataset, run_job

DATA = Path("../shared/data")
pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data"),
    pytest.mark.usefixtures("bells"),
]
FORMATS = ("jsonl-dpo", "jsonl-dpo-messages", "jsonl-kto", "jsonl-kto-messages", "jsonl-reward")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in (DATA / path).read_text(encoding="utf-8").splitlines()]


def build(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    by: str,
    into: str = "",
    **rules: object,
) -> Job:
    order = Order.model_validate({"by": by, "into": into, "rules": rules})
    job = run_job(session, service.start(session, dataset, order, by=lead).id)
    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    return job


def pairs(session: Session, dataset: Dataset) -> list[SampleBody]:
    query = (
        select(SampleBody)
        .join(Sample, Sample.id == SampleBody.sample_id)
        .where(Sample.dataset_id == dataset.id, Sample.kind == Kind.PREFERENCE)
    )
    return list(session.scalars(query.order_by(Sample.id)))


def dolly(count: int) -> list[Record]:
    rows = lines("dolly_part/dolly_with_context.jsonl")
    fit = [row for row in rows if len(row["response"].split()) > 12]
    made = [
        Record(
            Kind.INSTRUCTION,
            {"instruction": row["instruction"], "input": row["context"], "output": row["response"]},
        )
        for row in fit
    ]
    return made[:count]


def test_of_500_candidates_the_better_one_is_always_chosen_and_the_gates_hold(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, dolly(102))
    order = GenerationOrder(generator="ladder")
    run_job(session, generation.start(session, dataset, order, by=lead).id)
    candidates = session.query(Sample).filter_by(dataset_id=dataset.id).count()
    assert candidates >= 500
    below = select(func.count(SampleParent.child_id)).group_by(SampleParent.parent_id)
    tried = sum(math.comb(1 + count, 2) for count in session.scalars(below))

    job = build(session, dataset, lead, "ladder", pick="all", most=10)

    made = pairs(session, dataset)
    refused = Counter(job.result["refused"])
    assert len(made) > 500
    assert refused["length"] > 50  # the answer to another question is rarely of the same length
    assert len(made) + sum(refused.values()) == tried
    for one in made:
        told, body = one.sample_metadata, one.body
        assert told["chosen_score"] - told["rejected_score"] >= 0.2 - 1e-6
        assert 0.5 <= len(body["chosen"]) / len(body["rejected"]) <= 2
        assert body["chosen"].split() != body["rejected"].split()
        assert set(body) == {"prompt", "chosen", "rejected"}
        assert all(isinstance(value, str) and value for value in body.values())
    found = report(session, dataset)
    assert found.pairs == len(made)
    assert sum(found.margins.counts) == len(made)
    assert (found.margins.low, found.margins.high) == (0, 1)


def test_what_is_released_has_the_layouts_of_trainers_and_reads_back(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, dolly(20))
    order = GenerationOrder(generator="ladder")
    run_job(session, generation.start(session, dataset, order, by=lead).id)
    into = make_dataset(session, lead, "prefs", Purpose.PREFERENCE)
    guards.set_cap(session, into, CapIn(override_reason="ladders are made"), by=lead)
    build(session, dataset, lead, "ladder", "prefs", pick="all", most=3)
    made = [one.body for one in pairs(session, into)]
    session.execute(
        update(Sample).where(Sample.kind == Kind.PREFERENCE).values(status=Status.APPROVED)
    )
    session.commit()

    release, job = releases.start(session, into, name="v1", where="", formats=FORMATS, by=lead)
    assert run_job(session, job.id).status is JobStatus.SUCCEEDED

    folder = releases.folder(release)
    read = {
        name: list(map(json.loads, (folder / f"{name}.jsonl").read_bytes().splitlines()))
        for name in FORMATS
    }
    for name in FORMATS:
        assert len(read[name]) == len(made) * (2 if "kto" in name else 1)
    for pair, plain, talk, whole in zip(
        made, read["jsonl-dpo"], read["jsonl-dpo-messages"], read["jsonl-reward"], strict=True
    ):
        asked = [{"role": "user", "content": pair["prompt"]}]
        good, bad = (
            [{"role": "assistant", "content": pair[side]}] for side in ("chosen", "rejected")
        )
        assert {name: plain[name] for name in pair} == pair
        assert [talk[name] for name in ("prompt", "chosen", "rejected")] == [asked, good, bad]
        assert [whole[name] for name in ("chosen", "rejected")] == [asked + good, asked + bad]
        assert "prompt" not in whole
    assert [one["label"] for one in read["jsonl-kto"]] == [True, False] * len(made)
    assert len({one["id"] for one in read["jsonl-kto"]}) == 2 * len(made)
    for name in ("jsonl-dpo", "jsonl-dpo-messages", "jsonl-reward"):
        assert [one.body for one in back(folder / f"{name}.jsonl")] == made


def back(path: Path) -> list[Record]:
    """What our own reader makes of a file."""
    with open_rows(path) as rows:
        mapping = propose(row for row in rows if not isinstance(row, Rejected)).mapping
    assert mapping is not None
    with open_rows(path) as rows:
        found = [mapper(mapping)(row) for row in rows if not isinstance(row, Rejected)]
    return [one for one in found if isinstance(one, Record)]


def test_ultrafeedback_comes_out_as_it_was_binarised(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = lines("ultrafeedback_pairs_200/eval_clean.jsonl")
    records = [
        instruction(row["prompt"], row[side], scores={"overall": row["metadata"][f"score_{side}"]})
        for row in rows
        for side in ("rejected", "chosen")
    ]
    fill(session, dataset, lead, records)

    job = build(session, dataset, lead, "scores:overall", margin=0, min_ratio=0.01, max_ratio=1000)

    published = {(row["prompt"], row["chosen"], row["rejected"]) for row in rows}
    ties = sum(row["metadata"]["score_chosen"] <= row["metadata"]["score_rejected"] for row in rows)
    made = {
        (one.body["prompt"], one.body["chosen"], one.body["rejected"])
        for one in pairs(session, dataset)
    }
    assert made <= published
    assert len(made) >= len(published) - ties - job.result["refused"].get("length", 0)
    assert len(made) > 150


def test_votes_of_three_people_make_pairs_and_ties_none(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    rows = json.loads((DATA / "judge_pandalm/testset-v1.json").read_text(encoding="utf-8"))[:300]
    records, ties, seen = [], 0, set()
    for row in rows:
        asked = (row["instruction"], row["input"])
        answers = [row["response1"], row["response2"]]
        if asked in seen or not all(isinstance(one, str) and one for one in answers):
            continue
        if answers[0].split() == answers[1].split():
            continue
        seen.add(asked)
        votes = Counter(str(row[f"annotator{n}"]) for n in (1, 2, 3))
        ties += votes["1"] == votes["2"]
        for number in ("1", "2"):
            body = dict(zip(("instruction", "input"), asked, strict=True))
            body["output"] = row[f"response{number}"]
            records.append(Record(Kind.INSTRUCTION, body, scores={"votes": float(votes[number])}))
    fill(session, dataset, lead, records)

    job = build(session, dataset, lead, "scores:votes", margin=0, min_ratio=0.01, max_ratio=1000)

    refused = Counter(job.result["refused"])
    assert ties > 5
    assert refused["tie"] == ties
    assert len(pairs(session, dataset)) + ties + refused["length"] == len(records) // 2
    assert all(one.sample_metadata["margin"] > 0 for one in pairs(session, dataset))
