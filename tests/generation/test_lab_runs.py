"""Runs over the leaves of a taxonomy: each from its own seeds, until it has its target."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.generation import account, leaf_account, leaves, service, trying
from app.generation.models import GenerationDraft, GenerationRun
from app.generation.service import Order
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus
from app.samples import service as samples
from app.samples.models import Sample, SampleParent, Status
from app.taxonomy import importing
from app.taxonomy import service as taxonomy
from app.taxonomy.models import TaxonomyNode, TaxonomySeed
from tests.endpoint import Answer, Json, serving
from tests.factories import make_dataset, run_job
from tests.generation.lab_model import HOPELESS, Model, words
from tests.generation.test_runs import add_provider
from tests.taxonomy.archives import zipped

pytestmark = pytest.mark.usefixtures("bells")
Generate = Callable[..., Job]

NAMES = [*(f"free{number}" for number in range(5)), HOPELESS]
GROUNDED = [f"grounded{number}" for number in range(3)]
KNOWING = [f"known{number}" for number in range(3)]


def seeds(name: str, context: str = "", count: int = 3) -> str:
    lines = [f"created_by: tester\nversion: 2\ntask_description: leaf {name}\nseed_examples:"]
    for number in range(count):
        lines.append(f"- question: The seed {number} of {words(8, name, number)}?")
        lines.append(f"  answer: It is {words(8, name, number, 'a')}.")
        if context:
            lines.append(f"  context: {context} {words(9, name, number, 'c')}.")
    return "\n".join(lines)


def tree(document: bool = True) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {}
    for name in NAMES:
        files[f"compositional_skills/free/{name}/qna.yaml"] = seeds(name)
    for name in GROUNDED:
        files[f"foundational_skills/texts/{name}/qna.yaml"] = seeds(name, "Once there was")
    for name in KNOWING:
        files[f"knowledge/science/{name}/qna.yaml"] = seeds(name, "It is known that")
        if document:
            pages = "\n\n".join(words(250, name, page) for page in range(3))
            files[f"knowledge/science/{name}/{name}.md"] = pages
    return files


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    importing.run(session, made, zipped(tree()), "tree.zip", by=lead)
    session.commit()
    return made


@pytest.fixture
def generate(session: Session, dataset: Dataset, lead: Principal) -> Generate:
    def run(**more: Any) -> Job:
        params = {"target": 20, "per_request": 5, **more.pop("params", {})}
        order = {"generator": "lab", "provider": "local", "params": params, **more}
        job = service.start(session, dataset, Order.model_validate(order), by=lead)
        return run_job(session, job.id)

    return run


def made(session: Session) -> list[Sample]:
    query = select(Sample).join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
    return list(session.scalars(query.order_by(Sample.id)))


def run_of(session: Session, job: Job) -> GenerationRun:
    return service.get(session, job.params["run"])


def test_twelve_leaves_get_their_targets_or_are_reported_short(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    model = Model()
    with serving(model) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate()
        asked = len(endpoint.requests)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    run = run_of(session, job)
    found = {one.path.rpartition("/")[2]: one for one in leaf_account.of_run(session, run)}
    assert len(found) == 12
    assert {name for name, one in found.items() if one.lacking} == {HOPELESS}
    assert all(one.accepted >= 20 for name, one in found.items() if name != HOPELESS)
    (short,) = job.result["leaves"]["short"]
    assert (job.result["leaves"]["leaves"], job.result["leaves"]["reached"]) == (12, 11)
    assert (short["target"], short["accepted"]) == (20, 0)
    # 4 requests, then in four more rounds the 16 that a leaf without any yield gets at most
    assert short["why"] == "340 drafts of 68 requests were not enough: 340 at “question” failed."

    drafts = session.scalars(select(GenerationDraft)).all()
    bodies = {
        one.id: (samples.body(session, session.get_one(Sample, one.sample_id)).body)
        if one.sample_id
        else (one.body or {"body": {}})["body"]
        for one in drafts
    }
    accepted = {bodies[one.id]["instruction"] for one in drafts if one.outcome == "accepted"}
    failed = {bodies[one.id]["instruction"] for one in drafts if one.gate}
    assert accepted == model.good
    assert failed == model.bad
    total = account.of_run(session, run)
    assert total.drafts == model.planted["questions"] == len(accepted) + len(failed)
    gates = {one.name: one for one in total.gates}
    assert set(gates) == {"question", "answer", "faithful", "relevant", "stands alone"}
    assert 0.6 < len(accepted) / (len(accepted) + len(failed) - 340) / 0.8 < 0.8
    assert asked == job.result["calls"]
    assert job.total == total.requests == job.result["requests"]


def test_what_is_made_says_for_which_leaf_and_from_which_seeds(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate(params={"leaves": "foundational_skills, knowledge/science/known0"})

    assert job.result["leaves"] == {"leaves": 4, "reached": 4, "short": []}
    run = run_of(session, job)
    for sample in made(session):
        body = samples.body(session, sample)
        path = body.sample_metadata["taxonomy"]
        hashes = body.sample_metadata["prompts"].split()
        asked_by = {name for name, one in run.prompts.items() if one["hash"][:12] in hashes}
        assert ("knowledge" in asked_by) is path.startswith("knowledge")
        assert ("answer" in asked_by) is not path.startswith("knowledge")
        node = taxonomy.get(session, dataset, path)
        assert sample.domain == "/".join(path.split("/")[-2:])
        parents = session.scalars(
            select(SampleParent.parent_id).where(SampleParent.child_id == sample.id)
        ).all()
        own = select(TaxonomySeed.sample_id).where(TaxonomySeed.node_id == node.id)
        assert set(parents) <= set(session.scalars(own))
        assert len(parents) == 3
        if path.startswith("knowledge"):
            documents = taxonomy.documents(session, node)
            assert body.sample_metadata["context"] in documents[0].text
        else:
            assert body.body["input"].startswith("A text of")


def test_a_second_run_makes_up_for_what_people_rejected(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    path = "compositional_skills/free/free0"
    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        first = generate(params={"leaves": path})
        assert first.result["accepted"] == 20
        with pytest.raises(InvalidError, match="have their targets"):
            generate(params={"leaves": path})
        for sample in made(session)[:3]:
            sample.status = type(sample.status).REJECTED
        session.commit()
        before = len(endpoint.requests)
        second = generate(params={"leaves": path})

    assert second.result["outcomes"] == {"accepted": 5}
    assert len(endpoint.requests) - before == 16
    assert second.result["reused"] == 0
    (standing,) = leaf_account.of_run(session, run_of(session, second))
    assert (standing.accepted, standing.rejected, standing.requests) == (22, 3, 1)


@pytest.mark.parametrize("target", [4, 12])
def test_a_leaf_is_asked_for_no_more_once_it_has_its_target(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate, target: int
) -> None:
    asked = Counter[str]()
    model = Model(0, 0)

    def bad_at_first(request: Json) -> Answer:
        if str(request["messages"][0]["content"]).startswith("You write questions that"):
            asked["requests"] += 1
            model.bad_questions = 0.9 if asked["requests"] == 1 else 0
        return model(request)

    with serving(bad_at_first) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate(params={"leaves": "compositional_skills/free/free0", "target": target})

    assert job.result["leaves"]["reached"] == 1
    assert target <= job.result["accepted"] < target + 5
    assert job.total == job.result["requests"] == asked["requests"]
    brought = session.scalars(
        select(func.count())
        .where(GenerationDraft.outcome == "accepted")
        .group_by(GenerationDraft.number)
        .order_by(GenerationDraft.number.desc())
    ).all()
    assert sum(brought[1:]) < target  # without the last request it would not have been there


def test_a_second_run_on_leaves_that_one_is_at_work_for_is_refused(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    def start(leaves_: str, **more: Any) -> Job:
        given = {"generator": "lab", "provider": "local", "params": {"leaves": leaves_}, **more}
        return service.start(session, dataset, Order.model_validate(given), by=lead)

    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        first = start("compositional_skills/free")
        number = run_of(session, first).number
        with pytest.raises(ConflictError, match=rf"Run {number} is queued for .*free0\. Wait"):
            start("compositional_skills/free/free0")
        with pytest.raises(ConflictError, match="and 5 more"):
            start("")
        start("knowledge")
        start("compositional_skills/free/free0", pilot=True)
        first.status = JobStatus.CANCELLED
        assert start("compositional_skills/free/free0")


def test_why_a_leaf_is_short_is_told_as_it_was(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    path = "compositional_skills/free/free0"

    def why() -> str:
        session.commit()
        return leaf_account.why(leaf_account.of_nodes(session, dataset)[path])

    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        taxonomy.get(session, dataset, path).target = 5
        assert why() == "Nothing was asked for it yet."
        pilot = generate(pilot=True, params={"leaves": path})
        only = "Only a pilot asked for it, and nothing of a pilot is kept: start a run."
        assert why() == only
        (standing,) = leaf_account.of_run(session, run_of(session, pilot))
        assert leaf_account.why(standing) == only
        generate(params={"leaves": path})
        assert why() == ""
        made(session)[0].status = Status.REJECTED
        had = "It had its target; 1 sample was thrown out since. Another run makes up for it."
        assert why() == had
        taxonomy.get(session, dataset, path).target = 9
        assert why() == "5 drafts of 1 requests were not enough. 1 sample was thrown out later."
    session.execute(text("UPDATE samples SET status = 'rejected' WHERE domain = 'free/free0'"))
    gone = "it has no seeds left, as all 3 were thrown out."
    assert why() == f"Nothing more can be asked for it: {gone}"
    session.execute(delete(GenerationDraft))
    assert why() == f"Nothing was asked for it: {gone}"


def test_targets_of_leaves_go_before_that_of_the_run(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    taxonomy.set_target(session, dataset, "compositional_skills/free/free1", 5, by=lead)
    taxonomy.set_target(session, dataset, "compositional_skills/free/free2", 0, by=lead)
    leaves_ = ", ".join(f"compositional_skills/free/free{number}" for number in (1, 2, 3))
    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        generate(params={"leaves": leaves_, "target": 10})

    standings = leaf_account.of_nodes(session, dataset)
    counts = [standings[one].accepted for one in leaves_.split(", ")]
    assert counts == [5, 0, 10]
    branch = standings["compositional_skills/free"]
    assert (branch.leaves, branch.target, branch.accepted, branch.short) == (6, 5, 15, 0)


def test_a_pilot_asks_twenty_times_each_leaf_in_turn_and_the_run_pays_them_no_more(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        pilot = generate(pilot=True, params={"leaves": "compositional_skills, knowledge"})
        asked = len(endpoint.requests)
        assert pilot.result["requests"] == 20
        assert made(session) == []
        query = select(GenerationDraft.leaf_id, func.count(GenerationDraft.number.distinct()))
        turns = dict(session.execute(query.group_by(GenerationDraft.leaf_id)).all())
        assert sorted(turns.values()) == [2] * 7 + [3] * 2
        # all lack 20; the hopeless leaf yields nothing, eight of nine drafts are good
        assert pilot.result["estimate"]["rows"] == 9 * 5
        job = generate(params={"leaves": "compositional_skills, knowledge", "rounds": 1})

    assert job.result["reused"] == asked
    assert "leaves" not in pilot.result


def test_the_cap_holds_and_more_money_goes_on_from_there(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    with serving(Model()) as endpoint:
        add_provider(session, endpoint, admin, concurrency=2)
        job = generate(params={"leaves": "compositional_skills/free"}, budget="0.03")
        assert job.status is JobStatus.PAUSED
        assert "is spent" in str(job.error)
        half = len(endpoint.requests)
        jobs.retry(session, job.id, by=lead, budget=Decimal(1))
        done = run_job(session, job.id)
        whole = len(endpoint.requests)

    assert (done.status, done.error) == (JobStatus.SUCCEEDED, None)
    assert 0 < half < whole
    assert whole == done.result["calls"]
    numbers = session.scalars(select(GenerationDraft.number).distinct()).all()
    assert sorted(numbers) == list(range(len(numbers)))
    assert done.result["leaves"]["reached"] == 5


def test_a_model_that_repeats_itself_is_noticed_within_the_leaf(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    model = Model(0, 0)

    def same(request: Json) -> Answer:
        for message in request["messages"]:
            message["content"] = str(message["content"]).replace("(set 2)", "(set 1)")
        return model(request)

    with serving(same) as endpoint:
        add_provider(session, endpoint, admin)
        params = {"leaves": "compositional_skills/free/free0", "target": 10, "rounds": 1}
        job = generate(params=params)

    assert job.result["outcomes"] == {"accepted": 5, "duplicate": 5}
    (short,) = job.result["leaves"]["short"]
    assert short["why"] == "10 drafts of 2 requests were not enough: 5 at “duplicate” failed."
    reasons = select(GenerationDraft.reason).where(GenerationDraft.outcome == "duplicate")
    assert set(session.scalars(reasons)) == {"The leaf has this question."}


def test_replies_without_any_draft_count_for_their_leaf(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate
) -> None:
    with serving(lambda _: Answer("Nothing.")) as endpoint:
        add_provider(session, endpoint, admin)
        job = generate(params={"leaves": "compositional_skills/free/free0", "rounds": 2})

    (short,) = job.result["leaves"]["short"]
    assert short["why"] == "20 drafts of 20 requests were not enough: 20 at “unreadable” failed."


def test_knowledge_without_a_document_says_so_and_generates_nothing(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, generate: Generate
) -> None:
    other = make_dataset(session, lead, "bare")
    importing.run(session, other, zipped(tree(document=False)), "tree.zip", by=lead)
    session.commit()

    def start(leaves_: str, of: Dataset = other, **more: Any) -> Job:
        params = {"leaves": leaves_, "target": 5}
        given = {"generator": "lab", "provider": "local", "params": params, **more}
        return service.start(session, of, Order.model_validate(given), by=lead)

    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        with pytest.raises(InvalidError, match=r"It has no document: attach one.* with 3 of 3"):
            start("knowledge")
        job = run_job(session, start("knowledge, compositional_skills/free/free0").id)
        with pytest.raises(NotFoundError, match="has no `knowledge/none`"):
            start("knowledge/none")
        with pytest.raises(InvalidError, match="leave `sample` out"):
            start("", sample=3)
        empty = make_dataset(session, lead, "empty")
        with pytest.raises(InvalidError, match="empty has no taxonomy yet"):
            start("", empty)

    whys = {one["path"]: one["why"] for one in job.result["leaves"]["short"]}
    assert set(whys) == {f"knowledge/science/{name}" for name in KNOWING}
    assert set(whys.values()) == {"Nothing was asked for it: it has no document."}
    taxonomy.attach(session, other, "knowledge/science/known0", "a.md", b"Now known.", by=lead)
    assert start("knowledge").params["seeds"] == 1


def test_seeds_that_were_thrown_out_are_seeds_no_more(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    session.execute(text("UPDATE samples SET status = 'rejected' WHERE domain = 'free/free0'"))
    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        params = {"leaves": "compositional_skills/free/free0"}
        order = Order(generator="lab", provider="local", params=params)
        with pytest.raises(InvalidError, match="It has no seeds"):
            service.start(session, dataset, order, by=lead)


def test_a_leaf_that_is_taken_away_during_the_run_ends_its_requests(
    session: Session, dataset: Dataset, admin: Principal, generate: Generate, connection: Any
) -> None:
    model, gone = Model(0, 0), {"done": False}

    def takes_away(request: Json) -> Answer:
        return model(request)

    tasks = leaves.tasks

    def deletes(*given: Any) -> Any:
        if not gone["done"]:
            gone["done"] = True
            one = TaxonomyNode.path == "compositional_skills/free/free0"
            connection.execute(delete(TaxonomyNode).where(one))
        return tasks(*given)

    with serving(takes_away) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaves, "tasks", deletes)
        add_provider(session, endpoint, admin)
        names = "compositional_skills/free/free0, compositional_skills/free/free1"
        job = generate(params={"leaves": names, "target": 5})

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert job.result["leaves"] == {"leaves": 1, "reached": 1, "short": []}
    left = session.scalars(select(GenerationDraft.leaf_id)).all()
    assert sum(one is None for one in left) == 5


def test_a_trial_takes_a_request_of_each_of_three_leaves(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    with serving(Model(0, 0)) as endpoint:
        add_provider(session, endpoint, admin)
        order = Order(generator="lab", provider="local", params={"per_request": 2})
        tried = trying.on_three(session, dataset, order, {}, by=lead)

    paths = [one.made.draft.metadata["taxonomy"] for one in tried if one.made.draft]
    assert len(paths) == 6
    assert len(set(paths)) == 3
