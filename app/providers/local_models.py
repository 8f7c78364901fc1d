"""Models of Hugging Face's format in this process: found, loaded once, kept.

Weights are read from safetensors alone and code that comes with a model is never run.
"""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.curation.ports import ModelError

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(@[\w.-]+)?")
_SAMPLED = 1 << 20  # bytes from either end of a file: other weights differ all over
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")
_lock = threading.Lock()
_held: dict[str, "Held"] = {}


class Use(StrEnum):
    """What a model is loaded for: writing replies, or telling labels of texts."""

    REPLIES = "replies"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Held:
    """A model in memory; `length` is how many tokens it reads at most."""

    name: str
    tokenizer: Any
    model: Any
    device: str
    length: int


def is_folder(model: str) -> bool:
    """Whether this names a folder rather than a model on the hub."""
    return model.startswith(("/", ".", "~"))


def fingerprint(model: str) -> str:
    """What the files in a folder are, or the name on the hub; raise ModelError where neither fits.

    Of each file its name, length and both ends count: whole weights would take minutes to read.
    """
    if not is_folder(model):
        if not _HUB.fullmatch(model):
            raise ModelError(f"{model} is no folder and no name on the hub.", fatal=True)
        return f"hub:{model}"
    folder = _folder(model)
    digest = hashlib.sha256()
    for path in sorted(one for one in folder.iterdir() if _counts(one)):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLED))
            file.seek(max(size - _SAMPLED, 0))
            digest.update(file.read(_SAMPLED))
    return f"folder:{digest.hexdigest()}"


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix in {".json", ".safetensors", ".jinja", ".model", ".txt"}


def _folder(model: str) -> Path:
    """The folder, if it holds all that a model takes."""
    try:
        folder = Path(model).expanduser()
        there = folder.is_dir()
    except (OSError, RuntimeError):  # a name that no folder can have, or of nobody's home
        there = False
    if not there:
        raise ModelError(f"There is no folder {model} on this machine.", fatal=True)
    _check(folder)
    return folder


def _check(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} holds no model: config.json is missing.", fatal=True)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(f"{folder} has no tokenizer ({', '.join(_TOKENIZERS)}).", fatal=True)
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} has no weights as safetensors; pickled ones could run code and are refused.",
            fatal=True,
        )


def load(model: str, use: Use = Use.REPLIES) -> Held:
    """The model, loaded once per process; another one, or other files, take its place in memory."""
    with _lock:
        files = f"{use} {model} {fingerprint(model)}"
        if files not in _held:
            _held.clear()
            with memory_told(model):
                _held[files] = _loaded(model, use)
        return _held[files]


def _loaded(model: str, use: Use) -> Held:
    import torch  # noqa: PLC0415 - slow to import, and workers fork before they need it
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
    )
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    place, revision = _place(model)
    config = config_of(model, use)
    tokenizer = _tokenizer(model, place, revision, use)
    kinds = {
        Use.REPLIES: AutoModelForCausalLM,
        Use.LABELS: AutoModelForSequenceClassification,
    }
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = kinds[use].from_pretrained(
            place,
            config=config,
            revision=revision,
            dtype=_dtype(device),
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(
            f"{model} could not be loaded: {_first_line(error)}", fatal=True
        ) from error
    length = int(getattr(config, "max_position_embeddings", 0) or tokenizer.model_max_length)
    there: Any = found
    return Held(model, tokenizer, there.to(device).eval(), device, length)


def _place(model: str) -> tuple[str, str]:
    """The folder, or the name on the hub and the revision there."""
    if is_folder(model):
        return str(_folder(model)), "main"
    name, _, revision = model.partition("@")
    return name, revision or "main"


def _dtype(device: str) -> Any:
    """Half the memory on a GPU; processors are slow at anything but 32 bits."""
    import torch  # noqa: PLC0415

    if device == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def config_of(model: str, use: Use) -> Any:
    """What the model says of itself; raise ModelError where it can't be used so."""
    from transformers import AutoConfig  # noqa: PLC0415
    from transformers.models.auto.modeling_auto import (  # noqa: PLC0415
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL,
    )

    place, revision = _place(model)
    try:
        config = AutoConfig.from_pretrained(place, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"{model} could not be read: {_first_line(error)}", fatal=True) from error
    kinds = [str(one) for one in getattr(config, "architectures", None) or ()]
    if use is Use.LABELS:
        if not any("SequenceClassification" in one for one in kinds):
            what = ", ".join(kinds) or config.model_type
            raise ModelError(f"{model} is no classifier of texts ({what}).", fatal=True)
        return config
    if config.model_type not in CAUSAL or (
        kinds and not any("CausalLM" in k or "LMHead" in k for k in kinds)
    ):
        what = ", ".join(kinds) or config.model_type
        raise ModelError(
            f"{model} is no causal language model ({what}): it can't write replies.", fatal=True
        )
    return config


def _tokenizer(model: str, place: str, revision: str, use: Use) -> Any:
    from transformers import AutoTokenizer  # noqa: PLC0415

    try:
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{model} has no tokenizer that can be read: {_first_line(error)}", fatal=True
        ) from error
    if use is Use.LABELS:
        return tokenizer
    if tokenizer.eos_token_id is None:
        raise ModelError(f"The tokenizer of {model} names no token that ends a text.", fatal=True)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@contextmanager
def memory_told(model: str) -> Iterator[None]:
    """Say that memory is short in a sentence, whichever way torch puts it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_memory(error):
            raise ModelError(
                f"{model} does not fit into the memory of this machine: take a smaller model, or "
                "let the provider be asked fewer questions at once.",
                fatal=True,
            ) from error
        raise


def is_memory(error: BaseException) -> bool:
    """Whether this says that memory is short."""
    return isinstance(error, MemoryError) or any(
        words in str(error).lower() for words in _OUT_OF_MEMORY
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:300]
