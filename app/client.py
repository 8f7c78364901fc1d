"""A client of the REST API: what the command line speaks to a running Winnow with."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click
import httpx

Json = dict[str, Any]
Moved = Callable[[int, int], None]  # bytes so far, bytes in all

OPEN_STATUSES = ("queued", "running")
_PIECE = 1 << 20
_MOST_PER_PAGE = 1000
_POLL_S = (0.1, 1.0)
_PATIENCE_S = 60.0
_TIMEOUT = httpx.Timeout(600, connect=5)  # an upload is answered when its file has been looked at


class Refused(click.ClickException):
    """The server, or we ourselves, said no: one sentence on standard error, exit code 1."""

    def show(self, file: Any = None) -> None:
        """Print the sentence alone."""
        click.echo(self.message, err=True, file=file)


class NoAnswerError(Refused):
    """Nobody answers at the address, or its database is away: later it may."""


class _Watched:
    """A file that tells how much of it was read: httpx sends it piece by piece."""

    def __init__(self, path: Path, said: Callable[[int], None]) -> None:
        self._file = path.open("rb")
        self._said = said

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._said(len(piece))
        return piece

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


class Client:
    """Calls of the REST API; refusals are raised as their sentence."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        local = urlsplit(self.url).hostname in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            trust_env=not local,  # a proxy has no way to this machine
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Read something."""
        return self._json("GET", path, params=_given(params))

    def post(self, path: str, body: Json | None = None) -> Any:
        """Create or start something."""
        return self._json("POST", path, json=body or {})

    def delete(self, path: str) -> None:
        """Take something away."""
        self._json("DELETE", path)

    def patch(self, path: str, body: Json) -> Any:
        """The JSON behind a change."""
        return self._json("PATCH", path, json=body)

    def put(self, path: str, body: Json) -> Any:
        """Set something."""
        return self._json("PUT", path, json=body)

    def items(self, path: str, limit: int, **params: Any) -> Iterator[Json]:
        """Up to `limit` items of a list, page after page."""
        cursor, left = "", limit
        while left > 0:
            page = self.get(path, **params, cursor=cursor, limit=min(left, _MOST_PER_PAGE))
            yield from page["items"]
            left -= len(page["items"])
            cursor = page["next"]
            if not cursor:
                return

    def read(self, path: str, **params: Any) -> bytes:
        """A small file, whole."""
        request = self._http.build_request("GET", path, params=_given(params))
        return self.send(request, stream=False).content

    def upload(
        self, path: str, files: Sequence[Path], fields: Mapping[str, str], moved: Moved
    ) -> Json:
        """Send files from disk as a form, never whole in memory."""
        total = sum(file.stat().st_size for file in files)
        sent = 0

        def said(size: int) -> None:
            nonlocal sent
            sent += size
            moved(sent, total)

        with ExitStack() as open_files:
            parts = []
            for file in files:
                watched = _Watched(file, said)
                open_files.callback(watched.close)
                parts.append(("file", (file.name, watched)))
            found: Json = self._json("POST", path, files=parts, data=dict(fields))
        return found

    def download(self, path: str, target: Path, sha256: str, moved: Moved) -> None:
        """Fetch a file, going on where an earlier try stopped; only a whole one gets the name."""
        part = target.with_name(f".{target.name}.{sha256[:12]}.part")
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{sha256}"'} if have else {}
        with self._stream(path, headers) as response, part.open("ab") as file:
            if response.status_code == httpx.codes.OK:
                file.truncate(0)  # the server sends it from the start
            have = file.tell()
            total = have + int(response.headers.get("Content-Length", 0))
            for piece in response.iter_bytes(_PIECE):
                have += file.write(piece)
                moved(have, total)
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise Refused(
                f"{target.name} arrived with SHA-256 {found}, its manifest says {sha256}; "
                "it was thrown away. Please try again."
            )
        part.replace(target)

    def wait(self, job: Json, say: Callable[[Json], None] = lambda _: None) -> Json:
        """Follow a job to its end, over restarts of the server too."""
        pause, silent_since = _POLL_S[0], 0.0
        while True:
            try:
                job, silent_since = self.get(f"/jobs/{job['id']}"), 0.0
            except NoAnswerError:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > _PATIENCE_S:
                    raise
            say(job)
            if job["status"] not in OPEN_STATUSES:
                return job
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL_S[1])

    def _stream(self, path: str, headers: Mapping[str, str]) -> "_Stream":
        return _Stream(self, self._http.build_request("GET", path, headers=headers))

    def _json(self, method: str, path: str, **options: Any) -> Any:
        response = self.send(self._http.build_request(method, path, **options), stream=False)
        return response.json() if response.content else None

    def send(self, request: httpx.Request, *, stream: bool) -> httpx.Response:
        """Send a request; answers only what succeeded."""
        try:
            response = self._http.send(request, stream=stream)
        except httpx.TransportError as error:
            raise NoAnswerError(
                f"Nothing answers at {self.url} ({str(error) or type(error).__name__}). "
                "Start the server with `winnow up`, or set WINNOW_URL."
            ) from error
        if response.is_error:
            response.read()
            away = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
            raise (NoAnswerError if away else Refused)(_sentence(response))
        return response


class _Stream:
    """A response that is read piece by piece and closed in the end."""

    def __init__(self, client: Client, request: httpx.Request) -> None:
        self._client, self._request = client, request

    def __enter__(self) -> httpx.Response:
        self._response = self._client.send(self._request, stream=True)
        return self._response

    def __exit__(self, *_: object) -> None:
        self._response.close()


def from_environment() -> Client:
    """The server of WINNOW_URL and WINNOW_API_KEY, else that of `winnow up` on this machine."""
    home = Path(os.environ.get("WINNOW_HOME") or Path.home() / ".winnow")
    stored: Json = {}
    try:
        stored = json.loads((home / "winnow.json").read_text())
    except (OSError, ValueError):
        stored = {}
    url = os.environ.get("WINNOW_URL") or stored.get("url")
    # A key goes to the server that it was made for, never to another one.
    own = url == stored.get("url")
    key = os.environ.get("WINNOW_API_KEY") or (stored.get("api_key") if own else None)
    if not url or not key:
        raise Refused(
            f"No server is known: start one with `winnow up` (it writes {home / 'winnow.json'}), "
            "or set WINNOW_URL and WINNOW_API_KEY."
        )
    client = Client(url, key)
    verb = click.get_current_context(silent=True)
    if verb is not None:
        verb.call_on_close(client.close)
    return client


def part(name: object) -> str:
    """A name as one part of a path."""
    return quote(str(name), safe="")


def _given(params: Mapping[str, Any]) -> Json:
    return {name: value for name, value in params.items() if value not in {None, ""}}


def _sentence(response: httpx.Response) -> str:
    try:
        problem = response.json()
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {response.status_code} {response.reason_phrase}."
    if response.is_server_error and problem.get("request_id"):
        return f"{detail} (request {problem['request_id']})"
    return detail
