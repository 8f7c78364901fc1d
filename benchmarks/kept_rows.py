"""Rows that a published list keeps at a similarity, against what our measures would keep.

GPTeacher's toolformer set comes with the rows that were kept at 0.6 to 0.9 of a similarity that it
does not name. Which measure comes near it tells what such a list means for ours.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from app.providers import embedders
from app.providers.embedders import Tier
from benchmarks.results import Place, Result

_FOLDER = "gpteacher"
_LIST = "toolformer_kept_rows_by_similarity_threshold.json"
_ROWS = "toolformer-dedupe-only-dataset.json.gz"

Matrix = NDArray[np.float32]


def measure(place: Place) -> Iterator[Result]:
    """Per threshold: rows that the list keeps, and of each measure how many and how far alike."""
    folder = place.data / _FOLDER
    with gzip.open(folder / _ROWS) as file:
        responses = [one["response"] or " " for one in json.loads(file.read())]
    responses = responses[: max(place.part(len(responses) * 100), 300)]
    listed = json.loads((folder / _LIST).read_text())
    alike = {name: of(responses, place) for name, of in _MEASURES.items()}
    for threshold, rows in listed.items():
        theirs = {row for row in rows if row < len(responses)}
        found = [
            _said(name, set(_kept(matrix, float(threshold))), theirs, len(responses))
            for name, matrix in alike.items()
        ]
        what = (
            f"GPTeacher toolformer at {threshold}: {len(theirs):,} of {len(responses):,} rows kept"
        )
        yield Result(what, "; ".join(found))


def _said(name: str, ours: set[int], theirs: set[int], count: int) -> str:
    dropped, listed = set(range(count)) - ours, set(range(count)) - theirs
    both = 2 * len(dropped & listed) / max(len(dropped) + len(listed), 1)
    return f"{name} {len(ours):,} (F1 of dropped rows {both:.2f})"


def _kept(alike: Matrix, threshold: float) -> Iterator[int]:
    """Rows in order that are like no row that was kept before."""
    nearest = np.full(len(alike), -1.0, np.float32)
    for row in range(len(alike)):
        if nearest[row] < threshold:
            yield row
            np.maximum(nearest, alike[row], out=nearest)


def _by_meaning(texts: Sequence[str], place: Place) -> Matrix:
    embedder = embedders.load("", Tier.STATIC, place.base / "models")
    vectors = embedder.embed(texts).astype(np.float32)
    found: Matrix = vectors @ vectors.T
    return found


def _by_spelling(texts: Sequence[str], _place: Place) -> Matrix:
    words: Any = TfidfVectorizer().fit_transform(texts)
    found: Matrix = (words @ words.T).toarray().astype(np.float32)
    return found


def _by_words(texts: Sequence[str], _place: Place) -> Matrix:
    words: Any = CountVectorizer(token_pattern=r"\S+", binary=True).fit_transform(texts)
    both = (words @ words.T).toarray().astype(np.float32)
    sizes = np.asarray(words.sum(1), np.float32).ravel()
    found: Matrix = both / np.maximum(sizes[:, None] + sizes - both, 1)
    return found


_MEASURES: Mapping[str, Callable[[Sequence[str], Place], Matrix]] = {
    "cosine of static vectors": _by_meaning,
    "cosine of TF-IDF": _by_spelling,
    "Jaccard of words": _by_words,
}
