"""Preference pairs from every source: what is built, what is refused, made again, taken back."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal
from app.curation.pairs.building import Gate
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.generation import service as generation
from app.generation.service import Order as GenerationOrder
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind, JobStatus
from app.preferences import service
from app.preferences.drafting import draft
from app.preferences.orders import Order
from app.review import service as review
from app.review.models import Verdict
from app.samples import bulk, registry
from app.samples import service as samples
from app.samples.models import Sample, SampleDrop, SampleParent, Status
from app.verifying import service as verifying
from app.verifying.service import Order as VerifyOrder
from tests.factories import fill, instruction, make_dataset, run_job
from workers import pairing

pytestmark = pytest.mark.usefixtures("bells")
Build = Callable[..., Job]
LONG = "The old lighthouse keeper climbed 112 steps every evening to light the lamp for Bergen."


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def build(session: Session, dataset: Dataset, lead: Principal) -> Build:
    def run(by: str, **more: object) -> Job:
        order = Order.model_validate({"by": by, **more})
        return run_job(session, service.start(session, dataset, order, by=lead).id)

    return run


def pairs(session: Session, dataset: Dataset) -> list[Sample]:
    query = select(Sample).where(Sample.dataset_id == dataset.id, Sample.kind == Kind.PREFERENCE)
    return list(session.scalars(query.order_by(Sample.id)))


def bodies(session: Session, dataset: Dataset) -> list[dict[str, Any]]:
    return [samples.body(session, one).body for one in pairs(session, dataset)]


def told(session: Session, sample: Sample) -> dict[str, Any]:
    return samples.body(session, sample).sample_metadata


def scored(question: str, answer: str, score: float, **more: Any) -> Record:
    return instruction(question, answer, scores={"judge": score}, **more)


def ask(session: Session, dataset: Dataset, lead: Principal) -> list[Sample]:
    return fill(
        session,
        dataset,
        lead,
        [
            scored("Why?", "Since it is so.", 5, domain="law", language="en"),
            scored("why? ", "It just is so!", 2, origin=Origin.HUMAN),
            scored("Why?", "No idea at all", 1),
            scored("How?", "In the usual way.", 3, origin=Origin.HUMAN),
            scored("How?", "By some other way.", 3, origin=Origin.HUMAN),
            scored("Who?", "Somebody, surely.", 4),
            instruction("Who?", "Nobody knows that."),
        ],
    )


def test_answers_to_the_same_question_are_paired_by_their_score(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    best, _, worst, *_ = ask(session, dataset, lead)

    job = build("scores:judge", rules={"pick": "best_worst"})

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert job.result["pairs"] == 1
    assert job.result["refused"] == {"alone": 1, "tie": 1, "unscored": 1}
    assert (job.result["margin"], job.result["groups"]) == (1.0, 2)
    (pair,) = pairs(session, dataset)
    assert samples.body(session, pair).body == {
        "prompt": "Why?",
        "chosen": "Since it is so.",
        "rejected": "No idea at all",
    }
    assert (pair.status, pair.origin, pair.domain, pair.language) == (
        Status.PENDING,
        Origin.SYNTHETIC,
        "law",
        "en",
    )
    parents = session.scalars(select(SampleParent).where(SampleParent.child_id == pair.id))
    assert {one.relation: one.parent_id for one in parents} == {
        "chosen": best.id,
        "rejected": worst.id,
    }
    assert told(session, pair) == {
        "pair_by": "scores:judge",
        "margin": 4.0,
        "length_ratio": 1.0714,
        "chosen_score": 5.0,
        "rejected_score": 1.0,
        "chosen_sample": best.id,
        "rejected_sample": worst.id,
        "chosen_revision": 1,
        "rejected_revision": 1,
        "chosen_source": "written",
        "rejected_source": "written",
    }


def test_a_pair_of_people_is_of_people(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    human = {"origin": Origin.HUMAN}
    fill(
        session,
        dataset,
        lead,
        [
            scored("Why?", "Since it is so.", 5, **human),
            scored("Why?", "It just is so.", 2, **human),
            scored("Who?", "Anna, of course.", 5, **human),
            scored("Who?", "Ben, of course.", 2, origin=Origin.WEB),
        ],
    )

    build("scores:judge")

    assert [one.origin for one in pairs(session, dataset)] == [Origin.HUMAN, Origin.WEB]


def test_turns_of_a_chat_are_the_question(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    asked = {"role": "user", "content": "Why?"}
    records = [
        Record(
            Kind.CHAT,
            {"messages": [*talk, asked, {"role": "assistant", "content": answer}]},
            scores={"judge": score},
        )
        for answer, score in (("Since.", 4.0), ("Dunno.", 1.0))
    ]
    fill(session, dataset, lead, [*records, scored("Why?", "Alone here.", 4)])

    build("scores:judge")

    (body,) = bodies(session, dataset)
    assert body == {
        "prompt": "Human: Hi\n\nAssistant: Yes?\n\nHuman: Why?",
        "chosen": "Since.",
        "rejected": "Dunno.",
    }


def test_made_again_nothing_is_doubled_whatever_people_did(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    ask(session, dataset, lead)
    build("scores:judge", rules={"pick": "all", "most": 9})
    before = [one.id for one in pairs(session, dataset)]
    assert len(before) == 3
    edited = {"prompt": "Why?", "chosen": "Better words.", "rejected": "No idea."}
    samples.edit(session, before[0], edited, revision=1, by=lead)
    review.decide(session, before[1], verdict=Verdict.REJECT, revision=1, by=lead)

    job = build("scores:judge", rules={"pick": "all", "most": 9})

    assert [one.id for one in pairs(session, dataset)] == before
    assert job.result["pairs"] == 0
    assert job.result["refused"]["known"] == 3


def test_an_answer_that_changed_makes_another_pair(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    best, *_ = ask(session, dataset, lead)
    build("scores:judge", rules={"pick": "best_worst"})
    body = {"instruction": "Why?", "input": "", "output": "For this reason."}
    samples.edit(session, best.id, body, revision=1, by=lead)

    job = build("scores:judge", rules={"pick": "best_worst"})

    assert job.result["pairs"] == 1
    assert [one["chosen"] for one in bodies(session, dataset)] == [
        "Since it is so.",
        "For this reason.",
    ]


def test_a_run_is_taken_back_but_what_people_decided_stays_and_again_brings_it_back(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    ask(session, dataset, lead)
    first = build("scores:judge", rules={"pick": "all", "most": 9})
    decided, *rest = pairs(session, dataset)
    review.decide(session, decided.id, verdict=Verdict.APPROVE, revision=1, by=lead)

    undone = run_job(session, service.undo(session, dataset, by=lead).id)

    assert (undone.status, undone.error, undone.kind) == (JobStatus.SUCCEEDED, None, JobKind.PAIR)
    assert [one.status for one in pairs(session, dataset)] == [
        Status.APPROVED,
        Status.DROPPED,
        Status.DROPPED,
    ]
    drop = session.get_one(SampleDrop, rest[0].id)
    assert "taken back" in drop.condition
    with pytest.raises(NotFoundError, match="No run has built"):
        service.undo(session, dataset, by=lead)

    again = build("scores:judge", rules={"pick": "all", "most": 9, "margin": 0.5})

    assert again.result["pairs"] == 2
    assert again.result["refused"]["known"] == 1
    assert again.result["action"] != first.result["action"]
    assert [one.status for one in pairs(session, dataset)] == [
        Status.APPROVED,
        Status.PENDING,
        Status.PENDING,
    ]
    actions = set(
        session.scalars(select(AuditEvent.action).where(AuditEvent.action.startswith("pairs.")))
    )
    assert actions == {"pairs.start", "pairs.undo", "pairs.again"}


def test_after_an_undo_the_other_order_is_a_pair_of_its_own(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    records = [
        instruction("Why?", "Since it is so.", scores={"judge": 5, "other": 1}),
        instruction("Why?", "It just is so!", scores={"judge": 1, "other": 5}),
    ]
    fill(session, dataset, lead, records)
    build("scores:judge")
    refused = build("scores:other").result
    assert (refused["pairs"], refused["refused"]) == (0, {"known": 1})
    run_job(session, service.undo(session, dataset, by=lead).id)

    build("scores:other")

    assert [(one.status, told(session, one)["pair_by"]) for one in pairs(session, dataset)] == [
        (Status.DROPPED, "scores:judge"),
        (Status.PENDING, "scores:other"),
    ]


def test_after_a_crash_the_run_finds_what_it_wrote(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(session, dataset, lead)
    monkeypatch.setattr(service, "_AT_ONCE", 1)
    real, calls = draft, Counter[str]()

    def once(*given: Any) -> Any:
        calls["draft"] += 1
        if calls["draft"] == 2:
            raise RuntimeError("the worker died")
        return real(*given)

    monkeypatch.setattr(pairing, "draft", once)
    failed = build("scores:judge", rules={"pick": "all", "most": 9})
    assert failed.status is JobStatus.FAILED
    assert len(pairs(session, dataset)) == 3

    jobs.retry(session, failed.id, by=lead)
    job = run_job(session, failed.id)

    assert job.status is JobStatus.SUCCEEDED
    assert (job.result["pairs"], job.result["refused"]) == (
        3,
        {"alone": 1, "tie": 1, "unscored": 1},
    )


def test_verified_answers_beat_refuted_ones(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    records = [
        instruction("2 + 2?", answer, metadata={"answer": "4"})
        for answer in ("It is 4.", "It is 5.", "It is 6.")
    ]
    fill(
        session, dataset, lead, [*records, instruction("3?", "It is 3.", metadata={"answer": "3"})]
    )
    order = VerifyOrder(verifier="math_answer", params={"reference": "metadata.answer"})
    run_job(session, verifying.start(session, dataset, order, by=lead).id)

    build("verified:math_answer", rules={"most": 5})

    assert sorted((one["chosen"], one["rejected"]) for one in bodies(session, dataset)) == [
        ("It is 4.", "It is 5."),
        ("It is 4.", "It is 6."),
    ]


def generate(
    session: Session, dataset: Dataset, lead: Principal, generator: str, **params: Any
) -> None:
    order = GenerationOrder.model_validate({"generator": generator, "params": params})
    run_job(session, generation.start(session, dataset, order, by=lead).id)


def test_the_original_beats_the_rungs_below_it(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    fill(session, dataset, lead, [instruction("Tell a story.", LONG)])
    fill(session, dataset, lead, [instruction("Tell another.", LONG[::-1])])
    generate(session, dataset, lead, "ladder")

    build("ladder", where='"Tell a story"', rules={"pick": "all", "most": 20, "min_ratio": 0.3})

    found = [told(session, one) for one in pairs(session, dataset)]
    assert {(one["chosen_score"], one["rejected_score"]) for one in found} >= {
        (1.0, 0.8),
        (1.0, 0.3),
        (0.8, 0.5),
    }
    assert all(one["chosen_score"] > one["rejected_score"] for one in found)
    assert {one["prompt"] for one in bodies(session, dataset)} == {"Tell a story."}
    assert {one["rejected_model"] for one in found} == {"ladder"}


def test_the_original_beats_its_copy_with_errors(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    (seed,) = fill(session, dataset, lead, [instruction("Tell a story.", LONG)])
    generate(session, dataset, lead, "errors", rate=0.3)

    job = build("errors")

    (body,) = bodies(session, dataset)
    assert body["chosen"] == LONG
    assert body["rejected"] != LONG
    assert told(session, pairs(session, dataset)[0])["chosen_sample"] == seed.id
    assert job.result["refused"] == {}


def test_what_a_person_corrected_beats_the_text_before(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    made = fill(
        session, dataset, lead, [instruction(f"Number {n}?", f"It are {n}.") for n in range(4)]
    )

    def edit(sample: Sample, **more: str) -> None:
        body = {**samples.body(session, sample).body, **more}
        samples.edit(session, sample.id, body, revision=sample.revision, by=lead)

    edit(made[0], output="It were 0.")
    edit(made[0], output="It is 0.")
    edit(made[1], instruction="Which number?", output="It is 1.")
    decision = review.decide(
        session,
        made[2].id,
        verdict=Verdict.APPROVE,
        revision=1,
        by=lead,
        body={"instruction": "Number 2?", "input": "", "output": "It is 2."},
    )
    review.undo(session, decision.id, by=lead)

    job = build("edits")

    assert bodies(session, dataset) == [
        {"prompt": "Number 0?", "chosen": "It is 0.", "rejected": "It were 0."}
    ]
    assert job.result["refused"] == {"question": 2}
    (pair,) = pairs(session, dataset)
    parents = session.scalars(select(SampleParent).where(SampleParent.child_id == pair.id)).all()
    assert [(one.parent_id, one.relation) for one in parents] == [
        (made[0].id, "chosen and rejected")
    ]
    found = told(session, pair)
    assert (found["chosen_revision"], found["rejected_revision"]) == (3, 2)


def test_a_preview_counts_what_the_run_then_does_and_writes_nothing(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    ask(session, dataset, lead)
    order = Order.model_validate({"by": "scores:judge", "rules": {"pick": "all", "most": 9}})

    trial = service.preview(session, dataset, order)

    assert pairs(session, dataset) == []
    job = build("scores:judge", rules={"pick": "all", "most": 9})
    assert (trial.pairs, trial.groups, trial.margin) == (
        job.result["pairs"],
        job.result["groups"],
        job.result["margin"],
    )
    assert trial.refused == job.result["refused"]
    assert len(trial.examples) == 3
    again = service.preview(session, dataset, order)
    assert (again.pairs, again.refused[Gate.KNOWN]) == (0, 3)


def test_a_preview_of_too_much_says_so(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(session, dataset, lead)
    monkeypatch.setattr(service, "MOST_READ", 3)

    with pytest.raises(InvalidError, match="7 answers match, and a preview reads 3 at most"):
        service.preview(session, dataset, Order(by="scores:judge"))


def test_of_very_many_groups_some_are_tried(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        scored(f"Number {n}?", f"It is {side} {n}.", score)
        for n in range(20)
        for side, score in (("surely", 5), ("hardly", 1))
    ]
    fill(session, dataset, lead, records)
    monkeypatch.setattr(service, "MOST_TRIED", 10)

    trial = service.preview(session, dataset, Order(by="scores:judge"))

    assert (trial.groups, trial.tried, trial.pairs) == (20, 4, 4)


def test_pairs_go_into_another_dataset_under_the_shared_licence(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    into = make_dataset(session, lead, "prefs", Purpose.PREFERENCE)
    ask(session, dataset, lead)

    job = build("scores:judge", into="prefs")

    assert pairs(session, dataset) == []
    (pair,) = pairs(session, into)
    assert job.dataset_id == into.id
    assert [one.id for one in service.runs(session, dataset.id)] == [job.id]
    assert [one.id for one in service.runs(session, into.id)] == [job.id]
    assert bulk.latest(session, into.id) is not None
    assert pair.id


def test_what_can_not_be_is_refused_in_words(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    make_dataset(session, lead, "texts", Purpose.PRETRAINING)
    make_dataset(session, lead, "bench", Purpose.BENCHMARK)

    def start(by: str, **more: str) -> None:
        service.start(session, dataset, Order(by=by, **more), by=lead)

    for by, words in (
        ("luck", "`luck` is no way"),
        ("ladder:x", "`ladder` reads no signal"),
        ("scores:judge", "Nothing is scored in mix"),
        ("verified:math_answer", "Nothing is verified in mix"),
    ):
        with pytest.raises(InvalidError, match=words):
            start(by)
    ask(session, dataset, lead)
    with pytest.raises(InvalidError, match="Did you mean judge"):
        start("scores:jugde")
    with pytest.raises(InvalidError, match="Nothing is verified"):
        start("verified:judge")
    with pytest.raises(InvalidError, match="takes no samples of the kind preference"):
        start("scores:judge", into="texts")
    with pytest.raises(NotFoundError):
        start("scores:judge", into="nowhere")
    with pytest.raises(ConflictError, match="benchmark"):
        start("scores:judge", into="bench")
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, Order(by="scores:judge"), by=annotator)
    start("scores:judge")
    with pytest.raises(ConflictError, match="being built"):
        start("scores:judge")


def test_what_people_rejected_loses_and_what_was_dropped_takes_no_part(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    best, middle, worst, *_ = ask(session, dataset, lead)
    review.decide(session, best.id, verdict=Verdict.REJECT, revision=1, by=lead)
    review.decide(session, worst.id, verdict=Verdict.FLAG, revision=1, by=lead)
    fill(session, dataset, lead, [scored("Why?", "Just because.", 0.5)])

    job = build("scores:judge")

    assert job.result["refused"]["barred"] == 1
    (pair,) = pairs(session, dataset)
    assert told(session, pair)["chosen_sample"] == middle.id
    assert told(session, pair)["rejected_score"] == 0.5


def test_of_a_question_that_very_many_answer_the_ends_are_compared(
    session: Session, dataset: Dataset, lead: Principal, build: Build
) -> None:
    fill(
        session,
        dataset,
        lead,
        [scored("Why?", f"Answer number {n:03}.", n) for n in range(230)],
    )

    job = build("scores:judge", rules={"pick": "best_worst"})

    assert job.result["refused"] == {"crowded": 30}
    assert told(session, pairs(session, dataset)[0])["margin"] == 229


def test_a_signal_that_is_gone_meanwhile_is_told_in_the_job(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    ask(session, dataset, lead)
    job = service.start(session, dataset, Order(by="scores:judge"), by=lead)
    for one in registry.signals(session, dataset.id):
        session.delete(one)

    done = run_job(session, job.id)

    assert done.status is JobStatus.FAILED
    assert done.error is not None
    assert "Nothing is scored" in done.error
