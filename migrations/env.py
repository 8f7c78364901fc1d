"""Runs migrations, each in its transaction, with short lock waits, one runner at a time."""

from alembic import context
from sqlalchemy import Connection, create_engine, text

import app.accounts.models
import app.campaigns.models
import app.contamination.models
import app.datasets.models
import app.embeddings.models
import app.filtering.models
import app.generation.models
import app.jobs.models
import app.judging.models
import app.learning.models
import app.llm.models
import app.matching.models
import app.perplexity.models
import app.releases.models
import app.review.models
import app.samples.models
import app.samples.places
import app.scoring.models
import app.sources.models
import app.taxonomy.models  # noqa: F401
from app.db import Base, sqlalchemy_url
from app.settings import settings

_LOCK = 7_411_902_331  # any fixed number: two deployments must not migrate at once


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=False,
    )
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
    connection.commit()
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
        connection.commit()


def run() -> None:
    """Migrate the connection that was handed in, else the database of the settings."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    engine = create_engine(sqlalchemy_url(settings().database_url))
    with engine.connect() as connection:
        _migrate(connection)
    engine.dispose()


run()
