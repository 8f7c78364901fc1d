"""The verbs on duplicates."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from tests.factories import fill, make_dataset
from tests.matching.texts import planted
from tests.shell import Here, winnow, winnow_json


@pytest.fixture(autouse=True)
def here(session: Session, api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli_duplicates.from_environment", lambda: Here(api, session))


def test_duplicates_from_looking_to_undo(session: Session, lead: Principal) -> None:
    fill(session, make_dataset(session, lead), lead, planted(3, 0.9))

    job = winnow_json("match", "mix", "minhash", "--set", "minhash.threshold=0.7", "--wait")
    listed = winnow_json("duplicates", "mix")["items"]
    member = listed[0]["keeper_id"] + 1
    kept = winnow_json(
        "duplicates", "mix", "keep", "--cluster", listed[0]["id"], "--sample", member
    )

    assert job["result"]["clusters"] == len(listed) == 3
    assert kept["keeper"]["id"] == member
    assert winnow("duplicates", "mix", "apply") == (0, "3 samples dropped.\n")
    assert winnow("duplicates", "mix", "undo") == (0, "3 samples taken back.\n")
    assert winnow("duplicates", "mix", "dismiss") == (0, "3 pairs are no duplicates.\n")
    assert "minhash" in winnow("matchers")[1]
    code, said = winnow("duplicates", "mix", "keep")
    assert (code, "one --cluster" in said) == (2, True)
    code, said = winnow("match", "mix", "exact", "--set", "minhash.threshold=0.7")
    assert (code, "is not of exact" in said) == (2, True)
    code, said = winnow("match", "mix", "nothing")
    assert (code, "There is no matcher" in said) == (1, True)
