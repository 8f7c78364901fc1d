"""Migrations: up, down, up, and no difference between them and the models."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text

from app import db
from app.web.render import ROOT


@pytest.fixture
def other_database(engine: Engine, database_url: str) -> Iterator[Engine]:
    """An empty database beside the one of the tests."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS migrated"))
        connection.execute(text("CREATE DATABASE migrated"))
    made = create_engine(db.sqlalchemy_url(database_url).replace("@/winnow?", "@/migrated?"))
    yield made
    made.dispose()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE migrated WITH (FORCE)"))


def test_up_down_up_and_no_drift(other_database: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with other_database.connect() as connection:
        config.attributes["connection"] = connection

        command.upgrade(config, "head")
        command.downgrade(config, "base")
        left = connection.execute(
            text(
                "SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
                "WHERE n.nspname = 'public' AND t.typtype = 'e'"
            )
        )
        assert left.all() == []
        connection.rollback()
        command.upgrade(config, "head")
        command.check(config)
