"""Maps end to end: drawn by a job, read as bytes, areas that are filters."""

import json
import struct

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal
from app.curation.shape.layout import SIDE
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus
from app.maps import areas, points, service
from app.maps.areas import AreaIn
from app.maps.labels import labels
from app.maps.service import Mode, Order
from app.samples import places, queries, registry
from app.samples import service as samples
from app.samples.models import Sample
from app.samples.search import condition, parsed, schema_of
from app.topics import service as topics
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.topics.texts import planted

pytestmark = pytest.mark.usefixtures("bells")
WHOLE = [[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, planted(25))
    return made


def draw(session: Session, dataset: Dataset, by: Principal, **order: object) -> Job:
    given = Order.model_validate(order)
    return run_job(session, service.start(session, dataset, given, by=by).id)


def spots(session: Session, dataset: Dataset) -> dict[int, tuple[int, int]]:
    """Coordinates by id, as the bytes say them."""
    raw = points.points(session, schema_of(session, dataset.id))
    count, _, first = struct.unpack_from("<IId", raw)
    ids = np.frombuffer(raw, "<u4", count, 16) + int(first)
    x = np.frombuffer(raw, "<u2", count, 16 + 4 * count)
    y = np.frombuffer(raw, "<u2", count, 16 + 6 * count)
    assert len(raw) == 16 + 8 * count
    return dict(zip(ids.tolist(), zip(x.tolist(), y.tolist(), strict=True), strict=True))


def colours(
    session: Session, dataset: Dataset, field: str, where: str = ""
) -> tuple[dict[str, int], list[int], dict[str, object]]:
    """Counts by name, a code per point, and all that the legend says."""
    raw = points.coloured(session, schema_of(session, dataset.id), field, where)
    length = struct.unpack_from("<I", raw)[0]
    said = json.loads(raw[4 : 4 + length])
    assert length % 4 == 0
    return {one["name"]: one["count"] for one in said["legend"]}, list(raw[4 + length :]), said


def matching(session: Session, dataset: Dataset, where: str) -> list[int]:
    query = select(Sample.id).where(condition(session, dataset.id, where))
    return list(session.scalars(query.order_by(Sample.id)))


def test_samples_of_a_topic_lie_side_by_side(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = draw(session, dataset, lead)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert (job.result["placed"], job.result["without"]) == (100, 0)
    where = spots(session, dataset)
    rows = session.execute(select(Sample.id, Sample.domain)).all()
    place = np.array([where[row.id] for row in rows], float)
    domain = np.array([row.domain for row in rows])
    distances = ((place[:, np.newaxis] - place) ** 2).sum(2)
    np.fill_diagonal(distances, np.inf)
    assert (domain[distances.argmin(1)] == domain).mean() > 0.9


def test_colours_are_those_of_the_field_and_the_rest_is_dimmed(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    draw(session, dataset, lead)
    rows = session.scalars(select(Sample).order_by(Sample.id)).all()
    registry.claim_slots(session, dataset.id, [registry.imported_spec("rated", "rated")], None)
    slot = next(one.slot for one in registry.signals(session, dataset.id))
    for number, one in enumerate(rows[:90]):
        one.scores = [*(one.scores or [])[:slot], float(number)]
    session.commit()

    by_domain, codes, said = colours(session, dataset, "domain")
    dimmed, shown, narrowed = colours(session, dataset, "domain", "domain:law")
    by_rating, steps, _ = colours(session, dataset, "rated")
    by_source, _, _ = colours(session, dataset, "source")

    assert by_domain == dict.fromkeys(("cooking", "space", "music", "law"), 25)
    assert len(set(codes)) == 4
    assert dimmed == {"law": 25}
    assert narrowed["matching"] == 25
    assert shown.count(points.DIMMED) == 75
    assert sum(by_rating.values()) == 100
    assert by_rating["not measured"] == 10
    assert steps[0] == 0
    assert steps[89] == 9
    assert by_source == {"written": 100}
    legend = said["legend"]
    assert isinstance(legend, list)
    for one in legend:
        assert len(matching(session, dataset, one["where"])) == one["count"]
    with pytest.raises(NotFoundError, match="can't be coloured"):
        colours(session, dataset, "tag")


def test_every_step_of_a_number_is_a_filter_of_its_rows(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    draw(session, dataset, lead)

    for field in ("chars", "words"):
        _, _, said = colours(session, dataset, field)
        legend = said["legend"]
        assert isinstance(legend, list)
        for one in legend:
            assert len(matching(session, dataset, one["where"])) == one["count"]


def test_many_values_share_a_colour_and_missing_ones_have_another(
    session: Session, lead: Principal
) -> None:
    dataset = make_dataset(session, lead)
    rows = [instruction(f"Text {n} of many", domain=f'say "{n % 14}"') for n in range(28)]
    fill(session, dataset, lead, [*rows, instruction("Without a domain")])
    draw(session, dataset, lead)

    counts, _, said = colours(session, dataset, "domain")

    assert counts["others"] == 6
    assert counts["none"] == 1
    legend = said["legend"]
    assert isinstance(legend, list)
    assert len(matching(session, dataset, legend[0]["where"])) == 2
    assert colours(session, dataset, "words", "missing:domain")[2]["matching"] == 1
    last = rows[13].domain
    few, _, _ = colours(session, dataset, "domain", 'NOT missing:domain "13 of"')
    assert few == {last: 1}  # a colour of its own where it is what is looked at


def test_topics_colour_the_map(session: Session, dataset: Dataset, lead: Principal) -> None:
    draw(session, dataset, lead)
    job = topics.start(session, dataset, topics.Order(topics=4), by=lead)
    run_job(session, job.id)

    counts, _, _ = colours(session, dataset, "topic")

    schema = schema_of(session, dataset.id)
    assert dict(points.by_topic(session, schema)) == counts
    assert sum(counts.values()) == 100
    assert points.fields(schema)[:2] == ["status", "topic"]


def test_a_name_stands_where_most_of_its_points_are() -> None:
    """One point far away does not draw it off; a value that is no word has no name."""
    x = np.array([1000, 1010, 1020, 60_000, 50_000, 50_100, 9])
    y = np.array([2000, 2010, 2020, 60_000, 40_000, 40_000, 9])
    values = np.array([1, 1, 1, 1, 2, 2, 0])

    found = labels(values, [None, "near", "far", "nowhere"], x, y)

    assert found == [
        {"name": "near", "x": 1010, "y": 2010, "count": 4},
        {"name": "far", "x": 50_050, "y": 40_000, "count": 2},
    ]
    assert labels(values[:0], ["word"], x[:0], y[:0]) == []


def test_an_area_is_a_filter(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    draw(session, dataset, lead)
    where = spots(session, dataset)
    middle = sorted(x for x, _ in where.values())[50]
    left = [[0, 0], [middle, 0], [middle, SIDE], [0, SIDE]]

    first = areas.add(session, dataset, AreaIn(polygon=left), by=annotator)
    areas.add(session, dataset, AreaIn(name="all", polygon=WHOLE), by=lead)
    session.commit()

    assert first.name == "area-1"
    inside = sorted(one for one, (x, _) in where.items() if x <= middle)
    assert matching(session, dataset, "map:area-1") == inside
    assert len(matching(session, dataset, "map:all -map:area-1")) == 100 - len(inside)
    schema = schema_of(session, dataset.id)
    assert points.count(session, schema, "map:area-1") == len(inside)
    assert queries.count(session, schema, parsed(schema, "missing:map")) == 0
    with pytest.raises(ConflictError, match="already"):
        areas.add(session, dataset, AreaIn(name="all", polygon=WHOLE), by=lead)
    with pytest.raises(InvalidError, match="three different corners"):
        areas.add(session, dataset, AreaIn(polygon=[[1, 1]] * 3), by=lead)
    areas.delete(session, dataset, "all", by=lead)
    session.commit()
    with pytest.raises(InvalidError, match="is never"):
        matching(session, dataset, "map:all")
    with pytest.raises(NotFoundError, match="no area"):
        areas.delete(session, dataset, "all", by=lead)
    done = select(AuditEvent.action).where(AuditEvent.action.startswith("map."))
    assert len(session.scalars(done).all()) == 3


def test_an_area_may_have_a_bay(session: Session, dataset: Dataset, lead: Principal) -> None:
    draw(session, dataset, lead)
    layout = places.layout(session, dataset.id)
    assert layout is not None
    x, y = (one.slot for one in service.slots(session, layout))
    rows = session.scalars(select(Sample).order_by(Sample.id).limit(3)).all()
    spots_ = {"left arm": (10, 90), "bay": (50, 90), "foot": (50, 10)}
    for row, (across, up) in zip(rows, spots_.values(), strict=True):
        scores = list(row.scores or [])
        scores[x], scores[y] = float(across), float(up)
        row.scores = scores
    session.commit()
    letter_u = [[0, 0], [100, 0], [100, 100], [80, 100], [80, 20], [20, 20], [20, 100], [0, 100]]

    areas.add(session, dataset, AreaIn(name="u", polygon=letter_u), by=lead)

    assert matching(session, dataset, "map:u") == [rows[0].id, rows[2].id]


def test_a_new_map_takes_the_place_of_the_old_one_in_one_moment(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(session, dataset, lead)
    before = spots(session, dataset)
    areas.add(session, dataset, AreaIn(name="all", polygon=WHOLE), by=lead)
    place = service.place

    def broken(*given: object, **more: object) -> object:
        raise KeyError("the machine went away")

    monkeypatch.setattr(service, "place", broken)
    failed = draw(session, dataset, lead, seed=4)
    assert failed.status is JobStatus.FAILED
    assert spots(session, dataset) == before
    assert len(matching(session, dataset, "map:all")) == 100
    monkeypatch.setattr(service, "place", place)

    draw(session, dataset, lead, seed=4)

    assert spots(session, dataset).keys() == before.keys()
    assert places.of(session, dataset.id).areas == {}
    layout = places.layout(session, dataset.id)
    assert layout is not None
    assert (layout.version, layout.side) == (2, "b")
    jobs.retry(session, failed.id, by=lead)
    assert "replaced by a later one" in str(run_job(session, failed.id).error)
    assert places.layout(session, dataset.id) is layout


def test_new_and_edited_samples_are_put_beside_their_like(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    draw(session, dataset, lead)
    before = spots(session, dataset)
    fresh = fill(session, dataset, lead, [instruction("Bake bread", "flour butter oven")])[-1]
    law = session.scalars(select(Sample).where(Sample.domain == "law").limit(1)).one()
    edit = {"instruction": "Recipe for garlic soup", "input": "", "output": "onion butter sauce"}
    samples.edit(session, law.id, edit, revision=1, by=lead)
    session.commit()
    assert matching(session, dataset, "missing:map") == [fresh.id]

    job = draw(session, dataset, lead, mode="new")

    assert job.result["placed"] == 101
    after = spots(session, dataset)
    moved = {one for one in before if after[one] != before[one]}
    assert moved == {law.id}
    cooking = session.scalars(select(Sample.id).where(Sample.domain == "cooking")).all()
    middle = np.mean([after[one] for one in cooking], 0)
    others = [np.hypot(*(np.array(after[one]) - middle)) for one in before if one not in cooking]
    assert np.hypot(*(np.array(after[fresh.id]) - middle)) < np.median(others)


@pytest.mark.parametrize("count", [1, 3])
def test_few_samples_have_a_map_too(session: Session, lead: Principal, count: int) -> None:
    dataset = make_dataset(session, lead)
    fill(session, dataset, lead, [instruction(f"Text {n}", "words") for n in range(count)])

    job = draw(session, dataset, lead)

    assert job.status is JobStatus.SUCCEEDED
    assert len(spots(session, dataset)) == count


def test_samples_may_go_while_the_map_is_drawn(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = service.fit

    def meanwhile(inner: Session, job: Job) -> places.MapLayout:
        made = fit(inner, job)
        inner.execute(delete(Sample).where(Sample.domain == "law"))
        return made

    monkeypatch.setattr(service, "fit", meanwhile)

    assert draw(session, dataset, lead).result["placed"] == 75


def test_what_can_not_be_started_says_why(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    with pytest.raises(InvalidError, match="has no samples"):
        service.start(session, make_dataset(session, lead, "empty"), Order(), by=lead)
    with pytest.raises(ConflictError, match="has no map yet"):
        service.start(session, dataset, Order(mode=Mode.NEW), by=lead)
    service.start(session, dataset, Order(), by=lead)
    with pytest.raises(ConflictError, match="right now"):
        service.start(session, dataset, Order(), by=lead)
    named = make_dataset(session, lead, "named")
    fill(session, named, lead, [instruction("Rated", scores={"map": 3.0})])
    with pytest.raises(ConflictError, match="signal of named"):
        service.start(session, named, Order(), by=lead)
    wordless = make_dataset(session, lead, "marks")
    fill(session, wordless, lead, [instruction("...", "?!")])
    assert "nothing to map" in str(draw(session, wordless, lead).error)


def test_vectors_of_another_model_are_never_compared(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    draw(session, dataset, lead)
    layout = places.layout(session, dataset.id)
    assert layout is not None
    layout.embedded_by = "another"
    session.commit()

    with pytest.raises(ConflictError, match="Draw a new map"):
        service.start(session, dataset, Order(mode=Mode.NEW), by=lead)
    with pytest.raises(ConflictError, match="Draw a new map"):
        list(service.place(session, layout, Sample.id > 0, (0, 2**40)))


def test_maps_over_rest(session: Session, dataset: Dataset, api: TestClient) -> None:
    base = "/datasets/mix/map"
    assert api.get(base).json()["version"] == 0
    assert api.get(f"{base}/points").status_code == 409
    started = api.post(base, json={"landmarks": 100})
    assert (started.status_code, started.json()["kind"]) == (202, "map")
    run_job(session, started.json()["id"])

    found = api.get(base).json()
    raw = api.get(f"{base}/points")
    first = next(iter(spots(session, dataset)))
    sample = api.get(f"{base}/samples/{first}").json()
    kept = api.post(f"{base}/areas", json={"name": "here", "polygon": WHOLE})
    listed = api.get(f"{base}/areas").json()["items"]
    catalog = api.get("/datasets/mix/samples?where=map:here&limit=1000").json()["items"]
    forgotten = api.delete(f"{base}/areas/here")

    assert (found["placed"], found["landmarks"], "status" in found["fields"]) == (100, 100, True)
    assert raw.headers["content-type"] == "application/octet-stream"
    assert len(raw.content) == 816
    assert sample["id"] == first
    assert sample["text"]
    assert (kept.status_code, kept.json()["count"], kept.json()["where"]) == (201, 100, "map:here")
    assert listed == [kept.json()]
    assert len(catalog) == 100
    assert forgotten.status_code == 204
    assert api.post(f"{base}/areas", json={"polygon": WHOLE[:2]}).status_code == 422
    assert api.get(f"{base}/colours?by=nothing").status_code == 404
    assert api.get(f"{base}/colours?where=nothing:1").status_code == 422
    assert api.get(f"{base}/samples/999999").status_code == 404


def test_a_sample_of_another_dataset_is_not_told(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    other = make_dataset(session, lead, "other")
    foreign = fill(session, other, lead, [instruction("Elsewhere")])[0]

    assert api.get(f"/datasets/mix/map/samples/{foreign.id}").status_code == 404


def test_the_map_in_the_browser(session: Session, dataset: Dataset, lead: Principal) -> None:
    browser = browser_of(session, lead)
    assert "No map was drawn yet" in browser.get("/datasets/mix/map").text
    started = browser.post("/datasets/mix/map", data={"mode": "all", "landmarks": "100"})
    assert "Draw a map" in started.text
    assert browser.post("/datasets/mix/map", data={"mode": "all"}).status_code == 409
    job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()
    run_job(session, job.id)
    areas.add(session, dataset, AreaIn(polygon=WHOLE), by=lead)
    fill(session, dataset, lead, [instruction("A new one")])

    page = browser.get("/datasets/mix/map").text

    assert "<canvas" in page
    assert "map:area-1" in page
    assert "Put new samples on it" in page
    assert browser.post("/datasets/mix/map", data={"landmarks": "1"}).status_code == 422
