"""The command line against the application in this process; jobs are worked on when waited for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.cli import main
from app.client import Refused
from tests.factories import run_job

Json = dict[str, Any]


class Here:
    """What the verbs use of the client."""

    def __init__(self, api: TestClient, session: Session) -> None:
        self._api = api
        self._session = session

    def get(self, path: str, **query: Any) -> Any:
        return self._answer(self._api.get(path, params=query))

    def post(self, path: str, body: Json | None = None) -> Any:
        return self._answer(self._api.post(path, json=body))

    def read(self, path: str, **query: Any) -> bytes:
        answer = self._api.get(path, params=query)
        if answer.is_error:
            raise Refused(answer.json()["detail"])
        return answer.content

    def put(self, path: str, body: Json) -> Any:
        return self._answer(self._api.put(path, json=body))

    def upload(
        self, path: str, files: list[Path], fields: dict[str, str], _moved: Callable[..., None]
    ) -> Any:
        parts = [("file", (one.name, one.read_bytes())) for one in files]
        return self._answer(self._api.post(path, files=parts, data=fields))

    def delete(self, path: str) -> None:
        assert self._api.delete(path).status_code == 204

    def wait(self, job: Json, _seen: Callable[[Json], None]) -> Any:
        run_job(self._session, job["id"])
        return self.get(f"/jobs/{job['id']}")

    def _answer(self, answer: Any) -> Any:
        found = answer.json()
        if answer.is_error:
            raise Refused(found["detail"])
        return found


def winnow(*words: object) -> tuple[int, str]:
    """Exit code and all that was printed."""
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def winnow_json(*words: object) -> Any:
    """What a verb prints with --json."""
    code, printed = winnow(*words, "--json")
    assert code == 0, printed
    return json.loads(printed.splitlines()[-1])
