"""The README names every setting, method and verb, and nothing that is not there."""

import re
from pathlib import Path

import click
import pytest
from pydantic.fields import FieldInfo

from app.cli import main
from app.curation.catalog import GENERATORS, LAYERS, MATCHERS, PROFILES, SIGNALS, VERIFIERS
from app.releases.formats import FORMATS
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def row(name: str, field: FieldInfo) -> str:
    """The line of a setting in the table."""
    default = str(field.default).replace(str(Path.home()), "~")
    shown = "" if field.default in {"", None} else f"`{default}`"
    return f"| `WINNOW_{name.upper()}` | {shown} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_explained(name: str) -> None:
    assert row(name, Settings.model_fields[name]) in README.splitlines()


def test_no_setting_is_invented() -> None:
    clients = {"WINNOW_URL", "WINNOW_API_KEY"}
    known = {f"WINNOW_{name.upper()}" for name in Settings.model_fields}

    assert set(re.findall(r"WINNOW_[A-Z_]+[A-Z]", README)) <= known | clients


@pytest.mark.parametrize(
    "key", [*SIGNALS, *MATCHERS, *LAYERS, *PROFILES, *VERIFIERS, *GENERATORS, *FORMATS]
)
def test_a_method_is_named(key: str) -> None:
    assert f"`{key}`" in README


@pytest.mark.parametrize("name", sorted(main.commands))
def test_a_verb_is_named(name: str) -> None:
    assert f"winnow {name}" in README


def test_examples_are_verbs_that_there_are() -> None:
    for line in re.findall(r"^(?:\$ )?winnow (\w.*)$", README, re.MULTILINE):
        first, _, rest = line.partition(" ")
        command = main.commands[first]
        if isinstance(command, click.Group) and first != "release":
            assert rest.split()[0] in command.commands


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists() or target.startswith("static/readme/")
