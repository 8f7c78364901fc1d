"""The back end of choice: Bubblewrap, which other programs' sandboxes are built on too."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from app.sandbox.layout import DEVICES, FOLDER, Layout
from app.sandbox.limits import Limits

NAME = "bubblewrap"
# Without these a root that starts a sandbox could not become another user inside of it.
_TO_CHANGE_USER = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")


def found() -> str | None:
    """Where the program is."""
    return shutil.which("bwrap")


def command(
    seen: Layout, limits: Limits, start: Sequence[str], order: int, filter_: int | None
) -> list[str]:
    """The command line of a sandbox; `order` and `filter_` are open files that it is given."""
    users = os.geteuid() != 0
    return [
        found() or "bwrap",
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--hostname", "sandbox"),
        *("--new-session", "--die-with-parent", "--cap-drop", "ALL"),
        *(("--unshare-user", "--uid", "65534", "--gid", "65534") if users else _TO_CHANGE_USER),
        *(part for one in _parents(seen) for part in ("--perms", "0755", "--dir", one)),
        *(part for here, there in seen.binds for part in ("--ro-bind", here, there)),
        *(part for target, there in seen.links for part in ("--symlink", target, there)),
        *(part for one in seen.hidden for part in ("--size", "4096", "--tmpfs", one)),
        *(part for one in DEVICES for part in ("--dev-bind", f"/dev/{one}", f"/dev/{one}")),
        *("--perms", "0777", "--size", str(limits.folder), "--tmpfs", FOLDER),
        *(part for one in ("/", *seen.hidden) for part in ("--remount-ro", one)),
        *(("--seccomp", str(filter_)) if filter_ is not None else ()),
        *("--chdir", FOLDER),
        "--",
        *start,
        str(order),
    ]


def _parents(seen: Layout) -> list[str]:
    """Folders that are made on the way: Bubblewrap lets its own user alone into some of them."""
    ways = {str(Path(there).parent): None for _, there in seen.binds}
    return [*(one for one in ways if one != "/"), "/dev"]
