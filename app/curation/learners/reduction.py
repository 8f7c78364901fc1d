"""Fewer features than embeddings have: what few labels can teach about.

Some hundred labels and a thousand columns of embeddings let the columns win over the dozen signals
that matter. On two real label sets of 800 rows (PandaLM's preferences, Dolly's answers against weak
ones; two seeds), 32 principal components learned better than all columns in all seven pairs of set
and learner that were tried, by 0.006 to 0.046 of AUROC.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from app.curation.learners.base import Arrays, Floats, standardised

PER_ROOT = 1.15  # components per square root of labels: 32 of 800, 51 of 2,000
_FEWEST, _MOST = 8, 128
VERSION = 1


@dataclass(frozen=True, slots=True)
class Reduction:
    """Principal components of the first columns (embeddings); the others (signals) are kept.

    Signals are squashed (the logarithm of their size), so that one long text does not outweigh all
    others in linear scorers; trees see the same order. `components` has shape (columns, kept).
    """

    mean: Floats
    components: Floats

    @classmethod
    def fit(cls, features: Floats, embedded: int) -> Self:
        """From rows whose first `embedded` columns are embeddings; the more rows the more stay."""
        columns = features[:, :embedded]
        mean, spread = standardised(columns)
        count = int(np.clip(round(PER_ROOT * len(features) ** 0.5), _FEWEST, _MOST))
        _, sizes, directions = np.linalg.svd((columns - mean) / spread, full_matrices=False)
        kept = directions[:count].T
        # The first component has a spread of about 1, as signals have: no block outweighs another.
        scale = max(float(sizes[0]) / len(features) ** 0.5, 1e-9) if len(sizes) else 1.0
        components = kept / (spread[:, np.newaxis] * scale)
        return cls(mean.astype(np.float32), components.astype(np.float32))

    def apply(self, features: Floats) -> Floats:
        """The features in fewer columns."""
        embedded = len(self.mean)
        reduced = (features[:, :embedded] - self.mean) @ self.components
        joined: Floats = np.hstack([reduced, squashed(features[:, embedded:])]).astype(np.float32)
        return joined

    def arrays(self) -> Arrays:
        """All of it, for the file of a scorer."""
        return {"mean": self.mean, "components": self.components}


def squashed(signals: Floats) -> Floats:
    """The logarithm of one plus the size, with the sign."""
    found: Floats = np.sign(signals) * np.log1p(np.abs(signals))
    return found
