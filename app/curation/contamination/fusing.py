"""All layers over a batch: hits per item and text, and of what is merely near the best few."""

from collections.abc import Mapping, Sequence

from app.curation.contamination.base import Finding, Hit, Index, Layer, Setting, Text


class Search:
    """Items indexed by every layer that was asked for."""

    def __init__(
        self, layers: Sequence[Layer], items: Sequence[Text], settings: Mapping[str, Setting]
    ) -> None:
        self._indexes: list[tuple[Layer, Index]] = [
            (layer, layer.index(items, settings[layer.key])) for layer in layers
        ]

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """The hits of all layers."""
        return [hit for _, index in self._indexes for hit in index.find(texts)]


def ranked(hits: Sequence[Hit], most: int) -> list[Hit]:
    """All matches, and of each item the candidates that are likeliest by any layer.

    Layers fuse by the maximum: one finds what another is blind to, so their mean would drown it.
    """
    likely: dict[tuple[int, int], float] = {}
    sure: set[tuple[int, int]] = set()
    for hit in hits:
        key = (hit.item, hit.sample)
        likely[key] = max(likely.get(key, 0.0), hit.likely)
        if hit.finding is Finding.MATCH:
            sure.add(key)
    kept, count = set(sure), dict[int, int]()
    for item, sample in sorted(likely, key=lambda one: (-likely[one], one)):
        if (item, sample) not in sure and count.get(item, 0) < most:
            count[item] = count.get(item, 0) + 1
            kept.add((item, sample))
    return [hit for hit in hits if (hit.item, hit.sample) in kept]
