"""The deployment says nothing that the code does not know."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from app.cli import main
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = sorted(name for name, one in SERVICES.items() if one["image"].startswith("datawinnow"))
SETTINGS = {f"WINNOW_{name.upper()}" for name in Settings.model_fields}
PINNED = re.compile(r"[\w./-]+:v?\d+(\.\d+)*(\.\d+)?[\w.-]*\Z")


def _parse(words: list[str]) -> click.Context:
    """The command line as the program would read it; raises on what it does not know."""
    assert words[0] == "winnow"
    command = main.commands[words[1]]
    return command.make_context(words[1], words[2:])


def test_it_has_every_part() -> None:
    assert set(SERVICES) == {
        "db", "redis", "migrate", "web", "worker-cpu", "worker-llm", "worker-gpu", "beat"
    }  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_one_that_the_program_has(name: str) -> None:
    _parse(SERVICES[name]["command"])


def test_the_image_starts_with_a_command_that_the_program_has() -> None:
    commands = re.findall(r"^CMD (\[.*\])", DOCKERFILE, re.MULTILINE)

    assert len(commands) == 1
    _parse(json.loads(commands[0]))


def test_all_queues_have_a_worker() -> None:
    served = {
        _parse(one["command"]).params["queues"]
        for name, one in SERVICES.items()
        if name.startswith("worker")
    }

    assert served == {"cpu", "llm", "gpu"}


def test_variables_are_settings() -> None:
    named = set(re.findall(r"WINNOW_[A-Z_]+", DOCKERFILE))
    named |= set(re.findall(r"WINNOW_[A-Z_]+", (ROOT / "docker-compose.yml").read_text()))

    assert named <= SETTINGS


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_watched_restarted_and_not_root(name: str) -> None:
    service = SERVICES[name]

    assert service["healthcheck"].get("test") or name == "migrate"  # which ends by itself
    assert service["restart"] in {"unless-stopped", "on-failure"}
    assert service["user"].partition(":")[0] not in {"", "0", "root"}
    assert PINNED.match(service["image"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_volumes_are_named(name: str) -> None:
    sources = {volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])}

    assert sources <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_a_container_can_write_where_it_must(name: str) -> None:
    assert SERVICES[name]["read_only"]
    assert SERVICES[name]["environment"]["WINNOW_HOME"] == "/data"
    assert "home:/data" in SERVICES[name]["volumes"]


def test_no_password_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    asked_for = "${POSTGRES_PASSWORD:?Set POSTGRES_PASSWORD}"

    assert text.count(asked_for) == 2
    without = text.replace(asked_for, "").replace("POSTGRES_PASSWORD=...", "")
    assert re.findall(r"PASSWORD: *\S+|://\w+:\w+@", without) == []


def test_the_image_is_pinned_and_not_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)

    assert len(bases) == 2
    assert all(PINNED.match(base) for base in bases)
    assert users == ["winnow"]
    assert "HEALTHCHECK" in DOCKERFILE


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)

    for path in (path for line in copied for path in line.split()):
        assert path in kept
        assert (ROOT / path).exists()
