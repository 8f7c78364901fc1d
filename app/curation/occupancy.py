"""Cells of a corpus, and how many of them other texts reach: a topic that died is an empty cell."""

from collections.abc import Sequence

_FEWEST, _MOST, _PER_CELL = 2, 1000, 20
_WORDS = 4096  # the most frequent ones tell texts apart


class Cells:
    """Clusters of texts by their words (TF-IDF, k-means), 20 texts to one on average.

    The same texts have the same cells always. Texts without words, or fewer than 40, have none.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        """Learn the cells of these texts, each in words."""
        from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - a second to load
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

        worded = [one for one in texts if one]
        count = min(len(worded) // _PER_CELL, _MOST)
        self.count = count if count >= _FEWEST else 0
        if not self.count:
            return
        self._weights = TfidfVectorizer(analyzer=tuple, max_features=_WORDS, sublinear_tf=True)
        vectors = self._weights.fit_transform(worded)
        self._means = MiniBatchKMeans(self.count, random_state=0, n_init=3, batch_size=2048)
        self._means.fit(vectors)

    def occupied(self, texts: Sequence[Sequence[str]]) -> float | None:
        """The share of cells with at least one of these texts; None where there are no cells."""
        worded = [one for one in texts if one]
        if not self.count:
            return None
        if not worded:
            return 0.0
        found = self._means.predict(self._weights.transform(worded))
        return len(set(found.tolist())) / self.count
