"""A whole Winnow in processes of its own with the demo dataset, and a headless Chromium on it."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from app.client import Client
from tests.live import environment

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
_READY_S = 180  # the first start on a machine compiles loops
_PATIENCE_MS = 10_000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it is marked, and stays in one test worker: there is one server."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.enable_socket)
            # A browser on a busy machine may lose a race that no person would; twice is a fault.
            item.add_marker(pytest.mark.flaky(reruns=1))


@dataclass
class Site:
    """A running Winnow: its REST API with an admin's key, and one-time links into its pages."""

    url: str
    home: Path
    api: Client
    _pages: httpx.Client
    _made: int = 0

    def sign_in_link(self, email: str = "admin@localhost") -> str:
        """What an admin hands to a person."""
        settings = BeautifulSoup(self._pages.get("/settings").text, "html.parser")
        row = settings.find("td", string=re.compile(rf"^{re.escape(email)}"))
        assert row is not None, f"There is no {email}."
        form = row.find_parent("tr").select_one("form[action$='/link']")  # type: ignore[union-attr]
        token = settings.select_one("input[name=csrf]")
        assert form is not None
        assert token is not None
        answer = self._pages.post(str(form["action"]), data={"csrf": str(token["value"])})
        link = BeautifulSoup(answer.text, "html.parser").find(id="new-link")
        assert link is not None
        return link.get_text()

    def person(self, role: str) -> str:
        """A new person; answers the address."""
        self._made += 1
        email = f"{role}{self._made}@example.org"
        self.api.post("/users", {"email": email, "role": role})
        return email

    def empty(self, name: str = "set", purpose: str = "any") -> str:
        """A new dataset without samples."""
        self._made += 1
        made = f"{name}-{self._made}"
        self.api.post("/datasets", {"name": made, "purpose": purpose})
        return made

    def dataset(self, rows: list[dict[str, Any]], purpose: str = "any", **fields: str) -> str:
        """A new dataset with these rows."""
        name = self.empty(purpose=purpose)
        path = self.home / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        about = {"source": "made", "license": "cc0-1.0", **fields}
        job = self.api.upload(f"/datasets/{name}/imports", [path], about, lambda *_: None)
        self.finished(job)
        return name

    def finished(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job when it is done."""
        done = self.api.wait(job, lambda _: None)
        assert done["status"] == "succeeded", done
        return done

    def samples(self, dataset: str, where: str = "") -> list[dict[str, Any]]:
        """All that match, oldest first."""
        path = f"/datasets/{dataset}/samples"
        return list(self.api.items(path, 1000, where=where, sort="id"))

    def approve(self, dataset: str, count: int) -> None:
        """Decide on the first samples."""
        for sample in self.samples(dataset)[:count]:
            decision = {"verdict": "approve", "revision": sample["revision"]}
            self.api.post(f"/samples/{sample['id']}/decisions", decision)

    def release(self, dataset: str, name: str) -> dict[str, Any]:
        """A finished release of all approved samples."""
        body = {"name": name, "formats": ["jsonl"]}
        self.finished(self.api.post(f"/datasets/{dataset}/releases", body))
        items = self.api.get(f"/datasets/{dataset}/releases")["items"]
        found: dict[str, Any] = next(one for one in items if one["name"] == name)
        return found


def rows(count: int = 12) -> list[dict[str, Any]]:
    """Samples with a score from 1 to 5; each fifth one is a poor answer."""
    return [
        {
            "id": f"row-{n}",
            "instruction": f"Explain the number {n}.",
            "input": "",
            "output": f"It follows {n - 1} and comes before {n + 1}." if n % 5 else "No.",
            "domain": "math" if n % 2 else "logic",
            "judge_score": 1 + n % 5,
        }
        for n in range(1, count + 1)
    ]


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Winnow as `winnow up --demo` starts it, in a folder of its own."""
    home = Path(tempfile.mkdtemp(prefix="winnow-browser-"))
    options = ["--home", str(home), "--port", str(_free_port()), "--demo", "--no-browser", "--json"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up", *options],
            cwd=ROOT,
            env={**environment(), "WINNOW_LOGIN_TRIES": "1000"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            said = _first_line(process, home / "log")
            key = json.loads((home / "winnow.json").read_text())["api_key"]
            with httpx.Client(base_url=said["url"], trust_env=False, follow_redirects=True) as web:
                web.get(said["login"])
                api = Client(said["url"], key)
                yield Site(said["url"], home, api, web)
                api.close()
        finally:
            process.terminate()
            process.communicate(timeout=30)
            shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _first_line(process: "subprocess.Popen[str]", log: Path) -> dict[str, str]:
    """Where it is, said once it is up and the demo is loaded."""
    deadline = time.monotonic() + _READY_S
    assert process.stdout is not None
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 1)[0]:
            line = process.stdout.readline()
            if line.startswith("{"):
                said: dict[str, str] = json.loads(line)
                return said
    raise AssertionError(f"Winnow did not start:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def chromium(site: Site) -> Iterator[Browser]:
    """The browser; each test has a context of its own in it."""
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def ready(page: Page) -> None:
    """Wait until htmx has seen the page: before, its forms are plain forms."""
    page.wait_for_function(
        "[...document.querySelectorAll('[hx-get], [hx-post]')]"
        ".every((one) => one.matches('[data-htmx-powered]'))"
    )


@dataclass
class Watch:
    """What a browser complains of; answers with an allowed status are no complaint."""

    allowed: set[int] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)

    def on(self, page: Page) -> Page:
        """Listen to a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: {error}"))
        page.set_default_timeout(_PATIENCE_MS)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        status = re.search(r"responded with a status of (\d+)", message.text)
        if status is not None and int(status.group(1)) in self.allowed:
            return
        if "GPU stall due to ReadPixels" in message.text:  # what a machine without a GPU says
            return
        if message.type in {"error", "warning"}:
            self.heard.append(f"{message.location.get('url', '')}: {message.text}")


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test when a page logs an error, throws, or is refused something unasked."""
    made = Watch()
    yield made
    assert made.heard == []


@pytest.fixture
def visit(chromium: Browser, site: Site, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens a page as somebody, in a context of its own, signed in by a one-time link."""
    contexts: list[BrowserContext] = []

    def open_(path: str = "/", email: str | None = "admin@localhost", **options: Any) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        context = chromium.new_context(base_url=site.url, **options)
        contexts.append(context)
        page = watch.on(context.new_page())
        page.goto(f"{site.sign_in_link(email)}?next={quote(path, safe='')}" if email else path)
        ready(page)
        return page

    yield open_
    for context in contexts:
        context.close()
