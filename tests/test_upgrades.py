"""A filled database of an older migration is brought up to date, and the pages show its data."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.orm import Session, sessionmaker

from app import db
from app.accounts import audit, service
from app.accounts.models import Role, User
from app.accounts.policies import SYSTEM
from app.curation.records import Kind
from app.curation.text.identity import content_hash
from app.ledger import service as ledger
from app.samples.models import Sample
from app.web.render import ROOT
from tests.conftest import browser_of

PAGES = {
    "/": "mix",
    "/datasets/mix": "written",
    "/datasets/mix/samples": "Question 1?",
    "/datasets/mix/samples?where=length>=4": "Question 2?",
    "/datasets/mix/samples?where=metadata.shard2:s": "Question 2?",
    "/samples/{sample}": "Read twice.",
    "/datasets/mix/review": "Question",
    "/datasets/mix/filters": "keep",
    "/datasets/mix/scores": "Length",
    "/datasets/mix/releases": "v1",
    "/releases/{release}": "alpaca",
    "/datasets/mix/jobs": "Import rows.jsonl",
    "/settings": "old@example.org",
}
_NEUTRAL = {
    "BOOLEAN": False,
    "JSONB": "{}",
    "TIMESTAMP": "2026-01-01T00:00:00Z",
    "BYTEA": b"",
    "ARRAY": "{}",
}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def _older() -> list[str]:
    """The very first migration, and the one before the newest."""
    script = ScriptDirectory.from_config(_config())
    revisions = [one.revision for one in script.walk_revisions()]
    return sorted({revisions[-1], revisions[1]}, key=revisions.index)


@pytest.fixture
def old(engine: Engine, database_url: str) -> Iterator[Engine]:
    """An empty database beside the one of the tests."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE older"))
    made = create_engine(db.sqlalchemy_url(database_url).replace("@/winnow?", "@/older?"))
    yield made
    made.dispose()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE older WITH (FORCE)"))


def _insert(connection: Connection, table: str, **values: Any) -> Any:
    """A row as this revision takes it: what it does not know is left out, what it wants added."""
    columns = {str(one["name"]): one for one in inspect(connection).get_columns(table)}
    row = {name: value for name, value in values.items() if name in columns}
    for name, column in columns.items():
        given = column["nullable"] or column["default"] is not None or column.get("identity")
        if name not in row and not given:
            row[name] = _NEUTRAL.get(column["type"].__visit_name__.upper(), 0)
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f":{name}" for name in row)
    first = next(iter(columns))
    query = text(f'INSERT INTO {table} ({names}) VALUES ({places}) RETURNING "{first}"')
    return connection.execute(query, row).scalar_one()


def _fill(connection: Connection) -> dict[str, Any]:
    """Two samples, with everything that people and jobs do to them."""
    user = _insert(
        connection,
        "users",
        id=uuid.uuid4(),
        email="old@example.org",
        role="admin",
        active=True,
        preferences="{}",
    )
    source = _insert(
        connection, "sources", name="written", origin="human", licensor="", url="", terms=""
    )
    dataset = _insert(
        connection, "datasets", name="mix", purpose="any", guidelines="Read.", created_by=user
    )
    own = {"dataset_id": dataset, "created_by": user}
    jobs = {
        kind: _insert(
            connection,
            "jobs",
            id=uuid.uuid4(),
            kind=kind,
            queue="cpu",
            status="succeeded",
            title=title,
            params="{}",
            result="{}",
            cancel_requested=False,
            **own,
        )
        for kind, title in (("import", "Import rows.jsonl"), ("release", "Release v1"))
    }
    chunk = _insert(
        connection,
        "job_chunks",
        job_id=jobs["import"],
        position=0,
        params="{}",
        state="{}",
        status="succeeded",
        attempt=1,
        done=2,
    )
    batch = _insert(
        connection,
        "imports",
        id=uuid.uuid4(),
        source_id=source,
        job_id=jobs["import"],
        files="[]",
        created=2,
        existing=0,
        rejected=1,
        warnings="[]",
        **own,
    )
    _insert(
        connection,
        "dead_letters",
        job_id=jobs["import"],
        chunk_id=chunk,
        place="rows.jsonl",
        line=3,
        reason="It was cut.",
        raw="{",
    )
    signal = _insert(
        connection,
        "dataset_signals",
        dataset_id=dataset,
        slot=0,
        name="length",
        title="Length",
        help="",
        key="imported",
        version=1,
        params="{}",
        fingerprint="imported:length",
    )
    samples = [_sample(connection, dataset, source, batch, n) for n in (1, 2)]
    _insert(
        connection,
        "score_notes",
        sample_id=samples[0],
        signal_id=signal,
        revision=1,
        note="Short.",
        spans="[]",
    )
    _insert(
        connection,
        "decisions",
        sample_id=samples[0],
        user_id=user,
        revision=1,
        verdict="approve",
        note="Good.",
        previous_status="pending",
        blind=False,
        **own,
    )
    _rules(connection, dataset, user)
    release = _release(connection, own, jobs["release"], samples[0])
    for about in (None, samples[0], samples[0], None):
        _insert(
            connection,
            "audit_events",
            actor_id=user,
            actor="old@example.org",
            action="import.start",
            object_type="import",
            object_id=str(batch),
            dataset_id=dataset,
            sample_id=about,
            after=json.dumps({"files": ["rows.jsonl"], "note": "Read twice."}),
        )
    return {"user": user, "sample": samples[0], "release": release}


def _sample(connection: Connection, dataset: int, source: int, batch: uuid.UUID, n: int) -> int:
    body = {"instruction": f"Question {n}?", "input": "", "output": "An answer."}
    digest = content_hash(Kind.INSTRUCTION, body)
    sample: int = _insert(
        connection,
        "samples",
        dataset_id=dataset,
        source_id=source,
        import_id=batch,
        line=n,
        revision=1,
        chars=22,
        words=4,
        status="approved" if n == 1 else "pending",
        kind="instruction",
        origin="human",
        kept=False,
        content_hash=digest,
        scores=[4.0 + n],
    )
    _insert(
        connection,
        "sample_bodies",
        sample_id=sample,
        revision=1,
        body=json.dumps(body),
        metadata=json.dumps({f"shard{n}": "s"}),
        text=f"Question {n}? An answer.",
        content_hash=digest,
        reason="",
    )
    if inspect(connection).has_table("metadata_fields"):
        _insert(connection, "metadata_fields", dataset_id=dataset, name=f"shard{n}")
    return sample


def _rules(connection: Connection, dataset: int, user: uuid.UUID) -> None:
    rules = _insert(connection, "rule_sets", id=uuid.uuid4(), dataset_id=dataset, name="keep")
    conditions = json.dumps([{"expression": "length>=4", "enabled": True}])
    version = _insert(
        connection,
        "rule_versions",
        id=uuid.uuid4(),
        rule_set_id=rules,
        number=1,
        conditions=conditions,
        created_by=user,
    )
    _insert(
        connection,
        "rule_applications",
        id=uuid.uuid4(),
        version_id=version,
        created_by=user,
        dropped=0,
        restored=0,
        applied_at="2026-01-01T00:00:00Z",
    )


def _release(connection: Connection, own: dict[str, Any], job: uuid.UUID, sample: int) -> uuid.UUID:
    file = {"name": "mix.jsonl-alpaca.jsonl", "rows": 1, "bytes": 9, "sha256": "0" * 64}
    manifest = {"files": [file], "counts": {}, "sha256": "0" * 64, "left_out": {}, "recipe": {}}
    release: uuid.UUID = _insert(
        connection,
        "releases",
        id=uuid.uuid4(),
        name="v1",
        status="ready",
        where="",
        formats='["jsonl-alpaca"]',
        frozen_at="2026-01-01T00:00:00Z",
        slots='{"length": 0}',
        rows=1,
        manifest=json.dumps(manifest),
        job_id=job,
        **own,
    )
    _insert(
        connection,
        "release_items",
        release_id=release,
        sample_id=sample,
        revision=1,
        content_hash=b"x",
        scores=[5.0],
    )
    return release


@pytest.mark.parametrize("revision", _older())
def test_an_older_database_is_brought_up_to_date(
    old: Engine, revision: str, monkeypatch: pytest.MonkeyPatch, bells: list[str]
) -> None:
    config = _config()
    with old.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        made = _fill(connection)
        connection.commit()

        command.upgrade(config, "head")
        command.check(config)

    factory = sessionmaker(old, expire_on_commit=False)
    monkeypatch.setattr(db, "session_factory", lambda: factory)
    with factory() as session:
        _pages_show(session, made)
        assert audit.first_broken(session) is None
        assert ledger.ledger(session, session.get_one(Sample, made["sample"])).whole
        service.add_user(
            session, email="new@example.org", role=Role.LEAD, by=SYSTEM
        )  # what comes now is chained to what was there
        session.commit()
        assert audit.first_broken(session) is None


def _pages_show(session: Session, made: dict[str, Any]) -> None:
    browser = browser_of(session, service.as_principal(session.get_one(User, made["user"])))
    for page, shown in PAGES.items():
        answer = browser.get(page.format(**made))
        assert answer.status_code == 200, page
        assert shown in answer.text, page
