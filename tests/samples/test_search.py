"""Filter expressions in SQL against the same ones evaluated in pandas and in plain Python."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pandas as pd
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.samples.models import Sample
from app.samples.order import after, order_columns, sort_of
from app.samples.search import compiled, parsed, schema_of
from tests.factories import fill, make_dataset

Frame: TypeAlias = Any  # pandas ships no types
Mask = Callable[[Frame], Any]

ROWS = [
    Record(
        Kind.TEXT if n % 7 == 0 else Kind.INSTRUCTION,
        {"text": f"plain text {n} about binary search"}
        if n % 7 == 0
        else {"instruction": f"Question {n}", "input": "", "output": "word " * n},
        external_id=f"row-{n:02d}",
        domain=(None, "math", "code")[n % 3],
        language="en" if n % 2 else None,
        origin=(Origin.HUMAN, Origin.WEB, Origin.SYNTHETIC)[n % 3],
        tags=("skip",) if n % 10 == 0 else ("skip", "hard") if n % 10 == 1 else (),
        scores={"edu_judge": n / 10} if n % 4 else {},
        metadata={"shard": f"s{n % 2}"},
    )
    for n in range(60)
]


def frame() -> Frame:
    rows = []
    for n, record in enumerate(ROWS):
        text = " ".join(str(value) for value in record.body.values())
        rows.append(
            {
                "n": n,
                "kind": record.kind.value,
                "external_id": record.external_id,
                "domain": record.domain,
                "language": record.language,
                "origin": record.origin.value if record.origin else None,
                "tags": set(record.tags),
                "edu_judge": record.scores.get("edu_judge", float("nan")),
                "text": text,
                "words": len(text.split()),
                "shard": record.metadata["shard"],
            }
        )
    return pd.DataFrame(rows)


CASES: list[tuple[str, Mask]] = [
    ("", lambda f: f.n >= 0),
    ("status:pending", lambda f: f.n >= 0),
    ("status:dropped", lambda f: f.n < 0),
    ("status:pending,approved", lambda f: f.n >= 0),
    ("kind:text", lambda f: f.kind == "text"),
    ("-kind:text", lambda f: f.kind != "text"),
    ("NOT kind:text", lambda f: f.kind != "text"),
    ("origin:synthetic", lambda f: f.origin == "synthetic"),
    ("domain:math", lambda f: f.domain == "math"),
    ("-domain:math", lambda f: f.domain != "math"),
    ("domain:math,code", lambda f: f.domain.isin(["math", "code"])),
    ("domain:math OR domain:code", lambda f: f.domain.isin(["math", "code"])),
    ("missing:domain", lambda f: f.domain.isna()),
    ("-missing:domain", lambda f: f.domain.notna()),
    ("language:en", lambda f: f.language == "en"),
    ("-language:en", lambda f: f.language != "en"),
    ("tag:skip", lambda f: f.tags.map(lambda tags: "skip" in tags)),
    ("-tag:skip", lambda f: f.tags.map(lambda tags: "skip" not in tags)),
    ("tag:skip -tag:hard", lambda f: f.tags.map(lambda tags: tags == {"skip"})),
    ("external_id:row-07", lambda f: f.external_id == "row-07"),
    ("edu_judge>=3", lambda f: f.edu_judge >= 3),
    ("edu_judge>3", lambda f: f.edu_judge > 3),
    ("edu_judge<0.5", lambda f: f.edu_judge < 0.5),
    ("edu_judge<=0.1", lambda f: f.edu_judge <= 0.1),
    ("edu_judge:0.1", lambda f: f.edu_judge == 0.1),
    ("edu_judge:1..2", lambda f: f.edu_judge.between(1, 2)),
    ("edu_judge:4..", lambda f: f.edu_judge >= 4),
    ("edu_judge:..1", lambda f: f.edu_judge <= 1),
    ("-edu_judge>=3", lambda f: f.edu_judge < 3),
    ("-(edu_judge>=3 domain:math)", lambda f: (f.edu_judge < 3) | (f.domain != "math")),
    ("missing:edu_judge", lambda f: f.edu_judge.isna()),
    ("words>=20", lambda f: f.words >= 20),
    ('"binary search"', lambda f: f.text.str.contains("binary search")),
    ("binary", lambda f: f.text.str.contains("binary")),
    ('-"binary search"', lambda f: ~f.text.str.contains("binary search")),
    ("Question 7", lambda f: f.text.str.contains(r"\bQuestion\b") & f.text.str.contains(r"\b7\b")),
    ("metadata.shard:s1", lambda f: f.shard == "s1"),
    ("-metadata.shard=s1", lambda f: f.shard != "s1"),
    ("source:written", lambda f: f.n >= 0),
    ("created>=2020-01-01 changed<2020-01-01", lambda f: f.n < 0),
    ("kept:false", lambda f: f.n >= 0),
    (
        "status:pending origin:synthetic edu_judge>=3 -tag:skip (domain:math OR domain:code)",
        lambda f: (
            (f.origin == "synthetic")
            & (f.edu_judge >= 3)
            & f.tags.map(lambda tags: "skip" not in tags)
            & f.domain.isin(["math", "code"])
        ),
    ),
]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, ROWS)
    return made


def found(session: Session, dataset: Dataset, where: str) -> list[str | None]:
    schema = schema_of(session, dataset.id)
    query = select(Sample.external_id).where(
        Sample.dataset_id == dataset.id, compiled(schema, parsed(schema, where))
    )
    return list(session.scalars(query.order_by(Sample.external_id)))


def test_every_expression_finds_what_pandas_finds(session: Session, dataset: Dataset) -> None:
    rows = frame()
    for where, mask in CASES:
        expected = sorted(rows[mask(rows).fillna(False).astype(bool)].external_id)

        assert found(session, dataset, where) == expected, where


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("edu_juge>=3", "At 1: there is no field `edu_juge`. Did you mean edu_judge?"),
        ("status:gone", "At 8: `status` is never `gone`."),
        ("edu_judge>=high", "At 12: `edu_judge` needs a number, not `high`."),
        ("(domain:math", "At 1: this parenthesis is never closed."),
    ],
)
def test_a_wrong_expression_says_where_and_what_would_be_right(
    session: Session, dataset: Dataset, where: str, message: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        found(session, dataset, where)

    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    "sort", ["", "id", "-edu_judge", "edu_judge", "-changed", "words", "domain"]
)
def test_pages_in_any_order_never_repeat_or_skip_a_row(
    session: Session, dataset: Dataset, sort: str
) -> None:
    schema = schema_of(session, dataset.id)
    order = sort_of(schema, sort)
    whole = select(Sample.id).where(Sample.dataset_id == dataset.id).order_by(*order_columns(order))
    seen: list[int] = []
    key = None

    while True:
        query = select(Sample.id, order.column).where(Sample.dataset_id == dataset.id)
        if key is not None:
            query = query.where(after(order, key))
        rows = session.execute(query.order_by(*order_columns(order)).limit(7)).all()
        if not rows:
            break
        seen += [row[0] for row in rows]
        value = rows[-1][1]
        key = (value.isoformat() if hasattr(value, "isoformat") else value, rows[-1][0])

    assert seen == list(session.scalars(whole))


def test_text_is_found_in_the_present_revision_alone(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    from app.samples import service  # noqa: PLC0415

    sample = session.scalars(select(Sample).where(Sample.external_id == "row-00")).one()
    service.edit(session, sample.id, {"text": "rewritten"}, revision=1, by=lead)

    assert "row-00" not in found(session, dataset, '"binary search"')
    assert found(session, dataset, "rewritten") == ["row-00"]


def test_fields_of_metadata_stay_whatever_comes_later(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [Record(Kind.TEXT, {"text": f"plain {n}"}) for n in range(300)])

    assert len(found(session, dataset, "metadata.shard:s1")) == 30


def test_rows_with_fields_of_their_own_do_not_fill_the_list_of_fields(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    records = [
        Record(Kind.TEXT, {"text": f"odd {n}"}, metadata={f"f{n}": n, "odd one": n})
        for n in range(1200)
    ]
    for at in range(0, 1200, 100):
        fill(session, dataset, lead, records[at : at + 100])

    fields = [name for name in schema_of(session, dataset.id).fields if name.startswith("metadata")]
    assert 900 <= len(fields) < 1100
    assert {"metadata.shard", "metadata.f0"} <= set(fields)
    assert "metadata.odd one" not in fields
