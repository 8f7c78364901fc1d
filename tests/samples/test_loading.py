"""Loading batches: what is new lands once, whatever is there or comes meanwhile."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from psycopg.errors import DeadlockDetected, ForeignKeyViolation, UniqueViolation
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.errors import ConflictError
from app.samples import loading, registry
from app.samples.loading import Added, add_batch
from app.samples.models import Sample, SampleBody
from app.samples.packing import BODY_COLUMNS, SAMPLE_COLUMNS, Target
from tests.factories import instruction, make_dataset, make_source

RECORDS = (
    instruction("Erste Frage: „wie viel“?\n\tEine \\ mehr", external_id="a", line=7),
    Record(
        Kind.CHAT,
        {"messages": [{"role": "user", "content": "数える 🎈"}]},
        language="ja",
        domain="counting",
        origin=Origin.HUMAN,
        metadata={"nested": {"list": [1, None, 2.5]}},
        scores={"second": 0.25},
        tags=("two words", 'quo"ted'),
    ),
    instruction("All that scores.", scores={"first": 1.5, "second": -3.0}),
)


def target_of(session: Session, by: Principal, name: str) -> Target:
    dataset = make_dataset(session, by, name)
    specs = [registry.imported_spec(name, name) for name in ("first", "second")]
    slots = registry.claim_slots(session, dataset.id, specs, None)
    return Target(
        dataset.id, make_source(session, by), None, {signal.name: signal for signal in slots}
    )


def stored(session: Session, target: Target) -> Sequence[tuple[Any, ...]]:
    """All that an import writes, but for ids and times."""
    columns = ["status", "kept", "chars", "words", "line", "kind", "origin", "content_hash"]
    columns += ["external_id", "domain", "language", "tags", "scores", "source_id", "import_id"]
    query = (
        select(
            *(getattr(Sample, name) for name in columns),
            *(SampleBody.body, SampleBody.sample_metadata, SampleBody.text, SampleBody.reason),
        )
        .join_from(Sample, SampleBody)
        .where(Sample.dataset_id == target.dataset_id, SampleBody.revision == Sample.revision)
        .order_by(Sample.id)
    )
    return [tuple(row) for row in session.execute(query)]


def role(session: Session) -> object:
    return session.scalar(text("SHOW session_replication_role"))


def test_what_is_there_already_is_left_out(session: Session, lead: Principal) -> None:
    empty, begun = (target_of(session, lead, name) for name in ("empty", "begun"))
    add_batch(session, begun, [instruction("Was there before.")])
    session.commit()

    assert add_batch(session, empty, RECORDS) == Added(3, 0, [])
    assert role(session) == "origin"
    twice = [*RECORDS, RECORDS[0], instruction("Was there before.")]
    assert add_batch(session, begun, twice) == Added(3, 2, [])

    rows = stored(session, empty)
    assert rows == stored(session, begun)[1:]
    assert [row[4] for row in rows] == [7, None, None]
    assert [row[12] for row in rows] == [None, [None, 0.25], [1.5, -3.0]]
    assert rows[1][11] == ["two words", 'quo"ted']
    assert rows[1][15:17] == (dict(RECORDS[1].body), dict(RECORDS[1].metadata))


def test_a_row_that_another_import_writes_meanwhile_is_found(
    session: Session, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(session, lead, "mix")
    add_batch(session, target, RECORDS[2:])
    found = loading._sorted_out  # noqa: SLF001
    # What a look before the commit of the other import finds.
    first: Iterator[Any] = iter([([0, 1, 2], [])])
    monkeypatch.setattr(loading, "_sorted_out", lambda *rest: next(first, None) or found(*rest))

    assert add_batch(session, target, RECORDS) == Added(2, 1, [])
    assert role(session) == "origin"
    assert len(stored(session, target)) == 3


def test_an_external_id_that_two_rows_of_a_batch_have_is_the_first_ones(
    session: Session, lead: Principal
) -> None:
    target = target_of(session, lead, "mix")
    rows = [instruction(f"Question {n}?", external_id="same" if n else None) for n in range(3)]

    added = add_batch(session, target, rows)

    reason = "The external_id `same` belongs to a sample with other content."
    assert added == Added(2, 0, [(2, reason)])


@pytest.mark.parametrize("owner", [True, False])
def test_rows_without_a_dataset_are_refused_whatever_the_role_may(
    session: Session, lead: Principal, owner: bool
) -> None:
    target = target_of(session, lead, "mix")
    if not owner:
        session.execute(text("CREATE ROLE plain"))
        session.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain"))
        session.execute(text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain"))
        session.execute(text("SET LOCAL ROLE plain"))

    assert add_batch(session, target, RECORDS) == Added(3, 0, [])
    nowhere = Target(-1, target.source, None, target.signals)
    with pytest.raises(ForeignKeyViolation):
        add_batch(session, nowhere, RECORDS)


def test_what_the_straight_way_skips_is_what_it_looked_up(session: Session) -> None:
    """Foreign keys to the parents that it locks, and nothing else, on columns that it fills."""
    tables = "('samples'::regclass, 'sample_bodies'::regclass)"
    keys = session.execute(
        text(
            "SELECT a.attname, c.confrelid::regclass::text FROM pg_constraint c "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) "
            f"WHERE c.contype = 'f' AND c.conrelid IN {tables}"
        )
    )
    # Triggers that fire only where foreign keys are checked row by row; 'A' is always.
    triggers = text(
        f"SELECT tgname FROM pg_trigger WHERE tgrelid IN {tables} "
        "AND NOT tgisinternal AND tgenabled <> 'A'"
    )

    filled = {*SAMPLE_COLUMNS.split(", "), *BODY_COLUMNS.split(", ")}
    assert {(column, parent) for column, parent in keys if column in filled} == {
        ("dataset_id", "datasets"),
        ("source_id", "sources"),
        ("sample_id", "samples"),
    }
    assert session.execute(triggers).all() == []


def test_a_large_batch_with_one_known_row(session: Session, lead: Principal) -> None:
    target = target_of(session, lead, "mix")
    rows = [instruction(f"Question {n}?", "word " * 40) for n in range(10_000)]
    add_batch(session, target, rows[:1])

    assert add_batch(session, target, rows) == Added(9_999, 1, [])
    assert add_batch(session, target, rows) == Added(0, 10_000, [])


@pytest.mark.parametrize("error", [UniqueViolation, DeadlockDetected])
def test_who_loses_against_another_import_looks_again(
    session: Session, lead: Principal, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    target = target_of(session, lead, "mix")
    copy, failures = loading._copy, iter([error("lost")])  # noqa: SLF001

    def losing(*rest: Any) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        copy(*rest)

    monkeypatch.setattr(loading, "_copy", losing)

    assert add_batch(session, target, RECORDS) == Added(3, 0, [])


def test_who_always_loses_says_so(
    session: Session, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_copied", lambda *_: False)

    with pytest.raises(ConflictError, match="Other imports wrote the same rows"):
        add_batch(session, target_of(session, lead, "mix"), RECORDS)
