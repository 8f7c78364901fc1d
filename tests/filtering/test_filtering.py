"""Rules: what they would do, what they do, and that undo brings back exactly those rows."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.filtering import preview, service
from app.filtering.models import RuleApplication, RuleVersion
from app.jobs import service as jobs
from app.samples import distribution
from app.samples import service as samples
from app.samples.models import Sample, SampleDrop, Status
from app.samples.search import schema_of
from tests.factories import fill, make_dataset, numbered, run_job


@pytest.fixture
def dataset(session: Session, lead: Principal, bells: list[str]) -> Dataset:
    made = make_dataset(session, lead)
    scores = {n: float(n) for n in range(40) if n % 10 != 9}  # every tenth is not measured
    fill(session, made, lead, numbered(40, scores))
    return made


def save(session: Session, dataset: Dataset, lead: Principal, *expressions: str) -> RuleVersion:
    conditions = [{"expression": one, "enabled": True} for one in expressions]
    return service.save(session, dataset, name="keep", conditions=conditions, by=lead)


def apply(session: Session, version: RuleVersion, lead: Principal) -> RuleApplication:
    application, job = service.apply(session, version, by=lead)
    assert run_job(session, job.id).error is None
    return session.get_one(RuleApplication, application.id)


def undo(session: Session, application: RuleApplication, lead: Principal) -> None:
    assert run_job(session, service.undo(session, application, by=lead).id).error is None


def dropped(session: Session) -> set[int]:
    return set(session.scalars(select(Sample.id).where(Sample.status == Status.DROPPED)))


def snapshot(session: Session) -> list[tuple[object, ...]]:
    rows = session.execute(select(Sample.id, Sample.status, Sample.scores).order_by(Sample.id))
    return [tuple(row) for row in rows]


def test_the_funnel_counts_what_each_condition_takes(session: Session, dataset: Dataset) -> None:
    schema = schema_of(session, dataset.id)

    found = preview.preview(session, schema, "judge_score>=10 domain:math")

    # 10 rows below 10 less the one not measured; of the rest every second is code.
    assert found.total == 40
    assert [(step.lost, step.left) for step in found.steps] == [(9, 31), (15, 16)]
    assert (found.matched, found.unmeasured) == (12, 4)
    assert {group.name: group.kept for group in found.by_domain} == {"math": 16, "code": 0}
    assert sum(group.total for group in found.by_length) == 40


def test_the_funnel_adds_up_for_any_order(session: Session, dataset: Dataset) -> None:
    schema = schema_of(session, dataset.id)
    one = preview.preview(session, schema, "judge_score>=10 domain:math")
    other = preview.preview(session, schema, "domain:math judge_score>=10")

    assert one.matched == other.matched
    for found in (one, other):
        assert found.total - sum(step.lost for step in found.steps) == found.steps[-1].left


def test_the_preview_tells_what_applying_would_drop(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    schema = schema_of(session, dataset.id)
    assert preview.preview(session, schema, "judge_score>=10").droppable == 9
    first = session.scalars(select(Sample).order_by(Sample.id).limit(1)).one()
    samples.set_status(session, first, Status.APPROVED, by=lead, action="test")
    assert preview.preview(session, schema, "judge_score>=10").droppable == 8

    apply(session, save(session, dataset, lead, "judge_score>=10"), lead)

    assert preview.preview(session, schema, "judge_score>=10").droppable == 0


def test_apply_drops_with_the_condition_and_the_value(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    application = apply(session, save(session, dataset, lead, "judge_score>=10"), lead)

    assert (application.dropped, application.restored) == (9, 0)
    drops = session.scalars(select(SampleDrop).order_by(SampleDrop.sample_id)).all()
    assert [(drop.condition, drop.value) for drop in drops] == [
        ("judge_score>=10", float(n)) for n in range(9)
    ]


def test_rows_without_a_value_are_left_alone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    apply(session, save(session, dataset, lead, "judge_score>=1000"), lead)

    left = session.scalars(select(Sample).where(Sample.status == Status.PENDING)).all()
    assert len(left) == 4
    assert all(sample.scores is None for sample in left)


def test_what_people_decided_is_left_alone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = session.scalars(select(Sample).order_by(Sample.id).limit(1)).one()
    samples.set_status(session, first, Status.APPROVED, by=lead, action="test")

    apply(session, save(session, dataset, lead, "judge_score>=10"), lead)

    assert first.id not in dropped(session)


def test_undo_brings_back_exactly_those_without_measuring_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    apply(session, save(session, dataset, lead, "domain:math"), lead)
    before = snapshot(session)
    other = service.save(
        session,
        dataset,
        name="other",
        conditions=[{"expression": "judge_score>=30", "enabled": True}],
        by=lead,
    )
    application = apply(session, other, lead)
    assert application.dropped > 0

    undo(session, application, lead)

    assert snapshot(session) == before
    assert session.get_one(RuleApplication, application.id).undone_at is not None


def test_rows_that_another_rule_set_refuses_stay_dropped_by_that_one(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    one = apply(session, save(session, dataset, lead, "judge_score>=20"), lead)
    stricter = service.save(
        session,
        dataset,
        name="other",
        conditions=[{"expression": "judge_score>=10", "enabled": True}],
        by=lead,
    )
    other = apply(session, stricter, lead)
    assert other.dropped == 0

    undo(session, one, lead)
    assert {drop.condition for drop in session.scalars(select(SampleDrop))} == {"judge_score>=10"}
    assert len(dropped(session)) == 9

    undo(session, other, lead)
    assert dropped(session) == set()


def test_an_application_that_was_undone_is_not_tried_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    application = apply(session, save(session, dataset, lead, "judge_score>=20"), lead)
    assert application.job_id is not None
    undo(session, application, lead)

    with pytest.raises(ConflictError, match="nothing to try again"):
        jobs.retry(session, application.job_id, by=lead)


def test_a_looser_version_brings_back_and_undo_drops_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    apply(session, save(session, dataset, lead, "judge_score>=20"), lead)
    strict = dropped(session)
    before = snapshot(session)

    looser = apply(session, save(session, dataset, lead, "judge_score>=10"), lead)
    assert (looser.dropped, looser.restored) == (0, 9)
    assert dropped(session) < strict

    undo(session, looser, lead)
    assert snapshot(session) == before
    assert {drop.condition for drop in session.scalars(select(SampleDrop))} == {"judge_score>=20"}


def test_switching_a_condition_off_restores_its_rows_without_measuring_again(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    before = snapshot(session)
    both = [
        {"expression": "judge_score>=10", "enabled": True},
        {"expression": "domain:math", "enabled": True},
    ]
    first = service.save(session, dataset, name="keep", conditions=both, by=lead)
    apply(session, first, lead)
    by_score = set(
        session.scalars(
            select(SampleDrop.sample_id).where(SampleDrop.condition == "judge_score>=10")
        )
    )
    off = [{**both[0], "enabled": False}, both[1]]

    again = apply(
        session, service.save(session, dataset, name="keep", conditions=off, by=lead), lead
    )

    # Of the rows that failed the score, those that fail the domain as well stay dropped.
    restored = {row for row in by_score if row not in dropped(session)}
    domains = set(session.scalars(select(Sample.domain).where(Sample.id.in_(restored))))
    assert (again.restored, domains) == (len(restored), {"math"})
    assert [row[2] for row in snapshot(session)] == [row[2] for row in before]


def test_a_disabled_condition_drops_nothing(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    conditions = [
        {"expression": "judge_score>=10", "enabled": False},
        {"expression": "domain:math", "enabled": True},
    ]
    version = service.save(session, dataset, name="keep", conditions=conditions, by=lead)

    assert apply(session, version, lead).dropped == 20


def test_a_restored_row_is_left_alone_by_rules(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    version = save(session, dataset, lead, "judge_score>=10")
    application = apply(session, version, lead)
    one = min(dropped(session))
    with pytest.raises(ForbiddenError):
        samples.restore(session, one, by=annotator)

    samples.restore(session, one, by=lead)
    with pytest.raises(ConflictError, match="not dropped"):
        samples.restore(session, one, by=lead)
    apply(session, version, lead)

    assert one not in dropped(session)
    assert application.dropped == 9


def test_running_a_chunk_twice_changes_nothing_more(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    from app.filtering import applying  # noqa: PLC0415

    application = apply(session, save(session, dataset, lead, "judge_score>=10"), lead)
    before = snapshot(session)
    events = session.scalar(select(func.count()).select_from(AuditEvent))

    applying.apply_range(session, application, lead, 0, 2**40)

    assert snapshot(session) == before
    assert session.scalar(select(func.count()).select_from(AuditEvent)) == events


def test_only_the_newest_application_is_undone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = apply(session, save(session, dataset, lead, "judge_score>=5"), lead)
    apply(session, save(session, dataset, lead, "judge_score>=10"), lead)

    with pytest.raises(ConflictError, match="newest application"):
        service.undo(session, first, by=lead)


def test_rules_are_not_applied_twice_at_once(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    version = save(session, dataset, lead, "judge_score>=5")
    with pytest.raises(ForbiddenError):
        service.apply(session, version, by=annotator)
    service.apply(session, version, by=lead)

    with pytest.raises(ConflictError, match="right now"):
        service.apply(session, version, by=lead)


def test_the_same_conditions_make_no_new_version(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    first = save(session, dataset, lead, "judge_score>=5")
    assert save(session, dataset, lead, "judge_score>=5").id == first.id
    assert save(session, dataset, lead, "judge_score>=6").number == 2


def test_several_conditions_in_one_keep_their_brackets(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    version = save(session, dataset, lead, "judge_score>=5 domain:math")

    assert service.expression_of(version) == "(judge_score>=5 domain:math)"


def test_wrong_rule_sets_are_refused(session: Session, dataset: Dataset, lead: Principal) -> None:
    for conditions in ([], [{"expression": " "}], [{"expression": "nothing>=1"}]):
        with pytest.raises(InvalidError):
            service.save(session, dataset, name="keep", conditions=conditions, by=lead)
    with pytest.raises(InvalidError, match="1 to 100 characters"):
        service.save(session, dataset, name=" ", conditions=[{"expression": "id>=1"}], by=lead)
    many = [{"expression": "id>=1"}] * 101
    with pytest.raises(InvalidError, match="at most 100"):
        service.save(session, dataset, name="keep", conditions=many, by=lead)
    off = [{"expression": "id>=1", "enabled": False}]
    version = service.save(session, dataset, name="off", conditions=off, by=lead)
    with pytest.raises(InvalidError, match="switched off"):
        service.apply(session, version, by=lead)
    with pytest.raises(NotFoundError, match="no profile"):
        service.from_profile("nothing")


def test_a_histogram_counts_every_row_once(session: Session, dataset: Dataset) -> None:
    schema = schema_of(session, dataset.id)

    found = distribution.histogram(session, schema, "judge_score", where="domain:math", bins=8)

    assert (found.low, found.high) == (0.0, 38.0)
    assert sum(found.counts) + sum(found.earlier) + found.missing == 40 - 0
    assert found.edges[0] == 0.0
    assert found.edges[-1] == 38.0


def test_a_histogram_of_one_value_and_of_none(session: Session, lead: Principal) -> None:
    dataset = make_dataset(session, lead, "flat")
    fill(session, dataset, lead, numbered(3, {0: 2.0, 1: 2.0}))
    schema = schema_of(session, dataset.id)

    found = distribution.histogram(session, schema, "judge_score", bins=4)

    assert (sum(found.counts), found.missing) == (2, 1)


def test_samples_at_the_cut_are_the_nearest_on_both_sides(
    session: Session, dataset: Dataset
) -> None:
    schema = schema_of(session, dataset.id)
    [part] = distribution.parts_of(schema, "judge_score>=20")
    cut = distribution.cut_of(part)
    assert cut is not None

    stays, goes = distribution.at_the_cut(session, schema, cut, [], count=3)

    assert [near.value for near in stays] == [22.0, 21.0, 20.0]
    assert [near.value for near in goes] == [18.0, 17.0, 16.0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("judge_score>=2", ("judge_score", True, 2.0)),
        ("judge_score<2", ("judge_score", False, 2.0)),
        ("judge_score:2..", ("judge_score", True, 2.0)),
        ("judge_score:..3", ("judge_score", False, 3.0)),
        ("judge_score:1..2", None),
        ("domain:math", None),
        ("-judge_score>=2", None),
    ],
)
def test_which_conditions_have_a_movable_bound(
    session: Session,
    dataset: Dataset,
    expression: str,
    expected: tuple[str, bool, float] | None,
) -> None:
    [part] = distribution.parts_of(schema_of(session, dataset.id), expression)

    cut = distribution.cut_of(part)

    assert (cut and (cut.field, cut.keeps_above, cut.value)) == expected
