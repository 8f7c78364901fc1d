"""Rows near an item by their spelling: 4-grams of characters, the rarer the weightier."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from app.curation.contamination.base import Hit, Index, Layer, Setting, Text
from app.curation.contamination.embedding import LISTED, hit_of, likeliest
from app.curation.contamination.nearness import Block, Curve, Floats, Reference, Spread
from app.curation.contamination.views import View

_ROWS = 512
_COMMON = 0.02  # n-grams of a larger share of items tell little and cost most
_FEW = 50


class Tfidf(Layer):
    """Questions, and programs, that share rare 4-grams of characters with an item, by the cosine of
    their TF-IDF: names, numbers and terms that a rephrasing keeps. What it finds are candidates."""

    key: ClassVar = "tfidf"
    title: ClassVar = "Character TF-IDF"
    curves: ClassVar = {View.QUESTION: Curve(0, 0.6, -8.5), View.PROGRAM: Curve(19, 0.15, -9.5)}

    size: int = Field(4, ge=2, le=8, description="Characters of an n-gram")
    likely: float = Field(0.5, gt=0, lt=1, description="How probable a candidate is at least")
    most: int = Field(5, ge=1, le=100, description="Near rows of an item that are listed")

    def index(self, items: Sequence[Text], setting: Setting) -> Index:
        """Weights of n-grams by the items, and how near unrelated rows are to them."""
        return _Weighted(self, items, setting)


class _View:
    """Items that have a view, as columns of a sparse matrix.

    Rows of the dataset count in what is rare, so that a few items are weighted well, too.
    """

    def __init__(
        self, view: View, size: int, items: Sequence[Text], background: Sequence[Text]
    ) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - takes a second

        self.view = view
        self.places = [place for place, one in enumerate(items) if one.views.get(view, "").strip()]
        shown = [items[place].views[view] for place in self.places]
        known = shown + _shown(background, view)[1]
        self._weights = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=(size, size),
            sublinear_tf=True,
            max_df=max(int(_COMMON * len(known)), _FEW),
            dtype=np.float32,
        )
        self._items: Any = None
        if shown:
            self._items = self._weights.fit(known).transform(shown).T.tocsc()

    def blocks(self, texts: Sequence[str], needed: Floats | None = None) -> Iterator[Block]:
        """Pairs that are near enough, or that have anything in common, some texts at a time."""
        for start in range(0, len(texts), _ROWS):
            found = self._weights.transform(texts[start : start + _ROWS]) @ self._items
            enough = found.data >= (0 if needed is None else needed[found.indices])
            rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))[enough]
            yield rows + start, found.indices[enough].astype(np.int64), found.data[enough]

    def spread(self, background: Sequence[str]) -> Spread:
        """Mean and spread of each item's cosines to these rows."""
        count = len(self.places)
        if len(background) < Spread.FEWEST:
            return Spread.usual(count, 0.02, 0.03)
        sums, squares = np.zeros(count, np.float64), np.zeros(count, np.float64)
        for _, places, cosines in self.blocks(background):
            sums += np.bincount(places, cosines, count)
            squares += np.bincount(places, cosines**2, count)
        return Spread.of_moments(sums / len(background), squares / len(background))


class _Weighted(Index):
    def __init__(self, layer: Tfidf, items: Sequence[Text], setting: Setting) -> None:
        self._layer = layer
        self._views: list[tuple[_View, Reference]] = []
        for one in (_View(view, layer.size, items, setting.background) for view in View):
            if one.places:
                spread = one.spread(_shown(setting.background, one.view)[1])
                curve = layer.curves[one.view]
                self._views.append((one, Reference(spread, curve, setting.rows)))

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """The likeliest texts of each item."""
        layer, hits = self._layer, []
        for view, reference in self._views:
            rows, shown = _shown(texts, view.view)
            blocks = view.blocks(shown, reference.needed(LISTED))
            for one in reference.best(blocks, layer.most):
                key = (view.places[one.item], rows[one.text])
                hits.append(hit_of(key, layer.key, one, layer.likely))
        return likeliest(hits)


def _shown(texts: Sequence[Text], view: View) -> tuple[list[int], list[str]]:
    having = [place for place, one in enumerate(texts) if view in one.views]
    return having, [texts[place].views[view] for place in having]
