"""Scoring: values land in their slots, edited samples keep none of their old text."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError
from app.samples import registry
from app.samples import service as samples
from app.samples.models import Sample
from app.scoring import coverage, reading, service
from app.scoring.models import ScoreNote
from app.scoring.service import Wanted
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow

TEXTS = [
    ("What is two and two?", "Four, because two and two are four."),
    ("Write to somebody.", "I'm sorry, but I can't help with that."),
    ("Wie spät ist es jetzt gerade?", "Es ist jetzt genau drei Uhr am Nachmittag."),
]


@pytest.fixture
def dataset(session: Session, lead: Principal, bells: list[str]) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction(question, answer) for question, answer in TEXTS])
    return made


def measure(
    session: Session, dataset: Dataset, lead: Principal, *keys: str, where: str = ""
) -> None:
    wanted = [Wanted(key, {}) for key in keys]
    job = service.start(session, dataset, wanted, by=lead, where=where)
    assert run_job(session, job.id).error is None


def scores(session: Session, dataset: Dataset) -> list[dict[str, float]]:
    signals = registry.signals(session, dataset.id)
    rows = session.scalars(select(Sample).order_by(Sample.id)).all()
    return [samples.named_scores(row, signals) for row in rows]


def test_several_signals_land_in_one_pass(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    measure(session, dataset, lead, "lengths", "refusal", "language")

    found = scores(session, dataset)
    assert [row["refusal"] for row in found] == [0.0, 1.0, 0.0]
    assert [row["response_words"] for row in found] == [7.0, 8.0, 8.0]
    languages = session.scalars(select(Sample.language).order_by(Sample.id)).all()
    assert languages == ["en", "en", "de"]


def test_a_later_signal_leaves_the_earlier_values(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    measure(session, dataset, lead, "lengths")
    before = scores(session, dataset)
    measure(session, dataset, lead, "refusal")
    measure(session, dataset, lead, "lengths")

    after = scores(session, dataset)

    assert [{name: row[name] for name in before[0]} for row in after] == before
    assert all("refusal" in row for row in after)


def test_a_filter_narrows_what_is_measured(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = session.scalars(select(Sample.id).order_by(Sample.id)).first()

    measure(session, dataset, lead, "refusal", where=f"id:{first}")

    assert [("refusal" in row) for row in scores(session, dataset)] == [True, False, False]


def test_notes_say_why_and_go_when_the_reason_went(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    measure(session, dataset, lead, "refusal")
    [note] = session.scalars(select(ScoreNote)).all()
    assert note.note
    assert service.notes(session, note.sample_id) == {note.signal_id: note.note}
    body = {"instruction": "Write to somebody.", "input": "", "output": "Dear friend, hello."}
    samples.edit(session, note.sample_id, body, revision=1, by=lead)
    session.commit()

    measure(session, dataset, lead, "refusal")

    assert session.scalars(select(ScoreNote)).all() == []


def test_a_sample_edited_while_it_is_measured_keeps_no_score_of_its_old_text(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = service.start(session, dataset, [Wanted("refusal", {})], by=lead)
    service.prepare(session, job)
    [page] = reading.pages(session, job, 0, 2**40)
    body = {"instruction": "New?", "input": "", "output": "Entirely new."}
    samples.edit(session, page.ids[0], body, revision=1, by=lead)

    service.score(session, service.signals_of(job), service.slots_of(session, job), page)

    session.expire_all()
    assert [("refusal" in row) for row in scores(session, dataset)] == [False, True, True]


def test_a_measure_stands_for_its_family(dataset: Dataset) -> None:
    [signal] = service.resolve([Wanted("gopher_mean_word_length", {}), Wanted("gopher_words", {})])

    assert signal.key == "gopher_quality"


def test_wrong_signals_and_parameters_are_refused(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal, api: TestClient
) -> None:
    with pytest.raises(InvalidError, match="at least one"):
        service.resolve([])
    with pytest.raises(InvalidError, match="no signal `beauty`"):
        service.resolve([Wanted("beauty", {})])
    with pytest.raises(ForbiddenError):
        service.start(session, dataset, [Wanted("refusal", {})], by=annotator)
    service.start(session, dataset, [Wanted("refusal", {})], by=lead)
    with pytest.raises(ConflictError, match="being measured"):
        service.start(session, dataset, [Wanted("refusal", {})], by=lead)
    bad = api.post(
        "/datasets/mix/scores", json={"signals": [{"key": "lengths", "params": {"nothing": 1}}]}
    )
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["path"] == "lengths.nothing"


def test_the_methods_are_described(api: TestClient) -> None:
    items = api.get("/signals").json()["items"]

    assert {"lengths", "language", "gopher_quality"} <= {one["key"] for one in items}
    assert all(one["help"] and one["params"]["type"] == "object" for one in items)


def test_profiles_histogram_and_rules_over_rest(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    measure(session, dataset, lead, "lengths", "gopher_quality")
    profiles = {one["key"]: one for one in api.get("/profiles").json()["items"]}
    assert {"web", "book", "code", "instruction", "chat"} <= set(profiles)
    found = api.get("/datasets/mix/histogram", params={"signal": "response_words", "bins": 4})
    assert sum(found.json()["counts"]) == 3
    assert api.get("/datasets/mix/histogram", params={"signal": "no"}).status_code == 404

    by_name = {"name": "a", "conditions": [{"expression": "response_words>=8"}]}
    made = api.post("/datasets/mix/rules", json=by_name).json()
    assert api.post("/datasets/mix/rules", json={"name": "b"}).status_code == 422
    assert api.post(f"/rules/{made['id']}/undo").status_code == 409
    applied = api.post(f"/rules/{made['id']}/apply").json()
    run_job(session, applied["id"])
    [listed] = api.get("/datasets/mix/rules").json()["items"]
    assert listed["applications"][0]["dropped"] == 1
    undone = api.post(f"/rules/{made['id']}/undo").json()
    run_job(session, undone["id"])
    dropped = api.get("/datasets/mix/samples", params={"where": "status:dropped"}).json()
    assert dropped["items"] == []
    assert session.execute(text("SELECT count(*) FROM sample_drops")).scalar() == 0


def test_coverage_counts_what_each_flag_marks(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    code = "```python\ndef gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n```"
    fill(
        session,
        dataset,
        lead,
        [instruction("Divide.", code), instruction("Sort.", "```\nx = 1\n```")],
    )
    before = coverage.coverage(session, dataset, "skills")
    measure(session, dataset, lead, "skills", "lengths")

    found = {one.name: one for one in coverage.coverage(session, dataset, "skills")}
    none = coverage.coverage(session, dataset, "skills", "id:0")
    answer = api.get(f"/datasets/{dataset.name}/coverage", params={"signal": "skills"})
    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/scores?signal=skill_maths")
    other = browser_of(session, lead).get(f"/datasets/{dataset.name}/scores?signal=words")

    assert before == []
    assert len(found) == 8
    maths = found["skill_maths"]
    assert (maths.rows, maths.measured, maths.share) == (1, 2, 0.5)
    assert found["skill_graphs"].rows == 0
    assert none[0].share == 0
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == 8
    assert "Coverage" in page.text
    assert "skill_maths%3E0" in page.text
    assert "Coverage" not in other.text
    with pytest.raises(InvalidError, match="`lengths` is no signal of flags"):
        coverage.coverage(session, dataset, "lengths")


def test_coverage_by_command_line(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measure(session, dataset, lead, "dirt")
    monkeypatch.setattr("app.cli_flags.from_environment", lambda: Here(api, session))

    code, printed = winnow("coverage", dataset.name, "dirt")

    assert code == 0
    assert "No answer" in printed
