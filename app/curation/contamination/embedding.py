"""Rows near an item by the meaning of their words, as embeddings see it."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from app.curation.contamination.base import Finding, Hit, Index, Layer, Setting, Text
from app.curation.contamination.nearness import (
    Curve,
    Floats,
    Near,
    Reference,
    Spread,
    dense_blocks,
)
from app.curation.contamination.views import View
from app.curation.ports import Embedder

LISTED = 0.5  # how probable a pair has to be among 1,000 rows to be listed at all


class Embedding(Layer):
    """Questions, and programs, near an item by static embeddings: words of like meaning in any
    order. What it finds are candidates: a person or a judge confirms them."""

    key: ClassVar = "embedding"
    title: ClassVar = "Static embeddings"
    tier: ClassVar = "static"
    curves: ClassVar = {View.QUESTION: Curve(20, 2, -22.2), View.PROGRAM: Curve(15, 0.2, -15.5)}

    rows: ClassVar = 1000  # of the background: enough for a mean and a spread

    likely: float = Field(0.5, gt=0, lt=1, description="How probable a candidate is at least")
    most: int = Field(5, ge=1, le=100, description="Near rows of an item that are listed")

    def index(self, items: Sequence[Text], setting: Setting) -> Index:
        """Vectors of the items, and how near unrelated rows of the dataset are to them."""
        if setting.embedder is None:
            raise ValueError(f"The layer {self.key} needs an embedder.")
        return _Vectors(self, items, setting, setting.embedder)


class Transformer(Embedding):
    """The same by the sentence transformer, which reads words in their context: it finds most
    rephrased questions, and takes about a hundred times as long."""

    key: ClassVar = "transformer"
    title: ClassVar = "Transformer embeddings"
    tier: ClassVar = "transformer"
    rows: ClassVar = 256
    curves: ClassVar = {View.QUESTION: Curve(20, 2, -23.2), View.PROGRAM: Curve(0, 3.7, -17.8)}


class _Vectors(Index):
    def __init__(
        self, layer: Embedding, items: Sequence[Text], setting: Setting, by: Embedder
    ) -> None:
        self._layer, self._embedder = layer, by
        self._views: dict[View, tuple[list[int], Floats, Reference]] = {}
        background = setting.background[: layer.rows]
        for view in View:
            places, vectors = self._vectors(items, view)
            spread = Spread.of(vectors, self._vectors(background, view)[1])
            reference = Reference(spread, layer.curves[view], setting.rows)
            self._views[view] = (places, vectors, reference)

    def _vectors(self, texts: Sequence[Text], view: View) -> tuple[list[int], Floats]:
        """Places of the texts that have the view, and its vectors; those without words left out."""
        having = [place for place, one in enumerate(texts) if view in one.views]
        if not having:
            return [], np.zeros((0, self._embedder.width), np.float32)
        vectors = self._embedder.embed([texts[place].views[view] for place in having])
        worded = vectors.any(1)
        return [having[at] for at in np.flatnonzero(worded)], vectors[worded]

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """The likeliest texts of each item."""
        layer, hits = self._layer, []
        for view, (items, vectors, reference) in self._views.items():
            rows, found = self._vectors(texts, view)
            blocks = dense_blocks(found, vectors, reference.needed(LISTED))
            for one in reference.best(blocks, layer.most):
                key = (items[one.item], rows[one.text])
                hits.append(hit_of(key, layer.key, one, layer.likely))
        return likeliest(hits)


def hit_of(key: tuple[int, int], layer: str, near: Near, likely: float) -> Hit:
    """A candidate, where it is likely enough."""
    finding = Finding.CANDIDATE if near.likely >= likely else Finding.NEAR
    return Hit(*key, layer, finding, near.cosine, near.likely)


def likeliest(hits: Sequence[Hit]) -> list[Hit]:
    """One hit per item and text, of whichever view is surer."""
    best: dict[tuple[int, int], Hit] = {}
    for hit in sorted(hits, key=lambda one: one.likely):
        best[hit.item, hit.sample] = hit
    return list(best.values())
