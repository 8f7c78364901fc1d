"""The back end where Bubblewrap is not installed: namespaces that this program makes itself."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.sandbox.layout import DEVICES, FOLDER, Layout
from app.sandbox.limits import Limits

NAME = "namespaces"
_LAUNCHER = Path(__file__).with_name("launch.py")


def found() -> str | None:
    """Where the launcher is; whether the kernel lets it is for a trial to say."""
    return str(_LAUNCHER) if sys.platform == "linux" else None


def command(
    seen: Layout, limits: Limits, start: Sequence[str], order: int, filter_: int | None
) -> list[str]:
    """The command line of a sandbox; `order` and `filter_` are open files that it is given."""
    wanted = {
        "users": os.geteuid() != 0,
        "binds": seen.binds,
        "links": seen.links,
        "hidden": seen.hidden,
        "devices": DEVICES,
        "folder": FOLDER,
        "size": limits.folder,
        "filter": filter_,
        "parent": os.getpid(),
    }
    python = [seen.python, "-sSPBE", str(_LAUNCHER)]
    return [*python, json.dumps(wanted), *start, str(order)]
