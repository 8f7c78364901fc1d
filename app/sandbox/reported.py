"""What the workers of this installation said of their sandboxes: files in the home folder.

The web server may run where programs can't be isolated, and never runs any: what counts is said by
the machines that do.
"""

import json
import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.sandbox.strength import strength
from app.settings import settings

_MOST = 200


def _folder() -> Path:
    return settings().home.expanduser() / "sandboxes"


def report() -> None:
    """Try the sandbox out and write down what it keeps from programs."""
    found = strength()
    machine = re.sub(r"[^\w.-]", "_", socket.gethostname())[:100] or "machine"
    said = {
        "machine": machine,
        "backend": found.backend,
        "kept": dict(found.kept),
        "problem": found.problem,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _folder().mkdir(parents=True, exist_ok=True)
    place = _folder() / f"{machine}.json"
    made = place.with_suffix(".new")
    made.write_text(json.dumps(said), encoding="utf-8")
    made.replace(place)


def everything() -> list[Mapping[str, Any]]:
    """What each machine said last, by name."""
    found: list[Mapping[str, Any]] = []
    for place in sorted(_folder().glob("*.json"))[:_MOST]:
        try:
            found.append(json.loads(place.read_text(encoding="utf-8")))
        except (OSError, ValueError):  # it is being written, or is none of ours
            continue
    return found
