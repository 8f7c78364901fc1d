"""Guards against collapse, and batches that people look into."""

import json

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.generation import batches, guards, released, service
from app.generation.guards import CapIn
from app.generation.models import GenerationDraft, GenerationRun
from app.generation.service import Order
from app.jobs.models import Job
from app.releases import service as releases
from app.review import service as review
from app.review.models import Decision, Verdict
from app.samples import lineage
from app.samples import service as samples
from app.samples.bulk import Action
from app.samples.models import Sample, SampleParent, Status
from app.settings import settings
from app.validation import build
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def mixed(synthetic: int, real: int, domain: str | None = None) -> list[Record]:
    """Texts of a hundred words each."""
    return [
        Record(
            Kind.TEXT,
            {"text": f"{domain} {origin.value} {number} " + "word " * 97},
            origin=origin,
            domain=domain,
        )
        for origin, count in ((Origin.SYNTHETIC, synthetic), (Origin.HUMAN, real))
        for number in range(count)
    ]


def approve_all(session: Session, dataset: Dataset) -> None:
    session.execute(
        update(Sample).where(Sample.dataset_id == dataset.id).values(status=Status.APPROVED)
    )
    session.commit()


def release(session: Session, dataset: Dataset, by: Principal, name: str) -> None:
    releases.start(session, dataset, name=name, where="", formats=["jsonl"], by=by)


def test_sixty_percent_warns_and_seventy_five_blocks_until_there_is_a_reason(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, mixed(12, 8))
    approve_all(session, dataset)
    found = guards.of_dataset(session, dataset)
    assert (found.standing, round(found.shares[0].share, 2)) == ("warn", 0.6)
    release(session, dataset, lead, "warned")

    fill(session, dataset, lead, mixed(12, 0, "more"))
    approve_all(session, dataset)
    assert guards.of_release(session, dataset, "").standing == "block"
    with pytest.raises(ConflictError, match="75% of the words are synthetic, and the cap"):
        release(session, dataset, lead, "blocked")
    half, formats = "-domain:more", ["jsonl"]
    releases.start(session, dataset, name="half", where=half, formats=formats, by=lead)

    guards.set_cap(session, dataset, CapIn(override_reason="a set of rewrites"), by=lead)
    release(session, dataset, lead, "overridden")
    guards.set_cap(session, dataset, CapIn(override_reason=" "), by=lead)
    with pytest.raises(ConflictError):
        release(session, dataset, lead, "blocked")


def test_a_domain_has_its_cap_too(session: Session, dataset: Dataset, lead: Principal) -> None:
    fill(session, dataset, lead, [*mixed(10, 2, "math"), *mixed(0, 12, "law")])
    approve_all(session, dataset)

    found = guards.of_dataset(session, dataset)

    assert {one.domain: one.standing for one in found.shares} == {
        "all": "fine",
        "math": "block",
        "law": "fine",
    }
    with pytest.raises(ConflictError, match="83% of the words of the domain math are synthetic"):
        release(session, dataset, lead, "blocked")
    fill(session, dataset, lead, [*mixed(11, 0, "art"), *mixed(0, 20, "news")])
    approve_all(session, dataset)
    both = r"The words of 2 domains, math \(83%\), art \(100%\), are mostly synthetic"
    with pytest.raises(ConflictError, match=both):
        release(session, dataset, lead, "blocked")


def test_what_was_synthetic_when_it_came_is_its_owners_choice_until_more_is_made(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, mixed(5, 0))
    approve_all(session, dataset)
    release(session, dataset, lead, "as-it-came")

    generate(session, dataset, lead, "noise")

    with pytest.raises(ConflictError, match="100% of the words"):
        release(session, dataset, lead, "blocked")


def test_caps_stand_in_order() -> None:
    with pytest.raises(InvalidError, match="the warning must come before the block"):
        build(CapIn, {"warn_at": 0.8, "block_at": 0.5}, "caps")


def generate(session: Session, dataset: Dataset, by: Principal, key: str, **more: object) -> Job:
    order = Order.model_validate({"generator": key, **more})
    return run_job(session, service.start(session, dataset, order, by=by).id)


def decide(session: Session, run: GenerationRun, status: Status, count: int) -> None:
    query = (
        select(Sample.id)
        .join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
        .where(
            GenerationDraft.run_id == run.id,
            GenerationDraft.drawn,
            Sample.status == Status.PENDING,
        )
        .limit(count)
    )
    ids = list(session.scalars(query))
    assert len(ids) == count
    verdict = Verdict.APPROVE if status is Status.APPROVED else Verdict.REJECT
    seen = {"user_id": run.created_by, "revision": 1, "verdict": verdict}
    session.add_all(
        Decision(dataset_id=run.dataset_id, sample_id=one, previous_status=Status.PENDING, **seen)
        for one in ids
    )
    session.execute(update(Sample).where(Sample.id.in_(ids)).values(status=status))
    session.commit()


@pytest.fixture
def run(session: Session, dataset: Dataset, lead: Principal) -> GenerationRun:
    fill(session, dataset, lead, mixed(0, 200))
    job = generate(session, dataset, lead, "noise", review_share=0.2, reject_limit=0.1)
    return service.get(session, job.params["run"])


def test_exactly_the_share_of_the_policy_is_drawn_and_tagged(
    session: Session, dataset: Dataset, run: GenerationRun
) -> None:
    batch = batches.of_run(session, run)

    assert (batch.made, batch.drawn, batch.decided, batch.standing) == (200, 40, 0, "open")
    tagged = select(Sample.id).where(Sample.tags.contains([batches.tag_of(run)]))
    assert len(session.scalars(tagged).all()) == 40


def test_a_batch_is_blocked_by_rejections_and_its_rest_can_only_be_rejected(
    session: Session, dataset: Dataset, lead: Principal, run: GenerationRun
) -> None:
    decide(session, run, Status.REJECTED, 10)
    decide(session, run, Status.APPROVED, 10)

    assert batches.of_run(session, run).standing == "blocked"
    with pytest.raises(ConflictError, match="The batch is blocked: 10 of the 20"):
        batches.settle(session, dataset, run, Action.APPROVE, by=lead)
    job = batches.settle(session, dataset, run, Action.REJECT, by=lead)
    done = run_job(session, job.id)
    assert done.result["affected"] == 180 if "affected" in done.result else done.error is None
    assert batches.of_run(session, run).made == 200


def test_what_nobody_looked_at_is_released_only_when_its_batch_passed(
    session: Session, dataset: Dataset, lead: Principal, run: GenerationRun
) -> None:
    """Approval of many at once in the catalog is no look, and does not count as one."""
    caps = CapIn(warn_at=1, block_at=1)
    guards.set_cap(session, dataset, caps, by=lead)
    approve_all(session, dataset)

    assert batches.of_run(session, run).decided == 0
    with pytest.raises(ConflictError, match="nobody looked at them, and its batch is open"):
        release(session, dataset, lead, "unseen")


def test_a_batch_passes_by_the_bound_and_until_then_it_says_how_many_more(
    session: Session, dataset: Dataset, lead: Principal, run: GenerationRun
) -> None:
    decide(session, run, Status.APPROVED, 39)
    decide(session, run, Status.REJECTED, 1)
    batch = batches.of_run(session, run)
    assert (batch.standing, batch.more) == ("open", 13)
    with pytest.raises(ConflictError, match="Look at 13 more"):
        batches.settle(session, dataset, run, Action.APPROVE, by=lead)

    assert batches.draw_more(session, run, batch.more, by=lead) == 13
    decide(session, run, Status.APPROVED, 13)
    assert batches.of_run(session, run).standing == "passed"
    run_job(session, batches.settle(session, dataset, run, Action.APPROVE, by=lead).id)

    counts = select(Sample.status).where(Sample.origin == Origin.SYNTHETIC)
    found = session.scalars(counts).all()
    assert (found.count(Status.APPROVED), found.count(Status.REJECTED)) == (199, 1)
    with pytest.raises(ConflictError, match="approved or rejected"):
        batches.settle(session, dataset, run, Action.TAG, by=lead)


def test_rungs_of_a_ladder_are_not_approved_as_answers(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [instruction("Name two rivers and say where they end.")])
    order = Order(generator="ladder", review_share=0)
    job = run_job(session, service.start(session, dataset, order, by=lead).id)
    made = service.get(session, job.params["run"])

    with pytest.raises(ConflictError, match="Rungs of a ladder are worse answers by design"):
        batches.settle(session, dataset, made, Action.APPROVE, by=lead)


def test_texts_with_deliberate_errors_are_approved_one_by_one_alone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [instruction(f"Name {n} rivers and say where.") for n in range(3)])
    params = {"rate": 0.3, "types": "drop_letter"}
    job = generate(session, dataset, lead, "errors", params=params, review_share=0)
    run = service.get(session, job.params["run"])
    made = session.scalars(select(Sample).where(Sample.origin == Origin.SYNTHETIC)).all()

    with pytest.raises(ConflictError, match="wrong on purpose: approve one by one"):
        batches.settle(session, dataset, run, Action.APPROVE, by=lead)
    for one in made:
        samples.set_status(session, one, Status.APPROVED, by=lead, action="test")
    with pytest.raises(ConflictError, match="nobody looked at them, and they are wrong on purpose"):
        batches.refuse_unseen(session, dataset, "")
    for one in made:
        review.decide(session, one.id, verdict=Verdict.APPROVE, revision=1, by=lead)
    batches.refuse_unseen(session, dataset, "")


def test_all_children_of_a_parent_are_decided_together(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    seeds = fill(session, dataset, lead, mixed(0, 3))
    for number in range(3):
        generate(session, dataset, lead, "noise", params={"seed": number}, where="origin:human")

    child = session.scalars(
        select(SampleParent.child_id).where(SampleParent.parent_id == seeds[0].id)
    ).first()
    (parent,) = lineage.parents_of(session, session.get_one(Sample, child))
    assert (parent.id, parent.relation, parent.open_children) == (seeds[0].id, "noise", 3)
    assert "human 0" in parent.text
    job = lineage.decide_children(session, dataset, seeds[0], Action.APPROVE, by=lead)
    run_job(session, job.id)

    assert lineage.open_children(session, seeds[0].id) == 0
    assert lineage.open_children(session, seeds[1].id) == 3
    with pytest.raises(ConflictError, match="is open"):
        lineage.decide_children(session, dataset, seeds[0], Action.REJECT, by=lead)
    with pytest.raises(InvalidError):
        lineage.decide_children(session, dataset, seeds[1], Action.TAG, by=lead)


def test_a_release_counts_what_was_generated(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, mixed(0, 4))
    generate(session, dataset, lead, "noise", review_share=0)
    approve_all(session, dataset)
    guards.set_cap(session, dataset, CapIn(override_reason="noise is wanted"), by=lead)

    made, job = releases.start(session, dataset, name="r", where="", formats=["jsonl"], by=lead)
    run_job(session, job.id)

    found = released.told(session, made.id, dataset.id)
    assert (found["rows"], found["generator"], found["depth"]) == (4, {"noise v1": 4}, {"1": 4})
    (run,) = found["runs"]
    assert (run["generator"], run["rows"], run["parents"], run["requests"]) == ("noise", 4, 4, 4)
    assert (run["tokens_in"], run["money"], run["judge"]) == (0, "0", "")
    assert released.sentence(found) == (
        "4 rows were generated here, or made of what was (noise v1 4), at most 1 deep. "
        "The cap on synthetic words was lifted: “noise is wanted”."
    )
    folder = settings().home / "releases" / str(made.id)
    assert json.loads((folder / "manifest.json").read_text())["generated"] == found
    card = (folder / "README.md").read_text()
    assert "4 rows were generated here" in card
    assert "The cap on synthetic words was lifted: “noise is wanted”." in card
