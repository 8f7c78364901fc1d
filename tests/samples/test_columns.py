"""Columns in memory are what the table says, whoever changes it and however that ends."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.curation.rules.nodes import Not, render
from app.datasets.models import Dataset, Purpose
from app.samples import arrays, columns, queries
from app.samples.loading import add_batch
from app.samples.models import Sample, SampleChange, Status
from app.samples.order import page_query, sort_of
from app.samples.packing import Target
from app.samples.search import Schema, compiled, parsed, schema_of
from app.samples.truth import columns_for, evaluate
from app.sources.models import Source
from tests.factories import fill, instruction, make_dataset, numbered
from tests.samples.test_search import CASES, ROWS

NAMES = ("status", "kind", "origin", "domain", "language", "source", "kept", "words", "judge_score")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, numbered(40))
    return made


def as_rows(session: Session, schema: Schema) -> list[tuple[Any, ...]]:
    """What the columns say, row by row."""
    found = columns.read(session, schema, NAMES)
    cells = []
    for name in NAMES:
        values = found[name].tolist()
        words = found.words.get(name)
        unknown = [None if value != value else value for value in values]
        cells.append([words[code] for code in values] if words else unknown)
    return list(zip(found.ids.tolist(), *cells, strict=True))


def in_table(session: Session, schema: Schema) -> list[tuple[Any, ...]]:
    """What the table says."""
    fields = [Sample.source_id if n == "source" else schema.columns[n] for n in NAMES]
    query = select(Sample.id, *fields).where(Sample.dataset_id == schema.dataset_id)
    return [tuple(row) for row in session.execute(query.order_by(Sample.id))]


def assert_equal(session: Session, dataset: Dataset) -> None:
    schema = schema_of(session, dataset.id)
    assert as_rows(session, schema) == in_table(session, schema)


def test_they_follow_what_is_added_changed_and_deleted(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    assert_equal(session, dataset)
    ids = list(session.scalars(select(Sample.id).order_by(Sample.id)))

    session.execute(update(Sample).where(Sample.id == ids[3]).values(status=Status.APPROVED))
    assert_equal(session, dataset)
    session.execute(update(Sample).where(Sample.id.in_(ids[5:9])).values(domain="law", kept=True))
    assert_equal(session, dataset)
    session.execute(text("DELETE FROM samples WHERE id = ANY(:ids)"), {"ids": ids[10:12]})
    assert_equal(session, dataset)
    fill(session, dataset, lead, [Record(Kind.TEXT, {"text": "A new one."}, domain="art")])
    assert_equal(session, dataset)


def test_what_is_rolled_back_was_never_there(session: Session, dataset: Dataset) -> None:
    assert_equal(session, dataset)
    savepoint = session.begin_nested()
    session.execute(update(Sample).values(status=Status.DROPPED, domain="gone"))
    assert_equal(session, dataset)

    savepoint.rollback()

    assert_equal(session, dataset)
    schema = schema_of(session, dataset.id)
    assert {row[1] for row in as_rows(session, schema)} == {Status.PENDING}


def test_a_column_asked_for_later_joins_the_others(session: Session, dataset: Dataset) -> None:
    schema = schema_of(session, dataset.id)
    first = columns.read(session, schema, ["words"])
    session.execute(update(Sample).where(Sample.words > 0).values(domain="late"))

    both = columns.read(session, schema, ["domain"])

    assert set(first.values) == {"words"}
    assert set(both.values) == {"words", "domain"}
    assert {both.words["domain"][code] for code in both["domain"]} == {"late"}


def test_only_what_changed_is_read_again(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_equal(session, dataset)
    monkeypatch.setattr(columns, "everything", None)  # reading all of it would fail now

    session.execute(update(Sample).where(Sample.domain == "math").values(kept=True))
    session.execute(update(Sample).where(Sample.domain == "code").values(status=Status.REJECTED))

    assert_equal(session, dataset)


def test_columns_nobody_used_for_long_are_read_anew(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_equal(session, dataset)
    session.execute(update(Sample).values(domain="new"))
    session.execute(update(SampleChange).values(created_at=func.now() - text("interval '2 days'")))
    columns.shorten_log(session)
    assert session.scalar(select(func.count()).select_from(SampleChange)) == 0

    monkeypatch.setattr(columns, "_TRUSTED_S", -1.0)

    assert_equal(session, dataset)


def test_memory_has_a_bound(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_dataset(session, lead, "other")
    fill(session, other, lead, numbered(5))
    assert_equal(session, dataset)
    monkeypatch.setattr(columns, "_MOST_BYTES", 100)

    assert_equal(session, other)

    held = columns._held[session.get_bind().engine]  # noqa: SLF001
    assert dataset.id not in held
    assert other.id in held


def test_every_expression_means_the_same_in_sql_and_in_columns(
    session: Session, lead: Principal
) -> None:
    made = make_dataset(session, lead, "searched")
    fill(session, made, lead, ROWS)
    for where, _ in CASES:
        assert_same(session, made, where)


def assert_same(session: Session, dataset: Dataset, where: str) -> None:
    """True, false and unknown rows of an expression are those of SQL."""
    schema = schema_of(session, dataset.id)
    node = parsed(schema, where)
    found = columns.read(session, schema, columns_for(schema, node))
    truth = evaluate(session, schema, found, node)
    for rows, asked in ((truth.yes, node), (truth.no, Not(node))):
        query = select(Sample.id).where(Sample.dataset_id == dataset.id, compiled(schema, asked))
        expected = sorted(session.scalars(query))
        assert found.ids[rows].tolist() == expected, render(asked)


LEAVES = [
    *("status:pending", "status:approved,dropped", "domain:math", "domain:math,law", "kept:true"),
    *("missing:domain", "missing:judge_score", "judge_score>=10", "judge_score<3.5", "words>8"),
    *("judge_score:4..20", "judge_score:..7", "id>0", "origin:human,synthetic", "source:written"),
    *("language:en", "missing:language", "number", "metadata.shard:s1", "created>=2020-01-01"),
]


@given(
    st.recursive(
        st.sampled_from(LEAVES),
        lambda inner: st.one_of(
            inner.map("-({})".format),
            st.tuples(inner, inner).map(lambda two: f"({two[0]} {two[1]})"),
            st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
        ),
        max_leaves=6,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_expression_means_the_same_in_sql_and_in_columns(
    session: Session, lead: Principal, where: str
) -> None:
    made = session.scalars(select(Dataset).where(Dataset.name == "any")).first()
    if made is None:
        made = make_dataset(session, lead, "any")
        some = numbered(30, {n: float(n) for n in range(0, 30, 2)})
        plain = Record(
            Kind.TEXT,
            {"text": "number one"},
            metadata={"shard": "s1"},
            language="en",
            origin=Origin.HUMAN,
        )
        fill(session, made, lead, [*some, plain])
        session.execute(update(Sample).where(Sample.words == 7).values(status=Status.DROPPED))
    assert_same(session, made, where)


@pytest.mark.parametrize("sort", ["id", "", "judge_score", "-judge_score", "words", "-words"])
def test_pages_from_columns_are_those_of_sql(
    session: Session, lead: Principal, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_dataset(session, lead, "paged")
    fill(session, made, lead, numbered(50, {n: float(n % 7) for n in range(0, 50, 3)}))
    schema = schema_of(session, made.id)
    node = parsed(schema, "words>0 -domain:law")
    order = sort_of(schema, sort)
    expected = session.execute(page_query(schema, compiled(schema, node), order, None)).all()
    monkeypatch.setattr(queries, "_near", lambda *_: None)

    seen: list[Any] = []
    key = None
    while rows := queries.rows(session, schema, node, order, key, 7):
        seen += [(row.sample.id, row.sort_value) for row in rows]
        key = [rows[-1].sort_value, rows[-1].sample.id]

    assert seen == [(sample.id, value) for sample, value in expected]


@pytest.fixture
def shared(engine: Engine) -> Iterator[Dataset]:
    """A dataset that all connections see; it is gone afterwards."""
    with Session(engine, expire_on_commit=False) as session:
        made = Dataset(name="shared", purpose=Purpose.ANY)
        source = Source(name="shared", origin=Origin.HUMAN)
        session.add_all([made, source])
        session.flush()
        add_batch(session, Target(made.id, source, None, {}), [instruction(f"{n}?") for n in "abc"])
        session.commit()
        try:
            yield made
        finally:
            for one in (made, source):
                session.delete(one)
                session.commit()


def domains(engine: Engine, dataset: Dataset) -> list[str | None]:
    with Session(engine) as reader:
        found = columns.read(reader, schema_of(reader, dataset.id), ["domain"])
        return [found.words["domain"][code] for code in found["domain"]]


def test_what_is_committed_late_is_not_missed(engine: Engine, shared: Dataset) -> None:
    with Session(engine) as early, Session(engine) as late:
        ids = list(late.scalars(select(Sample.id).order_by(Sample.id)))
        late.commit()
        late.execute(update(Sample).where(Sample.id == ids[0]).values(domain="late"))
        early.execute(update(Sample).where(Sample.id == ids[1]).values(domain="early"))
        early.commit()
        assert domains(engine, shared) == [None, "early", None]  # the first line is not there yet

        late.commit()

        assert domains(engine, shared) == ["late", "early", None]


def test_a_transaction_that_fails_leaves_no_trace(engine: Engine, shared: Dataset) -> None:
    with Session(engine) as writer:
        writer.execute(update(Sample).values(domain="never"))
        schema = schema_of(writer, shared.id)
        found = columns.read(writer, schema, ["domain"])
        assert set(found["domain"].tolist()) == {found.words["domain"].index("never")}

        writer.rollback()

    assert domains(engine, shared) == [None, None, None]


def test_bounds_are_those_of_the_stored_numbers(session: Session, lead: Principal) -> None:
    made = make_dataset(session, lead, "bounds")
    fill(session, made, lead, numbered(4, {0: 0.1, 1: 0.2, 2: 0.3}))
    for where in ("judge_score>=0.1", "judge_score>0.1", "judge_score:0.3", "judge_score<0.2"):
        assert_same(session, made, where)
    schema = schema_of(session, made.id)
    found = columns.read(session, schema, ["judge_score"])
    huge = evaluate(session, schema, found, parsed(schema, "judge_score<1e300"))
    assert np.count_nonzero(huge.yes) == 3


def test_a_word_whose_example_changes_meanwhile_is_found_elsewhere(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = arrays._named  # noqa: SLF001

    def meanwhile(*rest: Any) -> dict[int, str]:
        first = select(func.min(Sample.id)).where(Sample.dataset_id == dataset.id)
        session.execute(
            update(Sample)
            .where(Sample.id == first.scalar_subquery())
            .values(status=Status.APPROVED, domain=None)
        )
        return named(*rest)

    monkeypatch.setattr(arrays, "_named", meanwhile)
    schema = schema_of(session, dataset.id)
    columns.read(session, schema, NAMES)
    monkeypatch.setattr(arrays, "_named", named)

    assert_equal(session, dataset)


def test_a_word_that_no_row_has_any_more_is_read_again(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = arrays._named  # noqa: SLF001

    def meanwhile(*rest: Any) -> dict[int, str]:
        session.execute(update(Sample).values(status=Status.APPROVED))
        return named(*rest)

    monkeypatch.setattr(arrays, "_named", meanwhile)
    columns.read(session, schema_of(session, dataset.id), ["status"])
    monkeypatch.setattr(arrays, "_named", named)

    assert_equal(session, dataset)


def test_as_many_words_as_rows(session: Session, dataset: Dataset) -> None:
    session.execute(
        text("UPDATE samples SET domain = 'host' || id || '.example' WHERE dataset_id = :id"),
        {"id": dataset.id},
    )
    schema = schema_of(session, dataset.id)
    assert_equal(session, dataset)
    columns._held.clear()  # noqa: SLF001
    session.execute(
        text(
            "INSERT INTO samples (dataset_id, source_id, revision, chars, words, status, kind, "
            "origin, kept, domain, content_hash) SELECT dataset_id, source_id, 1, 1, 1, 'pending', "
            "'text', 'web', false, 'site' || n, int8send(n) FROM samples, "
            "generate_series(1, 70000) n WHERE id = (SELECT min(id) FROM samples)"
        )
    )

    found = columns.read(session, schema, ["domain"])

    assert len(set(found["domain"].tolist())) == 70_040


def test_after_a_crash_of_the_database_nothing_held_is_trusted(
    session: Session, dataset: Dataset
) -> None:
    assert_equal(session, dataset)
    session.execute(update(Sample).values(domain="lost"))
    assert_equal(session, dataset)
    session.execute(update(Sample).values(domain="kept"))
    # What a crash leaves: the last lines of the log are gone, and so is the unlogged table.
    session.execute(text("DELETE FROM sample_changes"))
    session.execute(text("DELETE FROM database_generation"))

    assert_equal(session, dataset)


def test_what_nobody_used_for_an_hour_is_let_go(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_equal(session, dataset)
    monkeypatch.setattr(columns, "_IDLE_S", -1.0)
    other = make_dataset(session, lead, "later")
    fill(session, other, lead, numbered(2))

    assert_equal(session, other)

    assert set(columns._held[session.get_bind().engine]) == {other.id}  # noqa: SLF001


def test_wide_rows_are_read_in_blocks(
    session: Session, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_READ_BYTES", 300)

    assert_equal(session, dataset)
