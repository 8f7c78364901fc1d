"""The house rules that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web.render import ROOT, templates

CODE = [*sorted((ROOT / "app").rglob("*.py")), *sorted((ROOT / "workers").rglob("*.py"))]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
DOMAIN_FILES = {"models", "queries", "service", "schemas", "api", "pages", "policies"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_hold_one_concern() -> None:
    assert {str(path) for path in CODE if len(path.read_text().splitlines()) > 340} == set()


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in CODE
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno > 60
    }
    assert long == set()


def test_only_the_edges_commit() -> None:
    allowed = {"app/db.py", "workers/chunks.py", "workers/jobs.py", "workers/imports.py"}
    commits = re.compile(r"\bsession\.(commit|rollback)\(")
    found = {str(path.relative_to(ROOT)) for path in CODE if commits.search(path.read_text())}
    assert found <= allowed


def test_web_exceptions_stay_in_the_web() -> None:
    raising = {
        str(path.relative_to(ROOT))
        for path in CODE
        if "HTTPException" in path.read_text() and "app/web" not in str(path)
    }
    assert raising == set()


def test_there_is_no_drawer_for_everything() -> None:
    names = {path.stem for path in CODE}
    assert names.isdisjoint({"utils", "helpers", "common", "misc"})


def test_the_library_knows_nothing_of_the_application() -> None:
    foreign = re.compile(
        r"^(?:from|import) (?:app\.(?!curation)|fastapi|sqlalchemy|celery)", re.MULTILINE
    )
    found = [
        str(path)
        for path in (ROOT / "app" / "curation").rglob("*.py")
        if foreign.search(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_template_compiles_and_is_safe(path: Path) -> None:
    source = path.read_text()

    templates().env.get_template(str(path.relative_to(ROOT / "templates")))
    assert not re.search(r"\|\s*safe\b", source)
    assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*(src=|application/json))", source)
    assert source.startswith("{#")


def test_every_page_has_a_title() -> None:
    pages = [path for path in TEMPLATES if '{% extends "base.html" %}' in path.read_text()]
    assert len(pages) > 10
    assert [path for path in pages if "{% block title %}" not in path.read_text()] == []


def test_no_address_of_the_open_net_is_loaded() -> None:
    sources = [*TEMPLATES, *(ROOT / "static").glob("*.js"), *(ROOT / "static").glob("*.css")]
    loaded = re.compile(r"(?:src|href)=[\"']https?://|@import|url\(https?:")
    assert [path for path in sources if loaded.search(path.read_text())] == []
