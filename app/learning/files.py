"""Files of learned scorers, named by their hash."""

import hashlib
import os
import tempfile
from pathlib import Path

from app.errors import ConflictError
from app.settings import settings


def write(raw: bytes) -> str:
    """Store a file whole; its SHA-256."""
    sha256 = hashlib.sha256(raw).hexdigest()
    path = _path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(raw)
    Path(fresh).replace(path)
    return sha256


def is_whole(sha256: str) -> bool:
    """Whether the file is there, as it was written."""
    path = _path(sha256)
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def read(sha256: str) -> bytes:
    """The file, if it is still what was written."""
    path = _path(sha256)
    raw = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise ConflictError(
            f"The file of this scorer is missing or damaged: {path}. Learn it anew."
        )
    return raw


def _path(sha256: str) -> Path:
    return settings().models / "learned" / f"{sha256}.npz"
