"""Static embeddings: one vector per token, distilled from a transformer once (model2vec).

A token's vector is what the transformer makes of it alone, reduced by PCA and weighted down the
more frequent it is (SIF over Zipf's law); a text is the mean of its tokens.
"""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from numpy.typing import NDArray

from app.curation.text.jit import njit
from app.providers.weights import Weights

if TYPE_CHECKING:
    from model2vec import StaticModel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_WIDTH = 256
_SIF = 1e-4
_BATCH = 1024
POOLING = f"static-{_WIDTH}-sif{_SIF:g}-1"
_log = structlog.get_logger("winnow.embeddings")


class StaticEmbedder:
    """Texts to the mean of their tokens' vectors."""

    def __init__(self, model: "StaticModel", fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._model = model
        self._table = np.ascontiguousarray(model.embedding, np.float32)
        self.width = self._table.shape[1]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Means, not yet of unit length."""
        starts = range(0, len(texts), _BATCH)
        return np.vstack([self._means(texts[start : start + _BATCH]) for start in starts])

    def _means(self, texts: Sequence[str]) -> Floats:
        tokens = self._model.tokenize(list(texts))
        offsets = np.zeros(len(tokens) + 1, np.int64)
        np.cumsum([len(ids) for ids in tokens], out=offsets[1:])
        ids = np.fromiter(chain.from_iterable(tokens), np.int64, int(offsets[-1]))
        return _sums(self._table, ids, offsets)


@njit
def _sums(table: Floats, ids: Ints, offsets: Ints) -> Floats:
    """The sum of each text's rows; its direction is that of their mean."""
    found = np.zeros((len(offsets) - 1, table.shape[1]), np.float32)
    for text in range(len(offsets) - 1):
        for at in range(offsets[text], offsets[text + 1]):
            for place in range(table.shape[1]):
                found[text, place] += table[ids[at], place]
    return found


def load(weights: Weights, fingerprint: str, folder: Path) -> StaticEmbedder:
    """The distilled model from `folder`, made there by whoever comes first."""
    from model2vec import StaticModel  # noqa: PLC0415 - web servers seldom need it

    home = folder / hashlib.sha256(fingerprint.encode()).hexdigest()[:32]
    if not home.is_dir():
        with _alone(folder):
            if not home.is_dir():
                _make(weights, home)
    return StaticEmbedder(StaticModel.from_pretrained(home, max_length=None), fingerprint)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; others wait rather than do the same work."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(weights: Weights, home: Path) -> None:
    """Distill beside the place and move it there whole; on two machines the first one stays."""
    _log.info("distilling", model=weights.name, folder=str(home))
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=home.parent))
    try:
        _distilled(weights).save_pretrained(fresh)
        fresh.chmod(0o755)
        fresh.rename(home)
    except OSError:
        if not home.is_dir():
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _distilled(weights: Weights) -> "StaticModel":
    from model2vec import StaticModel  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415 - needed once in the life of a home

    tokenizer = Tokenizer.from_file(str(weights.folder / "tokenizer.json"))
    tokenizer.no_padding()
    words = sorted(tokenizer.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1])
    real = np.array([number for word, number in words if not word.startswith(("[unused", "[PAD"))])
    reduced = _reduced(_alone_in_context(weights, real))
    table = np.zeros((len(words), reduced.shape[1]), np.float32)
    table[real] = reduced * _frequency_weights(len(real))[:, np.newaxis]
    config: dict[str, Any] = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": weights.name,
        "apply_pca": _WIDTH,
        "sif_coefficient": _SIF,
        "hidden_dim": int(reduced.shape[1]),
    }
    return StaticModel(
        table, tokenizer, config, normalize=True, base_model_name=weights.name, max_length=None
    )


def _alone_in_context(weights: Weights, tokens: Ints) -> Floats:
    """What the transformer makes of each token when nothing else stands there."""
    from app.providers.transformer_embeddings import token_means  # noqa: PLC0415 - loads torch

    return token_means(weights, tokens)


def _reduced(vectors: Floats) -> Floats:
    """The first principal components, signs fixed so that two machines make the same model."""
    centred = vectors - vectors.mean(0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, np.argsort(-values)[:_WIDTH]]
    largest = axes[np.argmax(np.abs(axes), axis=0), np.arange(axes.shape[1])]
    reduced: Floats = (centred @ (axes * np.sign(largest))).astype(np.float32)
    return reduced


def _frequency_weights(count: int) -> Floats:
    """Smooth inverse frequency; vocabularies stand in the order of frequency."""
    shares = 1 / np.arange(2, count + 2)
    shares /= shares.sum()
    weights: Floats = (_SIF / (_SIF + shares)).astype(np.float32)
    return weights
