"""Whether a file is still the one that was begun: resuming counts its rows from the start."""

from pathlib import Path
from typing import Any

_RETRY = "What was read before stays; retry the job to read the file anew from its start."


class ChangedFileError(ValueError):
    """The file is not the one that was begun; the message is a sentence for people."""


def unchanged(state: dict[str, Any], path: Path) -> None:
    """Note the size, age and place of a file the first time, and refuse another one later."""
    now = _facts(path)
    begun = state.setdefault("file", now)
    if now == begun or begun is None:
        return
    if now is None:
        raise ChangedFileError(f"The file was deleted while it was read. {_RETRY}")
    if now["bytes"] != begun["bytes"]:
        raise ChangedFileError(
            f"The file changed while it was read: it had {begun['bytes']:,} bytes, now it has "
            f"{now['bytes']:,}. {_RETRY}"
        )
    raise ChangedFileError(f"The file was written anew while it was read. {_RETRY}")


def _facts(path: Path) -> dict[str, int] | None:
    """What changes with a file; None where there is none that may be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return {"bytes": stat.st_size, "written": stat.st_mtime_ns, "inode": stat.st_ino}
