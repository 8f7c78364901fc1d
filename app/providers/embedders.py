"""Embedders by tier: a static one for whole catalogs on a CPU, the transformer it was made from."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.curation.ports import Embedder
from app.providers import static_embeddings, transformer_embeddings, weights

_WORD = re.compile(r"[^\W_]")


class Tier(StrEnum):
    """How much an embedding costs: static some 100 µs a text, transformer some 25 ms on a CPU."""

    STATIC = "static"
    TRANSFORMER = "transformer"


def name_of(model: str) -> str:
    """The name of a model as it is set, for people."""
    return model or weights.BUILT_IN


def fingerprint(model: str, tier: Tier) -> str:
    """Names model, weights and pooling: equal means that vectors compare."""
    found = weights.find(model)
    pooling = static_embeddings.POOLING if tier is Tier.STATIC else transformer_embeddings.POOLING
    return f"{found.name}:{found.sha256[:16]}:{pooling}"


@cache
def load(model: str, tier: Tier, folder: Path) -> Embedder:
    """The embedder of this process; what is made once for all of them is kept in `folder`."""
    found, named = weights.find(model), fingerprint(model, tier)
    if tier is Tier.TRANSFORMER:
        return Worded(transformer_embeddings.load(found, named))
    return Worded(static_embeddings.load(found, named, folder))


class Worded:
    """An embedder that gives texts without a letter or a digit zeros, and does not ask for them."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self.fingerprint = inner.fingerprint
        self.width = inner.width

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of unit length, zeros where there is no word."""
        vectors = np.zeros((len(texts), self.width), np.float32)
        rows = [row for row, one in enumerate(texts) if _WORD.search(one)]
        if rows:
            vectors[rows] = unit(self._inner.embed([texts[row] for row in rows]))
        return vectors


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same directions at length one; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = np.divide(
        vectors, np.where(lengths > 0, lengths, 1), dtype=np.float32
    )
    return scaled
