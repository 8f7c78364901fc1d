"""Decontamination end to end: hits with evidence, verdicts, undo, certificate, releases."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.contamination import certificate, service, verdicts
from app.contamination.evidence import segments
from app.contamination.models import ContaminationHit, ContaminationRun, Judgement
from app.contamination.service import Order
from app.contamination.verdicts import Filter, Pair, UndoIn, VerdictIn
from app.curation.records import Kind, Record
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus
from app.ledger.service import ledger
from app.releases import service as releases
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.web.pagination import encode_cursor
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.shell import Here, winnow, winnow_json

pytestmark = pytest.mark.usefixtures("bells")

LONG = (
    "A shepherd has 17 sheep in the upper field and 25 more in the lower field, and sells a third "
    "of all of them. How many sheep are left?"
)
SHORT = "Which planet has the most moons?"
CODE = """def span(values):
    lowest = highest = values[0]
    for value in values:
        if value < lowest:
            lowest = value
        elif value > highest:
            highest = value
    return highest - lowest
"""
RENAMED = CODE.replace("lowest", "a").replace("highest", "b").replace("value", "c")
ITEMS = [
    instruction(LONG, "28"),
    instruction(SHORT, "Saturn"),
    instruction("Write a function that measures the range of numbers.", CODE),
    instruction("Name the longest river of the southern half of the earth.", "The Amazon"),
]
ROWS = [
    instruction(f"Solve this. {LONG}", "It is 28."),
    instruction("Quiz of the day", "The question was: which planet has the most MOONS?"),
    instruction("Show some useful code.", RENAMED),
    *(
        instruction(f"How do I bake bread number {at} with {at} eggs?", "Slowly.")
        for at in range(6)
    ),
]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def benchmark(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead, "quiz", Purpose.BENCHMARK)
    fill(session, made, lead, ITEMS)
    return made


def look(session: Session, dataset: Dataset, by: Principal, *layers: str) -> Job:
    order = Order(against=["quiz"], layers=list(layers) or ["exact", "ngram", "ast", "tfidf"])
    return run_job(session, service.start(session, dataset, order, by=by).id)


def hits(session: Session, dataset: Dataset) -> set[tuple[int, int, str]]:
    """Place of the item, place of the row, layer."""
    items = dict.fromkeys(session.scalars(select(Sample.id).order_by(Sample.id)))
    found = session.scalars(
        select(ContaminationHit).where(ContaminationHit.dataset_id == dataset.id)
    )
    places = {one: at for at, one in enumerate(items)}
    return {(places[one.item_id], places[one.sample_id] - len(ITEMS), one.layer) for one in found}


def open_pairs(session: Session, dataset: Dataset) -> int:
    return verdicts.count(session, dataset, Filter(state="open"))


def status_of(session: Session, sample: Sample) -> Status:
    session.refresh(sample)
    return sample.status


def test_items_are_found_by_words_and_by_syntax(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)

    job = look(session, dataset, lead)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    found = hits(session, dataset)
    assert {(0, 0, "ngram13"), (0, 0, "overlap8"), (1, 1, "exact"), (2, 2, "ast")} <= found
    assert {row for _, row, layer in found if layer != "tfidf"} == {0, 1, 2}


def test_a_verdict_drops_the_row_says_why_and_can_be_undone(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    row = fill(session, dataset, lead, ROWS[:1])[0]
    item = session.scalars(select(Sample.id).order_by(Sample.id)).first()
    look(session, dataset, lead, "ngram13")
    pair = Pair(item=item or 0, sample=row.id)

    verdicts.decide(
        session,
        dataset,
        VerdictIn(verdict=Judgement.REMOVE, reason="leaked", pairs=[pair]),
        by=lead,
    )

    assert status_of(session, row) is Status.DROPPED
    drop = samples.drop_of(session, row.id)
    assert drop is not None
    assert drop.condition == f"it repeats item #{item} of quiz (13-gram)"
    entry = ledger(session, row).entries[0]
    assert (entry.title, entry.detail) == (
        "Dropped as contaminated",
        f"{drop.condition}: “leaked”",
    )
    assert open_pairs(session, dataset) == 0

    verdicts.undo(session, dataset, UndoIn(pairs=[pair]), by=lead)

    assert status_of(session, row) is Status.PENDING
    assert samples.drop_of(session, row.id) is None
    assert open_pairs(session, dataset) == 1
    assert ledger(session, row).whole


def test_a_verdict_on_all_of_a_filter_needs_the_count_that_was_seen(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    rows = fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact", "ngram13", "ast")
    wanted = Filter(benchmark="quiz", finding="match", state="open")
    body: dict[str, Any] = {"verdict": Judgement.QUARANTINE, "all_of": wanted}

    with pytest.raises(ConflictError, match="3 pairs now, not the 9 you confirmed"):
        verdicts.decide(session, dataset, VerdictIn(**body, confirmed=9), by=lead)
    assert verdicts.decide(session, dataset, VerdictIn(**body, confirmed=3), by=lead) == 3

    assert [status_of(session, one) for one in rows[:4]] == [
        *([Status.QUARANTINED] * 3),
        Status.PENDING,
    ]
    assert open_pairs(session, dataset) == 0


def test_allowing_takes_a_reason_and_changing_the_mind_moves_the_row(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    row = fill(session, dataset, lead, ROWS[:1])[0]
    look(session, dataset, lead, "ngram13")
    everything = Filter()

    with pytest.raises(InvalidError, match="takes a reason"):
        verdicts.decide(
            session, dataset, VerdictIn(verdict=Judgement.ALLOW, all_of=everything), by=lead
        )
    for verdict in (Judgement.REMOVE, Judgement.ALLOW):
        body = VerdictIn(verdict=verdict, reason="a proverb", all_of=everything)
        verdicts.decide(session, dataset, body, by=lead)

    assert status_of(session, row) is Status.PENDING
    found = certificate.certificate(session, dataset)
    assert (found.open, found.clean) == (0, True)
    assert [(one["verdict"], one["by"]) for one in found.verdicts] == [
        ("allow", "lead@example.org")
    ]


def test_wrong_verdicts_are_refused(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    row = fill(session, dataset, lead, ROWS[:1])[0]
    nothing = VerdictIn(verdict=Judgement.REMOVE)
    pair = Pair(item=1, sample=row.id)

    with pytest.raises(ForbiddenError):
        verdicts.decide(session, dataset, nothing, by=annotator)
    with pytest.raises(InvalidError, match="Name the pairs"):
        verdicts.decide(session, dataset, nothing, by=lead)
    body = VerdictIn(verdict=Judgement.REMOVE, pairs=[pair])
    with pytest.raises(NotFoundError, match="was not found in sample"):
        verdicts.decide(session, dataset, body, by=lead)
    with pytest.raises(NotFoundError, match="no verdict"):
        verdicts.undo(session, dataset, UndoIn(pairs=[pair]), by=lead)
    with pytest.raises(InvalidError, match="`guess` is no finding"):
        verdicts.count(session, dataset, Filter(finding="guess"))


def test_wrong_orders_are_refused(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    make_dataset(session, lead, "empty", Purpose.BENCHMARK)

    with pytest.raises(ForbiddenError):
        service.start(session, dataset, Order(against=["quiz"]), by=annotator)
    with pytest.raises(InvalidError, match="its own benchmark"):
        service.start(session, dataset, Order(against=["mix"]), by=lead)
    with pytest.raises(InvalidError, match="has no items yet"):
        service.start(session, dataset, Order(against=["empty"]), by=lead)
    with pytest.raises(InvalidError, match="There is no layer `guess`"):
        service.start(session, dataset, Order(against=["quiz"], layers=["guess"]), by=lead)
    wrong = Order(against=["quiz"], params={"ngram13": {"size": 1}})
    with pytest.raises(InvalidError, match=r"params\.ngram13\.size"):
        service.start(session, dataset, wrong, by=lead)
    service.start(session, dataset, Order(against=["quiz"]), by=lead)
    with pytest.raises(ConflictError, match="right now"):
        service.start(session, dataset, Order(against=["quiz"]), by=lead)


def test_new_rows_make_the_certificate_stale_and_are_all_that_is_read_again(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    first = fill(session, dataset, lead, ROWS[:1])[0]
    look(session, dataset, lead, "ngram13", "exact")
    assert certificate.certificate(session, dataset).stale == []

    fill(session, dataset, lead, ROWS[1:2])

    assert certificate.certificate(session, dataset).stale == [
        "1 rows were added or edited since quiz was looked for. Look again: only those are read."
    ]
    old = session.scalars(select(ContaminationHit)).one().created_at
    again = look(session, dataset, lead, "ngram13", "exact")
    assert again.result["hits"] == 2
    kept = session.scalars(
        select(ContaminationHit).where(ContaminationHit.sample_id == first.id)
    ).one()
    assert kept.created_at == old  # not written again
    assert certificate.certificate(session, dataset).stale == []


def test_an_edit_that_takes_the_item_out_takes_the_hit_away(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    row = fill(session, dataset, lead, ROWS[:1])[0]
    look(session, dataset, lead, "ngram13")
    body = {"instruction": "Count sheep.", "input": "", "output": "One, two."}
    samples.edit(session, row.id, body, revision=1, by=lead)

    look(session, dataset, lead, "ngram13")

    assert session.scalar(select(func.count()).select_from(ContaminationHit)) == 0


def test_another_benchmark_text_makes_the_certificate_stale(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact")

    fill(session, benchmark, lead, [instruction("Another question of the quiz?", "Yes")])

    assert certificate.certificate(session, dataset).stale == [
        "The benchmark quiz has other items now. Look for it again."
    ]


def test_a_chunk_run_twice_leaves_the_same_hits(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead)
    before = hits(session, dataset)
    run = session.scalars(select(ContaminationRun)).one()
    run.finished_at = None  # so that the next one reads everything
    session.commit()

    look(session, dataset, lead)

    assert hits(session, dataset) == before


def approve(session: Session, *rows: Sample) -> None:
    for row in rows:
        row.status = Status.APPROVED
    session.commit()


def test_a_release_waits_for_open_hits_and_carries_the_certificate(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    rows = fill(session, dataset, lead, ROWS)
    approve(session, *rows)
    look(session, dataset, lead, "exact", "ngram13")
    make: dict[str, Any] = {"where": "", "formats": ["jsonl"], "by": lead}

    with pytest.raises(ConflictError, match="2 hits of benchmarks are not settled in mix"):
        releases.start(session, dataset, name="v1", **make)
    body = VerdictIn(verdict=Judgement.REMOVE, all_of=Filter())
    verdicts.decide(session, dataset, body, by=lead)
    release, job = releases.start(session, dataset, name="v1", **make)
    done = run_job(session, job.id)

    assert (done.status, done.error) == (JobStatus.SUCCEEDED, None)
    session.refresh(release)
    told = release.manifest["contamination"]
    assert [(one["dataset"], one["removed"]) for one in told["benchmarks"]] == [("quiz", 2)]
    assert {one["key"] for one in told["runs"][0]["layers"]} == {"exact", "ngram13"}
    card = (releases.folder(release) / "README.md").read_text()
    assert "quiz (4 items, SHA-256" in card
    assert "2 removed" in card


def test_a_benchmark_is_never_released_and_is_told_apart(
    session: Session, api: TestClient, benchmark: Dataset, lead: Principal
) -> None:
    approve(session, *session.scalars(select(Sample)))

    with pytest.raises(ConflictError, match="quiz is a benchmark, and benchmarks are never rel"):
        releases.start(session, benchmark, name="v1", where="", formats=["jsonl"], by=lead)

    assert api.get("/datasets/quiz").json()["protected"] is True
    assert "protected" in browser_of(session, lead).get("/").text


def test_over_rest(
    session: Session, api: TestClient, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    order = {"against": ["quiz"], "layers": ["exact", "ngram13", "ast"]}
    started = api.post("/datasets/mix/decontaminations", json=order)
    assert started.status_code == 202
    run_job(session, started.json()["id"])

    first = api.get("/datasets/mix/contamination", params={"limit": 2}).json()
    second = api.get("/datasets/mix/contamination", params={"cursor": first["next"]}).json()
    pairs = [*first["items"], *second["items"]]
    assert (first["total"], second["next"], len(pairs)) == (3, None, 3)
    assert len({(one["item_id"], one["sample_id"]) for one in pairs}) == 3
    one = next(pair for pair in pairs if pair["layers"] == ["ngram13"])
    path = f"/datasets/mix/contamination/{one['item_id']}/{one['sample_id']}"
    shown = api.get(path).json()
    (start, end), *_ = shown["hits"][0]["sample_spans"]
    assert shown["sample_text"][start:end].startswith("A shepherd has 17 sheep")
    chosen = [{"item": one["item_id"], "sample": one["sample_id"]}]
    done = api.post(
        "/datasets/mix/contamination/verdicts", json={"verdict": "remove", "pairs": chosen}
    )
    assert done.json() == {"pairs": 1}
    certified = api.get("/datasets/mix/contamination/certificate").json()
    assert (certified["open"], certified["clean"]) == (2, False)
    back = api.post("/datasets/mix/contamination/verdicts/undo", json={"pairs": chosen})
    assert back.json() == {"pairs": 1}
    assert {one["key"] for one in api.get("/layers").json()["items"]} >= {"exact", "ast"}
    assert api.get("/datasets/mix/contamination", params={"cursor": "e30"}).status_code == 422


def test_on_the_page(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    rows = fill(session, dataset, lead, ROWS)
    browser = browser_of(session, lead)
    here = "/datasets/mix/contamination"
    assert "No benchmark was looked for" in browser.get(here).text
    assert browser.post(here, data={}).status_code == 422
    started = browser.post(here, data={"against": "quiz", "layers": ["exact", "ngram13"]})
    assert started.status_code == 200
    run_job(session, session.scalars(select(Job.id).where(Job.kind == "decontaminate")).one())

    shown = browser.get(here).text
    assert "2 pairs of item and row" in shown
    assert '<mark class="hit">A shepherd has 17 sheep' in shown
    assert "code-t" not in shown
    browser.post(f"{here}/verdict", data={"wanted": "remove", "confirmed": "2"})
    assert [status_of(session, one) for one in rows[:2]] == [Status.DROPPED] * 2
    assert "it repeats item #" in browser.get(f"/samples/{rows[0].id}").text
    hit = session.scalars(select(ContaminationHit)).first()
    assert hit is not None
    pair = {"item": str(hit.item_id), "sample": str(hit.sample_id), "wanted": "undo"}
    browser.post(f"{here}/verdict", data=pair)
    assert open_pairs(session, dataset) == 1


def test_programs_are_shown_as_programs(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    assert look(session, dataset, lead, "ast").status is JobStatus.SUCCEEDED

    page = BeautifulSoup(
        browser_of(session, lead).get("/datasets/mix/contamination").text, "html.parser"
    )

    texts = page.select(".look .pre-w")
    assert [one["class"] for one in texts] == [["pre-w", "mono", "code-t"]] * 2
    for one, words in zip(texts, ("numbers.", "useful code."), strict=True):
        marks = "".join(mark.get_text() for mark in one.select("mark"))
        assert marks.startswith("def ")
        assert words not in marks


def test_on_the_command_line(
    session: Session,
    api: TestClient,
    benchmark: Dataset,
    dataset: Dataset,
    lead: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(session, dataset, lead, ROWS)
    monkeypatch.setattr("app.cli_contamination.from_environment", lambda: Here(api, session))
    assert "No benchmark was looked for yet." in winnow("contamination", "mix")[1]

    code, printed = winnow(
        *("decontaminate", "mix", "--against", "quiz", "--layers", "exact,ngram"),
        *("--set", "ngram13.size=12", "--wait"),
    )

    assert code == 0, printed
    assert "Layers that ran: exact, ngram13, ngram7, overlap8." in printed
    assert "quiz" in winnow("contamination", "mix", "--finding", "match")[1]
    found = winnow_json("contamination", "mix", "--limit", "1")["items"][0]
    pair = f"{found['item_id']}:{found['sample_id']}"
    said = winnow("contamination", "mix", "--verdict", "remove", "--pair", pair)
    assert said == (0, "remove: 1 pairs.\n")
    assert winnow_json("contamination", "mix", "--verdict", "undo", "--pair", pair) == {"pairs": 1}
    assert winnow("contamination", "mix", "--verdict", "undo", "--pair", "x")[0] == 2
    assert winnow_json("contamination", "mix", "--verdict", "quarantine")["pairs"] >= 2
    code, printed = winnow("contamination", "mix", "--certificate")
    assert '"open": 0' in printed


def test_meaning_is_looked_for_by_the_transformer_where_rows_are_few(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    rows = [instruction("On this planet, south of the equator, what river is the longest?", "")]
    fill(session, dataset, lead, [*rows, *ROWS[3:]])

    named = look(session, dataset, lead, "embedding")
    by_name = hits(session, dataset)
    order = Order(against=["quiz"])
    job = run_job(session, service.start(session, dataset, order, by=lead).id)

    assert (named.status, job.status) == (JobStatus.SUCCEEDED, JobStatus.SUCCEEDED)
    assert by_name == {(3, 0, "embedding")}  # who names a layer gets that one
    assert (3, 0, "transformer") in hits(session, dataset)


def test_texts_are_cut_where_they_are_alike() -> None:
    found = segments("abcdefgh", [(4, 6), (1, 3), (2, 5)])

    assert [(one.text, one.found) for one in found] == [
        ("a", False),
        ("bcdef", True),
        ("gh", False),
    ]
    assert segments("", []) == []


def test_a_chat_can_hold_an_item(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": LONG}]
    fill(session, dataset, lead, [Record(Kind.CHAT, {"messages": turns})])

    look(session, dataset, lead, "ngram13")

    assert hits(session, dataset) == {(0, 0, "ngram13")}


def test_filters_narrow_and_wrong_places_are_refused(
    session: Session, api: TestClient, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact", "ngram13", "ast")
    path = "/datasets/mix/contamination"

    totals = {
        query: api.get(f"{path}?{query}").json()["total"]
        for query in ("layer=ast", "benchmark=quiz&finding=match", "finding=near", "state=settled")
    }

    assert totals == {
        "layer=ast": 1,
        "benchmark=quiz&finding=match": 3,
        "finding=near": 0,
        "state=settled": 0,
    }
    assert api.get(f"{path}/1/2").status_code == 404
    assert api.get(f"{path}?layer={'x' * 50}").status_code == 422
    wrong = encode_cursor(1, "x", 1, 1)
    assert api.get(path, params={"cursor": wrong}).status_code == 422


def test_an_allowed_pair_is_taken_back_in_the_ledger(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    row = fill(session, dataset, lead, ROWS[:1])[0]
    look(session, dataset, lead, "ngram13")
    body = VerdictIn(verdict=Judgement.ALLOW, reason="a proverb", all_of=Filter())
    verdicts.decide(session, dataset, body, by=lead)
    known = certificate.certificate(session, dataset).verdicts[0]

    pair = Pair(item=known["item"], sample=known["sample"])
    verdicts.undo(session, dataset, UndoIn(pairs=[pair]), by=lead)

    titles = [one.title for one in ledger(session, row).entries[:2]]
    assert titles == ["Verdict on contamination taken back", "Allowed beside a benchmark"]
    assert open_pairs(session, dataset) == 1


def test_more_pairs_than_one_verdict_takes_are_refused(
    session: Session,
    benchmark: Dataset,
    dataset: Dataset,
    lead: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact", "ngram13")
    monkeypatch.setattr(verdicts, "MOST", 1)

    with pytest.raises(InvalidError, match="More than 1 pairs match"):
        verdicts.decide(
            session, dataset, VerdictIn(verdict=Judgement.REMOVE, all_of=Filter()), by=lead
        )


def test_several_benchmarks_have_several_runs(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    other = make_dataset(session, lead, "exam", Purpose.BENCHMARK)
    fill(session, other, lead, [instruction("Where do the swallows spend the winter?", "South")])
    fill(session, dataset, lead, ROWS)
    both = Order(against=["quiz", "exam"], layers=["exact"])
    run_job(session, service.start(session, dataset, both, by=lead).id)

    look(session, dataset, lead, "exact", "ngram13")

    found = certificate.certificate(session, dataset)
    assert [one["dataset"] for one in found.benchmarks] == ["quiz", "exam"]
    assert [one["benchmarks"] for one in found.runs] == [["quiz"], ["quiz", "exam"]]


def test_a_range_without_new_rows_is_passed_over(
    session: Session,
    benchmark: Dataset,
    dataset: Dataset,
    lead: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact")
    monkeypatch.setattr("app.contamination.searching.search_of", None)  # nothing is indexed

    again = look(session, dataset, lead, "exact")

    assert (again.status, again.result["hits"]) == (JobStatus.SUCCEEDED, 1)


def test_what_other_layers_find_meanwhile_stays_and_only_new_rows_are_read(
    session: Session,
    benchmark: Dataset,
    dataset: Dataset,
    lead: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact")
    look(session, dataset, lead, "ngram13")
    monkeypatch.setattr("app.contamination.searching.search_of", None)  # nothing is indexed

    look(session, dataset, lead, "exact")

    assert hits(session, dataset) == {(1, 1, "exact"), (0, 0, "ngram13")}


def test_a_search_that_did_not_end_makes_the_certificate_stale(
    session: Session, benchmark: Dataset, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "exact")
    job = service.start(session, dataset, Order(against=["quiz"], layers=["exact"]), by=lead)
    jobs.cancel(session, job.id, by=lead)
    run_job(session, job.id)

    assert certificate.certificate(session, dataset).stale == [
        "A later search for quiz has not come to its end. Look again."
    ]
    look(session, dataset, lead, "exact")
    assert certificate.certificate(session, dataset).clean is False
    assert certificate.certificate(session, dataset).stale == []
