"""N-grams of words that a sample shares with an item, by the rules that were published."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Self

from pydantic import Field, model_validator

from app.curation.contamination.base import Finding, Hit, Index, Layer, Setting, Text, limited
from app.curation.contamination.grams import Grams, Shared
from app.curation.contamination.words import spans_of, tokens


class Ngram13(Layer):
    """Any 13 words in a row that a sample shares with an item, as GPT-3 and Phi-4 did it; runs that
    are common, such as those of a template, do not count."""

    key: ClassVar = "ngram13"
    title: ClassVar = "13-gram"

    size: int = Field(13, ge=5, le=50, description="Words in a row")
    most_items: int = Field(
        10, ge=1, description="A run of words of more items than these is common"
    )
    most_rows: int = Field(
        4, ge=1, description="So is one of more rows than these among 1,000 of the dataset"
    )
    lettered: int = Field(
        4, ge=0, description="So many of the words are no numbers: lists of numbers do not count"
    )
    allowed: tuple[str, ...] = Field(
        (), max_length=1000, description="Texts whose runs of words are common as well"
    )

    def index(self, items: Sequence[Text], setting: Setting) -> Index:
        """All runs of words of the items that are not common."""
        ignored = [tokens(one) for one in self.allowed]
        ignored += _common(items, setting.background, self.size, self.most_rows)
        words = [item.words for item in items]
        grams = Grams(
            words,
            self.size,
            most_items=self.most_items,
            ignored=ignored,
            lettered=self.lettered,
        )
        return _Any(self, items, grams)


class _Any(Index):
    def __init__(self, layer: Ngram13, items: Sequence[Text], grams: Grams) -> None:
        self._layer, self._items, self._grams = layer, items, grams

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """A hit per text and item; its score is the longest run in words."""
        return [self._hit(texts, pair) for pair in self._grams.shared([one.words for one in texts])]

    def _hit(self, texts: Sequence[Text], pair: Shared) -> Hit:
        size = self._grams.size
        score = float(_longest_run(pair.text_starts) + size - 1)
        spans = _spans(self._items[pair.item], texts[pair.text], pair, size)
        return Hit(pair.item, pair.text, Ngram13.key, Finding.MATCH, score, 1.0, *spans)


class Ngram7(Layer):
    """The share of 7-grams that a sample and the question of an item have in common, of those of
    the shorter one, as Phi-4 measured it. From the lower share on it is a candidate."""

    key: ClassVar = "ngram7"
    title: ClassVar = "7-gram share"

    size: int = Field(7, ge=3, le=50, description="Words in a row")
    partly: float = Field(0.2, gt=0, le=1, description="From this share on it is a candidate")
    contaminated: float = Field(0.5, gt=0, le=1, description="From this share on it is a match")
    fewest: int = Field(6, ge=1, description="The shorter text has so many different ones at least")
    most_items: int = Field(50, ge=1, description="One of more items than these is common")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.partly > self.contaminated:
            raise ValueError("a candidate can't need more than a match: partly > contaminated")
        return self

    def index(self, items: Sequence[Text], setting: Setting) -> Index:  # noqa: ARG002
        """7-grams of the questions."""
        return _Share(self, items)


class _Share(Index):
    def __init__(self, layer: Ngram7, items: Sequence[Text]) -> None:
        self._layer, self._items = layer, items
        asked = [item.asked for item in items]
        self._grams = Grams(asked, layer.size, most_items=layer.most_items)
        self._counts = [_different(words, layer.size) for words in asked]

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """Hits with their shares."""
        layer, hits = self._layer, []
        for pair in self._grams.shared([one.words for one in texts]):
            words = texts[pair.text].words
            least = min(_different(words, layer.size), self._counts[pair.item])
            different = {tuple(words[one : one + layer.size]) for one in set(pair.text_starts)}
            share = len(different) / least
            if least < layer.fewest or share < layer.partly:
                continue
            sure = share >= layer.contaminated
            finding = Finding.MATCH if sure else Finding.CANDIDATE
            spans = _spans(self._items[pair.item], texts[pair.text], pair, layer.size)
            likely = 1.0 if sure else 0.5 + share / 2
            hits.append(Hit(pair.item, pair.text, layer.key, finding, share, likely, *spans))
        return hits


class Overlap8(Layer):
    """Questions more than half of whose words stand in 8-grams that a sample has too, the rule of
    Tülu 3."""

    key: ClassVar = "overlap8"
    title: ClassVar = "8-gram overlap"

    size: int = Field(8, ge=3, le=50, description="Words in a row")
    share: float = Field(0.5, gt=0, le=1, description="More than this share of words is a match")
    most_items: int = Field(50, ge=1, description="One of more items than these is common")

    def index(self, items: Sequence[Text], setting: Setting) -> Index:  # noqa: ARG002
        """8-grams of the questions."""
        return _Covered(self, items)


class _Covered(Index):
    def __init__(self, layer: Overlap8, items: Sequence[Text]) -> None:
        self._layer, self._items = layer, items
        asked = [item.asked for item in items]
        self._grams = Grams(asked, layer.size, most_items=layer.most_items)

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """Hits with the share of words that are covered."""
        layer, hits = self._layer, []
        for pair in self._grams.shared([one.words for one in texts]):
            starts = set(pair.item_starts)
            covered = {at for start in starts for at in range(start, start + layer.size)}
            share = len(covered) / len(self._items[pair.item].asked)
            if share > layer.share:
                spans = _spans(self._items[pair.item], texts[pair.text], pair, layer.size)
                hits.append(Hit(pair.item, pair.text, layer.key, Finding.MATCH, share, 1.0, *spans))
        return hits


def _common(
    items: Sequence[Text], background: Sequence[Text], size: int, most_rows: int
) -> list[list[str]]:
    """Runs of items that many rows of the dataset have, so that they tell nothing."""
    grams = Grams([item.words for item in items], size, most_items=2**31)
    where: dict[tuple[str, ...], tuple[set[int], set[int]]] = {}
    for pair in grams.shared([row.words for row in background]):
        words = background[pair.text].words
        for start in pair.text_starts:
            rows, owners = where.setdefault(tuple(words[start : start + size]), (set(), set()))
            rows.add(pair.text)
            owners.add(pair.item)
    # What many rows share with one item alone may be that item, leaked many times.
    return [
        list(run)
        for run, (rows, owners) in where.items()
        if len(rows) > most_rows and len(owners) > 1
    ]


def _different(words: Sequence[str], size: int) -> int:
    return len({tuple(words[at : at + size]) for at in range(len(words) - size + 1)})


def _longest_run(starts: Sequence[int]) -> int:
    longest = run = 1
    for before, after in pairwise(sorted(set(starts))):
        run = run + 1 if after == before + 1 else 1
        longest = max(longest, run)
    return longest


def _spans(
    item: Text, text: Text, pair: Shared, size: int
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    return (
        limited(spans_of(item.full, pair.item_starts, size)),
        limited(spans_of(text.full, pair.text_starts, size)),
    )
