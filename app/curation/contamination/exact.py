"""Items that stand in a sample word for word."""

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from app.curation.contamination.base import Finding, Hit, Index, Layer, Setting, Text, limited
from app.curation.contamination.grams import Grams
from app.curation.contamination.words import spans_of

_EVERY = 2**31


class Exact(Layer):
    """Questions that are the same but for case, punctuation and spaces, or, where they have too few
    words for n-grams, stand within a sample as a whole."""

    key: ClassVar = "exact"
    title: ClassVar = "Exact"

    longest: int = Field(
        12, ge=1, le=50, description="Items of so many words at most are found within a sample"
    )
    shortest: int = Field(
        6, ge=1, le=50, description="Items of fewer words are found only as a whole question"
    )

    def index(self, items: Sequence[Text], setting: Setting) -> Index:  # noqa: ARG002
        """Questions by their words, short ones by their length too."""
        return _Exact(self, items)


class _Exact(Index):
    def __init__(self, layer: Exact, items: Sequence[Text]) -> None:
        self._items = items
        self._whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
        by_length: dict[int, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            if item.asked:
                self._whole[tuple(item.asked)].append(place)
            if layer.shortest <= len(item.asked) <= layer.longest:
                by_length[len(item.asked)].append(place)
        self._within = [
            (places, Grams([items[one].asked for one in places], length, most_items=_EVERY))
            for length, places in sorted(by_length.items())
        ]

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """Equal questions first, then questions within."""
        found: dict[tuple[int, int], Hit] = {}
        for number, text in enumerate(texts):
            for words, shown in ((text.asked, text.prompt), (text.words, text.full)):
                for item in self._whole.get(tuple(words), ()):
                    hit = self._hit(item, number, ((0, len(shown)),))
                    found.setdefault((item, number), hit)
        every = [one.words for one in texts]
        for places, grams in self._within:
            for pair in grams.shared(every):
                item = places[pair.item]
                ranges = spans_of(texts[pair.text].full, pair.text_starts, grams.size)
                hit = self._hit(item, pair.text, limited(ranges))
                found.setdefault((item, pair.text), hit)
        return list(found.values())

    def _hit(self, item: int, sample: int, spans: Sequence[tuple[int, int]]) -> Hit:
        whole = ((0, len(self._items[item].prompt)),)
        return Hit(item, sample, Exact.key, Finding.MATCH, 1.0, 1.0, whole, tuple(spans))
