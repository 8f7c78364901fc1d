"""A scorer as a file of plain arrays, and back: reading one never runs anything."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.curation.learners.base import Floats, Scorer
from app.curation.learners.contrastive import Contrast
from app.curation.learners.features import filled
from app.curation.learners.linear import Linear
from app.curation.learners.reduction import Reduction
from app.curation.learners.trees import Trees

_KINDS: Mapping[str, type[Scorer]] = {one.kind: one for one in (Linear, Trees, Contrast)}


class Learned:
    """A scorer with what stands in for what was not measured, and how features were reduced."""

    def __init__(
        self, scorer: Scorer, stand_ins: Floats, reduction: Reduction | None = None
    ) -> None:
        self.scorer = scorer
        self.stand_ins = stand_ins
        self.reduction = reduction

    def score(self, features: Floats) -> Floats:
        """Scores of rows, gaps filled as when it was learned."""
        whole = filled(features, self.stand_ins)
        return self.scorer.score(whole if self.reduction is None else self.reduction.apply(whole))

    def to_bytes(self) -> bytes:
        """The file."""
        held: dict[str, Any] = {f"of.{name}": array for name, array in self.scorer.arrays().items()}
        if self.reduction is not None:
            arrays = self.reduction.arrays()
            held |= {f"reduced.{name}": array for name, array in arrays.items()}
        out = io.BytesIO()
        np.savez(out, kind=np.array(self.scorer.kind), stand_ins=self.stand_ins, **held)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Learned":
        """What `to_bytes` wrote; arrays of objects, which could run code, are refused."""
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            held = {name[3:]: file[name] for name in file.files if name.startswith("of.")}
            scorer = _KINDS[str(file["kind"])].of(held)
            if "reduced.mean" not in file.files:
                return cls(scorer, file["stand_ins"])
            reduction = Reduction(file["reduced.mean"], file["reduced.components"])
            return cls(scorer, file["stand_ins"], reduction)
