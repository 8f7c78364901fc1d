"""An embedder for tests: each word a direction of its own, so that cosines can be reckoned."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.curation.contamination.words import tokens


class Words:
    """Texts to the sum of their words' directions."""

    fingerprint = "words"
    width = 64

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, zeros for texts without words."""
        found = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in tokens(text):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
                found[row] += np.random.default_rng(seed).standard_normal(self.width)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return (found / np.where(lengths > 0, lengths, 1)).astype(np.float32)
