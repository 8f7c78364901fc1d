"""Preference pairs over REST, on the pages and by command line; the report counts what there is."""

import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.classification.service import KEY as CLASSIFIER
from app.curation.pairs.sides import Side, chosen_first
from app.curation.records import Kind, Record
from app.datasets.models import Dataset, Purpose
from app.jobs.models import Job
from app.judging.service import KEY as JUDGE
from app.judging.service import ORDER_KEY as JUDGE_ORDER
from app.learning.service import KEY as LEARNED
from app.matching.marking import KEY as DUPLICATES
from app.matching.splitting import KEY as SPLIT
from app.preferences.report import report
from app.review import comparing
from app.samples import registry
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.samples.registry import SignalSpec
from app.selection.service import ENSEMBLE, SELECTION
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

ORDER = {"by": "scores:judge", "rules": {"pick": "all", "most": 9}}


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    answers = [("Since it is so, said Anna.", 5), ("It just is so!", 3), ("No idea at all", 1)]
    records = [
        instruction("Why?", text, scores={"judge": score}, metadata={"model": f"m{score}"})
        for text, score in answers
    ]
    fill(session, made, lead, records)
    return made


def pairs(session: Session) -> list[Sample]:
    session.expire_all()
    query = select(Sample).where(Sample.kind == Kind.PREFERENCE).order_by(Sample.id)
    return list(session.scalars(query))


def test_over_rest_pairs_are_tried_built_reported_and_taken_back(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    tried = api.post("/datasets/mix/preferences/preview", json=ORDER).json()
    assert (tried["pairs"], tried["groups"], tried["margin"]) == (3, 1, 1.0)
    assert tried["examples"][0]["chosen"] == "Since it is so, said Anna."
    assert pairs(session) == []

    started = api.post("/datasets/mix/preferences", json=ORDER)
    assert started.status_code == 202
    assert started.headers["Location"] == f"/api/v1/jobs/{started.json()['id']}"
    run_job(session, started.json()["id"])

    found = api.get("/datasets/mix/preferences").json()
    assert found["pairs"] == 3
    assert (found["margins"]["median"], sum(found["margins"]["counts"])) == (2.0, 3)
    lengths = found["lengths"]
    assert (lengths["chosen"], lengths["rejected"], lengths["warns"]) == (26.0, 14.0, False)
    assert found["lengths"]["longer"] == pytest.approx(2 / 3)
    assert found["ways"] == [
        {"by": "scores:judge", "pairs": 3, "margin": 2.0, "longer": found["lengths"]["longer"]}
    ]
    assert found["sources"] == [{"chosen": "written", "rejected": "written", "pairs": 3}]
    assert {(one["chosen"], one["rejected"]) for one in found["models"]} == {
        ("m5", "m3"),
        ("m5", "m1"),
        ("m3", "m1"),
    }
    assert [(one["by"], one["pairs"], one["refused"]) for one in found["runs"]] == [
        ("scores:judge", 3, [])
    ]

    undone = api.post("/datasets/mix/preferences/undo")
    assert undone.status_code == 202
    run_job(session, undone.json()["id"])
    assert {one.status for one in pairs(session)} == {Status.DROPPED}
    assert api.get("/datasets/mix/preferences").json()["pairs"] == 0
    assert api.post("/datasets/mix/preferences/undo").status_code == 404


def test_a_wrong_order_is_refused_with_its_fields(dataset: Dataset, api: TestClient) -> None:
    for order, words in (
        ({"by": "luck"}, "`luck` is no way"),
        ({"by": "scores:nothing"}, "There is no signal `nothing`"),
        ({"by": "scores:judge", "where": "nothing>3"}, "nothing"),
    ):
        answer = api.post("/datasets/mix/preferences/preview", json=order)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]
    wrong = {"by": "ladder", "rules": {"most": 0, "luck": 1}}
    errors = api.post("/datasets/mix/preferences", json=wrong).json()["errors"]
    assert {one["path"].split(".")[-1] for one in errors} == {"most", "luck"}


def test_only_what_grades_an_answer_is_a_way(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    keys = (DUPLICATES, SPLIT, SELECTION, JUDGE_ORDER, "toxicity", "lengths")
    grades = (JUDGE, LEARNED, CLASSIFIER, ENSEMBLE, "math_answer", "code")
    names = {key: f"s_{number}" for number, key in enumerate((*keys, *grades))} | {
        "toxicity": "toxicity",
        "lengths": "response_words",
        "code": "code_parses",
    }
    specs = [SignalSpec(name, name, key, name) for key, name in names.items()]
    registry.claim_slots(session, dataset.id, specs, None)
    session.commit()

    page = browser_of(session, lead).get("/datasets/mix/preferences").text
    for key in keys:
        assert f"scores:{names[key]}:" not in page
        for path in ("", "/preview"):
            order = {"by": f"scores:{names[key]}"}
            refused = api.post(f"/datasets/mix/preferences{path}", json=order)
            assert refused.status_code == 422
            assert f"More of `{names[key]}` is no sign of a better" in refused.json()["detail"]
    for key in grades:
        way = "verified" if key == "math_answer" else "scores"
        assert f"{way}:{names[key]}:" in page
        tried = api.post("/datasets/mix/preferences/preview", json={"by": f"{way}:{names[key]}"})
        assert tried.status_code == 200
    wrong = api.post("/datasets/mix/preferences/preview", json={"by": "verified:toxicity"})
    assert "no sign of an answer that is right" in wrong.json()["detail"]


def test_annotators_build_nothing(dataset: Dataset, annotator_api: TestClient) -> None:
    for path in ("", "/preview", "/undo"):
        assert annotator_api.post(f"/datasets/mix/preferences{path}", json=ORDER).status_code == 403


def test_the_report_knows_what_people_prefer_and_where_it_stood(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    run_job(session, api.post("/datasets/mix/preferences", json=ORDER).json()["id"])
    agreed, disagreed, tied = pairs(session)
    for sample, chosen in ((agreed, True), (disagreed, False)):
        side = Side.A if chosen_first(sample.id, lead.id) == chosen else Side.B
        comparing.prefer(session, sample.id, side=side, revision=1, by=lead)
    comparing.prefer(session, tied.id, side=Side.TIE, revision=1, by=lead)
    session.commit()

    found = report(session, dataset)

    people = found.people
    assert (people.agreed, people.disagreed, people.tied, people.decided) == (1, 1, 1, 3)
    first = [chosen_first(agreed.id, lead.id), not chosen_first(disagreed.id, lead.id)]
    assert people.first == sum(first)
    assert found.pairs == 2
    assert found.margins.low < 0
    assert sum(found.margins.counts) == 2


def test_pairs_from_elsewhere_are_counted_whatever_their_metadata_say(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    told: list[dict[str, object]] = [
        {},
        {"margin": "wide"},
        {"margin": "1e999"},
        {"margin": "0.5"},
        {"margin": [1]},
    ]
    records = [
        Record(
            Kind.PREFERENCE,
            {"prompt": f"Why {n}?", "chosen": "Longer answer.", "rejected": "No."},
            metadata=metadata,
        )
        for n, metadata in enumerate(told)
    ]
    fill(session, dataset, lead, records)

    found = report(session, dataset)

    assert (found.pairs, found.margins.missing, found.margins.median) == (5, 4, 0.5)
    assert found.lengths.warns
    assert [(one.by, one.pairs) for one in found.ways] == [("not told", 5)]
    assert report(session, dataset, "id:0").pairs == 0


def test_of_very_many_pairs_a_draw_is_looked_at(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.preferences.report.MOST", 50)
    records = [
        Record(Kind.PREFERENCE, {"prompt": f"Why {n}?", "chosen": "Yes.", "rejected": "No, no."})
        for n in range(400)
    ]
    fill(session, dataset, lead, records)

    found = report(session, dataset)

    assert found.pairs == 400
    assert 20 < found.drawn < 90
    assert found.drawn == report(session, dataset).drawn == found.ways[0].pairs
    assert found.margins.missing == found.drawn
    page = browser_of(session, lead).get("/datasets/mix/preferences").text
    assert f"of {found.drawn} of them" in page


def test_on_the_page_pairs_are_tried_built_looked_at_and_taken_back(
    session: Session, dataset: Dataset, lead: Principal, bells: list[str]
) -> None:
    make_dataset(session, lead, "prefs", Purpose.PREFERENCE)
    make_dataset(session, lead, "texts", Purpose.PRETRAINING)
    browser = browser_of(session, lead)
    empty = browser.get("/datasets/mix/preferences").text
    assert "No pairs yet" in empty
    assert "scores:judge" in empty
    assert "prefs" in empty
    assert 'value="texts"' not in empty
    form = {"by": "scores:judge", "rules.pick": "all", "rules.most": "9"}

    tried = browser.post("/datasets/mix/preferences/preview", data=form).text
    assert "3 pairs would be built" in tried
    assert "<html" not in tried
    strict = browser.post("/datasets/mix/preferences/preview", data=form | {"rules.margin": "3"})
    assert "1 pair would be built" in strict.text
    assert "the scores are closer than the margin" in strict.text
    wrong = browser.post("/datasets/mix/preferences/preview", data=form | {"by": "luck"}).text
    assert "is no way to build pairs" in wrong

    page = browser.post("/datasets/mix/preferences", data=form)
    assert page.status_code == 200
    busy = browser.post("/datasets/mix/preferences", data=form)
    assert busy.status_code == 409
    assert "right now" in busy.text
    run_job(session, bells[-1])
    built = browser.get("/datasets/mix/preferences").text
    assert "over 3 pairs" in built
    assert "Histogram of margin" in built
    assert "Take back the newest run" in built
    browser.post("/datasets/mix/preferences/undo")
    run_job(session, bells[-1])
    assert "No pairs yet" in browser.get("/datasets/mix/preferences").text


def test_where_pairs_go_is_chosen_and_may_be_a_new_dataset(
    session: Session, lead: Principal, bells: list[str]
) -> None:
    answers = make_dataset(session, lead, "answers", Purpose.SFT)
    make_dataset(session, lead, "another", Purpose.PREFERENCE)
    texts = [("Since it is so, said Anna.", 5), ("It just is so!", 3)]
    records = [instruction("Why?", text, scores={"judge": score}) for text, score in texts]
    fill(session, answers, lead, records)
    browser = browser_of(session, lead)
    page = browser.get("/datasets/answers/preferences").text
    assert 'name="into" required><option value="">Choose a dataset…</option>' in page
    form = {"by": "scores:judge"}

    unchosen = browser.post("/datasets/answers/preferences", data=form | {"into": ""})
    assert (unchosen.status_code, "takes no samples" in unchosen.text) == (422, True)
    form |= {"into": "+", "new": "answers-pairs"}
    tried = browser.post("/datasets/answers/preferences/preview", data=form).text
    assert "1 pair would be built" in tried
    assert browser.get("/datasets/answers-pairs/preferences").status_code == 404
    named = browser.post("/datasets/answers/preferences", data=form | {"new": "another"})
    assert (named.status_code, "There is a dataset" in named.text) == (409, True)
    failed = form | {"by": "luck"}
    assert browser.post("/datasets/answers/preferences", data=failed).status_code == 422
    assert browser.get("/datasets/answers-pairs/preferences").status_code == 404

    begun = browser.post("/datasets/answers/preferences", data=form)
    assert begun.url.path == "/datasets/answers-pairs/preferences"
    run_job(session, bells[-1])
    made = session.scalars(select(Dataset).where(Dataset.name == "answers-pairs")).one()
    assert made.purpose is Purpose.PREFERENCE
    assert [one.dataset_id for one in pairs(session)] == [made.id]
    own = browser.get("/datasets/answers-pairs/preferences").text
    assert "Choose a dataset" not in own


def test_by_command_line(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here: Callable[[], Here] = lambda: Here(api, session)  # noqa: E731
    for module in ("cli_preferences", "cli_work"):
        monkeypatch.setattr(f"app.{module}.from_environment", here)
    words = ("prefer", "mix", "--by", "scores:judge", "--set", "pick=all", "--set", "most=9")

    assert "3 pairs would be built of 1 groups, with" in winnow(*words, "--preview")[1]
    code, said = winnow(*words, "--set", "margin=3", "--wait")
    assert (code, "1 pairs of 1 groups" in said, "margin" in said) == (0, True, True)
    assert json.loads(winnow(*words, "--preview", "--json")[1])["pairs"] == 2
    assert winnow("prefer", "mix")[0] == 2
    assert "scores:judge" in winnow("preferences", "mix")[1]

    (pair,) = pairs(session)
    side = "a" if not chosen_first(pair.id, lead.id) else "b"
    shown = winnow("review", "next", "mix")[1]
    assert "chosen" not in shown
    assert "is approved" in winnow("decide", pair.id, side)[1]
    session.expire_all()
    assert samples.body(session, samples.get(session, pair.id)).body["chosen"] == "No idea at all"
    assert "1 for the other one" in winnow("preferences", "mix")[1]
    assert json.loads(winnow("preferences", "mix", "--json")[1])["people"]["disagreed"] == 1
    code, said = winnow("prefer", "mix", "--undo", "--wait")
    assert (code, "Undo preference pairs" in said) == (0, True)
    jobs = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).all()
    assert jobs[0].params["undo"] is True


def test_the_catalog_undoes_a_run_as_other_actions(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    job = run_job(session, api.post("/datasets/mix/preferences", json=ORDER).json()["id"])

    undone = api.post(f"/bulk/{job.result['action']}/undo")

    run_job(session, undone.json()["id"])
    assert {one.status for one in pairs(session)} == {Status.DROPPED}
