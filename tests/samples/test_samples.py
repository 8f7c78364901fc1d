"""Samples: posting, editing with history, bulk actions, saved views, the catalog's own parts."""

import json
import uuid

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.samples import bulk, catalog, queries, registry, service, views
from app.samples.models import Sample, SampleBody, SampleParent, Status
from app.samples.search import compiled, parsed, schema_of
from tests.factories import fill, instruction, make_dataset, numbered, run_job


@pytest.fixture
def dataset(session: Session, lead: Principal, bells: list[str]) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, numbered(25))
    return made


def post(api: TestClient, *rows: object, **params: str) -> dict[str, object]:
    body = "\n".join(json.dumps(row) for row in rows)
    answer = api.post("/datasets/mix/samples", content=body, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_samples_come_as_an_array_or_lines_in_our_form_or_a_known_one(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    array = api.post(
        "/datasets/mix/samples",
        json=[{"kind": "text", "body": {"text": "One."}, "tags": ["a"], "scores": {"s": 1}}],
    ).json()
    lines = post(api, {"instruction": "Do it.", "output": "Done."})
    guessed = post(api, {"body": {"messages": [{"role": "user", "content": "Hello"}]}})

    assert (array["created"], lines["created"], guessed["created"]) == (1, 1, 1)
    items = api.get("/datasets/mix/samples", params={"limit": 3}).json()["items"]
    assert [item["kind"] for item in items] == ["chat", "instruction", "text"]
    assert (items[2]["tags"], items[2]["scores"], items[2]["source"]) == (["a"], {"s": 1.0}, "rest")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"kind": "poem", "body": {"text": "x"}}, "`kind` is 'poem'"),
        ({"body": {"colour": "x"}}, "`kind` is None"),
        ({"kind": "text", "body": {"text": 3}}, "body.text must be text."),
        ({"kind": "text", "body": {"text": "  "}}, "without any text"),
        ({"kind": "text", "body": {"text": "x", "more": "y"}}, "no field `more`"),
        ({"kind": "chat", "body": {"messages": []}}, "must be a list"),
        ({"kind": "chat", "body": {"messages": [{"role": "user"}]}}, "exactly role and content"),
        ({"kind": "text", "body": {"text": "x"}, "origin": "moon"}, "`origin` is 'moon'"),
        ({"kind": "text", "body": {"text": "x"}, "tags": "a"}, "list of words"),
        ({"kind": "text", "body": {"text": "x"}, "scores": {"s": "high"}}, "must be a number"),
        ({"kind": "text", "body": {"text": "x"}, "metadata": 3}, "`metadata` must be an object"),
        ({"kind": "text", "body": {"text": "x"}, "domain": [1]}, "`domain` must be text"),
        ({"kind": "text", "body": {"text": "x"}, "colour": "red"}, "no field `colour`"),
        ({"colour": "red"}, "No known layout has these fields"),
    ],
)
def test_a_wrong_row_is_listed_with_its_line_and_the_others_land(
    dataset: Dataset, api: TestClient, row: dict[str, object], reason: str
) -> None:
    found = post(api, {"kind": "text", "body": {"text": "good"}}, row)

    assert found["created"] == 1
    assert isinstance(found["rejected"], list)
    assert found["rejected"][0]["line"] == 2
    assert reason in found["rejected"][0]["reason"]


def test_the_same_external_id_with_other_content_is_refused(
    dataset: Dataset, api: TestClient
) -> None:
    first = {"external_id": "e1", "body": {"text": "one"}}
    found = post(api, first, {"external_id": "e1", "body": {"text": "two"}})

    assert found["created"] == 1
    assert found["rejected"] == [
        {"line": 2, "reason": "The external_id `e1` belongs to a sample with other content."}
    ]


def test_a_purpose_takes_its_own_kinds_alone(
    session: Session, lead: Principal, api: TestClient
) -> None:
    make_dataset(session, lead, "pairs", Purpose.PREFERENCE)

    answer = api.post("/datasets/pairs/samples", json=[{"body": {"text": "x"}}]).json()

    assert answer["created"] == 0
    assert "takes preference" in answer["rejected"][0]["reason"]


def test_what_postgres_can_not_hold_is_replaced(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    sample = session.scalars(select(Sample)).first()
    assert sample is not None

    service.edit(
        session,
        sample.id,
        {"instruction": "nul \0 and half \ud800", "input": "", "output": "x"},
        revision=1,
        by=lead,
    )

    assert service.body(session, sample).body["instruction"] == "nul \ufffd and half ?"


def test_an_edit_keeps_the_history_and_refuses_stale_and_double_ones(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    first, second = api.get("/datasets/mix/samples", params={"limit": 2}).json()["items"]
    body = {**first["body"], "output": "Better."}
    path = f"/samples/{first['id']}"

    edited = api.patch(path, json={"revision": 1, "body": body, "reason": "typo"})
    assert edited.json()["revision"] == 2
    assert api.patch(path, json={"revision": 1, "body": body}).status_code == 409
    twin = api.patch(path, json={"revision": 2, "body": second["body"]})
    assert twin.status_code == 409
    assert twin.json()["twin"] == second["id"]
    same = api.patch(path, json={"revision": 2, "body": body})
    assert same.json()["revision"] == 2

    history = api.get(f"{path}/history").json()["items"]
    assert [one["revision"] for one in history] == [1, 2]
    assert (history[1]["author"], history[1]["reason"]) == ("lead@example.org", "typo")
    ledger = api.get(f"{path}/ledger").json()
    assert ledger["whole"] is True
    assert ledger["items"][0]["detail"] == "revision 2: typo"


def test_lineage_tells_parents_and_children(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    parent, child = session.scalars(select(Sample.id).limit(2)).all()
    session.add(SampleParent(child_id=child, parent_id=parent, relation="paraphrase"))
    session.commit()

    told = api.get(f"/samples/{child}/lineage").json()
    assert told["parents"] == [{"id": parent, "relation": "paraphrase"}]
    assert told["children"] == []
    assert api.get(f"/samples/{child}").json()["parents"] == [parent]
    assert api.get(f"/samples/{parent}/lineage").json()["children"][0]["id"] == child
    assert api.get("/samples/999999").status_code == 404


def test_pages_over_rest_never_repeat_or_skip(dataset: Dataset, api: TestClient) -> None:
    seen: list[int] = []
    params = {"limit": "7", "sort": "-judge_score", "fields": "id"}
    while True:
        page = api.get("/datasets/mix/samples", params=params).json()
        assert all(set(item) == {"id"} for item in page["items"])
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]

    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "nonsense"},
        {"cursor": "WzFd"},
        {"fields": "nothing"},
        {"sort": "nothing"},
        {"sort": "tag"},
        {"where": "nothing:1"},
        {"limit": "0"},
    ],
)
def test_wrong_parameters_are_refused(
    dataset: Dataset, api: TestClient, params: dict[str, str]
) -> None:
    assert api.get("/datasets/mix/samples", params=params).status_code == 422


def test_words_are_searched_beside_an_expression(dataset: Dataset, api: TestClient) -> None:
    params = {"where": "domain:math", "q": "number 7", "total": "true"}

    assert api.get("/datasets/mix/samples", params=params).json()["total"] == 1


def test_facets_count_the_matches(session: Session, dataset: Dataset) -> None:
    schema = schema_of(session, dataset.id)
    node = parsed(schema, "judge_score>=5 domain:math")

    total, found = queries.facets(session, schema, node)

    assert total == 10
    assert found["domain"] == [("math", 10)]
    assert found["status"] == [("pending", 10)]
    assert found["source"] == [("written", 10)]
    assert queries.chosen(node)["domain"] == {"math"}
    assert views.toggled(node, "domain", "code") == "judge_score>=5 domain:math,code"
    assert views.toggled(node, "domain", "math") == "judge_score>=5"
    assert queries.words_of(parsed(schema, 'seven "in a row" domain:math')) == [
        "seven",
        "in a row",
    ]


def test_a_bulk_action_changes_what_was_confirmed_and_is_undone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = session.scalars(select(Sample).order_by(Sample.id)).first()
    assert first is not None
    service.set_status(session, first, Status.REJECTED, by=lead, action="test")
    where = "judge_score<10"
    counted = bulk.count(session, dataset, bulk.Action.APPROVE, where=where)
    assert (counted.matches, counted.changes) == (10, 10)

    with pytest.raises(ConflictError, match="would change 10 samples now"):
        bulk.start(session, dataset, bulk.Action.APPROVE, where=where, confirmed=9, by=lead)
    job = bulk.start(session, dataset, bulk.Action.APPROVE, where=where, confirmed=10, by=lead)
    done = run_job(session, job.id)
    assert done.result["changed"] == 10
    assert _count(session, Status.APPROVED) == 10
    assert bulk.latest(session, dataset.id) is not None

    undone = bulk.undo(session, uuid.UUID(done.result["action"]), by=lead)
    assert run_job(session, undone.id).result["changed"] == 10
    assert _count(session, Status.APPROVED) == 0
    assert session.get_one(Sample, first.id).status is Status.REJECTED
    with pytest.raises(ConflictError, match="taken back already"):
        bulk.undo(session, uuid.UUID(done.result["action"]), by=lead)


def test_bulk_actions_over_rest(
    session: Session, dataset: Dataset, api: TestClient, annotator_api: TestClient
) -> None:
    body = {"action": "approve", "where": "judge_score>=5 domain:math"}
    assert annotator_api.post(f"/datasets/{dataset.name}/bulk", json=body).status_code == 403
    wrong = api.post(f"/datasets/{dataset.name}/bulk", json={**body, "confirmed": 3})
    assert (wrong.status_code, wrong.json()["count"]) == (409, 10)

    started = api.post(f"/datasets/{dataset.name}/bulk", json=body)

    assert started.status_code == 202
    assert started.headers["Location"].endswith(started.json()["id"])
    done = run_job(session, uuid.UUID(started.json()["id"]))
    assert done.result["changed"] == 10
    undone = api.post(f"/bulk/{done.result['action']}/undo")
    assert run_job(session, uuid.UUID(undone.json()["id"])).result["changed"] == 10


@pytest.mark.parametrize("action", [bulk.Action.TAG, bulk.Action.UNTAG])
def test_tags_are_set_taken_away_and_restored(
    session: Session, dataset: Dataset, lead: Principal, action: bulk.Action
) -> None:
    tagged = select(func.count()).where(Sample.tags.contains(["hard"]))
    if action is bulk.Action.UNTAG:
        _bulk(session, dataset, lead, bulk.Action.TAG, "domain:math", "hard")
    before = session.scalar(tagged)

    done = _bulk(session, dataset, lead, action, "domain:math", "hard")
    assert session.scalar(tagged) == (12 if action is bulk.Action.TAG else 0)

    undone = bulk.undo(session, done, by=lead)
    run_job(session, undone.id)
    assert session.scalar(tagged) == before


def _bulk(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    action: bulk.Action,
    where: str,
    argument: str,
) -> uuid.UUID:
    count = bulk.count(session, dataset, action, where=where, argument=argument).changes
    job = bulk.start(
        session, dataset, action, where=where, argument=argument, confirmed=count, by=lead
    )
    return uuid.UUID(run_job(session, job.id).result["action"])


def _count(session: Session, status: Status) -> int:
    return session.scalar(select(func.count()).where(Sample.status == status)) or 0


def test_bulk_actions_are_the_leads_and_a_tag_has_a_name(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    with pytest.raises(ForbiddenError):
        bulk.start(session, dataset, bulk.Action.APPROVE, where="", confirmed=25, by=annotator)
    with pytest.raises(InvalidError, match="Which tag"):
        bulk.start(session, dataset, bulk.Action.TAG, where="", confirmed=25, by=lead)
    with pytest.raises(NotFoundError):
        bulk.undo(session, uuid.uuid4(), by=lead)
    assert bulk.matching_or("words>=3", [4, 5]) == "id:4,5"
    assert bulk.matching_or("words>=3", []) == "words>=3"


def test_views_are_saved_written_over_and_forgotten(
    session: Session, dataset: Dataset, annotator: Principal
) -> None:
    def save(name: str, where: str) -> int:
        return views.save(
            session,
            dataset,
            name=name,
            where=where,
            sort="-judge_score",
            columns=["judge_score", "nothing"],
            by=annotator,
        ).id

    first = save("High", "judge_score>=20")
    assert save("High", "judge_score>=21") == first
    [view] = views.everything(session, dataset.id)
    assert (view.where, view.columns) == ("judge_score>=21", ["judge_score"])
    assert views.address(view).startswith("where=judge_score%3E%3D21&sort=-judge_score")
    with pytest.raises(InvalidError):
        save(" ", "")
    views.delete(session, dataset, view.id, by=annotator)
    with pytest.raises(NotFoundError):
        views.delete(session, dataset, first, by=annotator)


def test_slots_are_kept_by_name_and_imports_do_not_take_measured_ones(
    session: Session, dataset: Dataset
) -> None:
    spec = registry.SignalSpec("words_a", "Words", "method", "f1")
    [first] = registry.claim_slots(session, dataset.id, [spec], None)
    [again] = registry.claim_slots(
        session, dataset.id, [registry.SignalSpec("words_a", "Words", "method", "f2")], None
    )

    assert first.slot == again.slot == 1
    assert again.fingerprint == "f2"
    with pytest.raises(ConflictError, match="another name"):
        registry.claim_slots(session, dataset.id, [registry.imported_spec("words_a", "a")], None)


def test_long_texts_are_stored_and_found(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    words = " ".join(f"w{n}" for n in range(400_000))  # 2.7 MB: more than a search index takes
    fill(session, dataset, lead, [Record(Kind.TEXT, {"text": words})])
    schema = schema_of(session, dataset.id)

    found = session.scalars(
        select(Sample.chars).where(compiled(schema, parsed(schema, "w1 w2")))
    ).all()

    assert found == [len(words)]
    stored = session.scalar(select(func.max(func.length(SampleBody.text))))
    assert stored == len(words)


def test_a_page_of_the_catalog_carries_its_texts(session: Session, dataset: Dataset) -> None:
    page = catalog.read(session, dataset, where="judge_score>=20", sort="judge_score", limit=3)

    assert [row.snippet.split("?")[0] for row in page.rows] == [
        "Question number 20",
        "Question number 21",
        "Question number 22",
    ]
    assert page.next is not None


def test_equal_samples_in_one_batch_count_as_one(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    same = [instruction("Twice?"), instruction("Twice?", external_id="other")]

    fill(session, dataset, lead, same)

    assert session.scalar(select(func.count()).select_from(Sample)) == 26


def test_a_cursor_of_another_order_is_refused(dataset: Dataset, api: TestClient) -> None:
    first = api.get("/datasets/mix/samples", params={"limit": 3, "sort": "judge_score"}).json()

    for sort in ("created", "domain", "-judge_score"):
        params = {"sort": sort, "cursor": first["next"]}
        assert api.get("/datasets/mix/samples", params=params).status_code == 422


def test_rows_of_several_layouts_in_one_request(dataset: Dataset, api: TestClient) -> None:
    found = post(
        api,
        {"messages": [{"role": "user", "content": "Hello"}]},
        {"instruction": "Do it.", "output": "Done."},
        {"text": "Plain."},
    )

    assert (found["created"], found["rejected"]) == (3, [])


@pytest.mark.parametrize("sort", ["id", "-id", ""])
def test_pages_of_rare_matches_go_on_behind_what_is_near(
    session: Session, dataset: Dataset, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows whether they are found near, or the dataset is read."""
    monkeypatch.setattr(queries, "_NEAR", 4)
    ids = sorted(session.scalars(select(Sample.id)))
    wanted = [one for one in ids if one % 7 == ids[3] % 7]
    where = "id:" + ",".join(str(one) for one in wanted)

    seen: list[int] = []
    cursor: str | None = None
    for _ in range(len(wanted) + 1):
        page = catalog.read(session, dataset, where=where, sort=sort, cursor=cursor, limit=2)
        seen += [row.sample.id for row in page.rows]
        cursor = page.next
        if cursor is None:
            break

    assert seen == (wanted if sort == "id" else wanted[::-1])


def test_the_ends_of_a_histogram_are_those_of_stored_values(
    session: Session, dataset: Dataset, api: TestClient
) -> None:
    stored = {"external_id": "a", "text": "One.", "scores": {"fresh_score": 0.5}}
    other = {"external_id": "a", "text": "Another one.", "scores": {"fresh_score": 1e9}}
    huge = {"external_id": "b", "text": "Two.", "scores": {"huge": 1e20}}
    for row in (stored, other, huge):
        api.post(f"/datasets/{dataset.name}/samples", json=[row])
    path = f"/datasets/{dataset.name}/histogram"

    found = api.get(path, params={"signal": "fresh_score", "bins": 5}).json()
    alone = api.get(path, params={"signal": "huge", "bins": 5}).json()

    assert (found["low"], found["high"], sum(found["counts"])) == (0.5, 1.5, 1)
    assert (alone["low"] < alone["high"], sum(alone["counts"])) == (True, 1)
