"""Programs whose syntax is that of an item's solution, whatever their names."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.curation.contamination.base import Finding, Hit, Index, Layer, Setting, Spans, Text
from app.curation.contamination.trees import bounds, sequences, similarity
from app.curation.contamination.views import program
from app.curation.text.parts import response_text

_KINDS = 128  # nodes are counted by their number modulo this


class Syntax(Layer):
    """Python programs compared by their syntax trees, without docstrings and comments and with all
    names of their own taken away: renamed copies are alike to the last node. Phi-1 removed what was
    alike to 95 %."""

    key: ClassVar = "ast"
    title: ClassVar = "Syntax trees"

    strict: float = Field(0.95, gt=0, le=1, description="From this similarity on it is a match")
    broad: float = Field(0.8, gt=0, le=1, description="From this similarity on it is a candidate")
    fewest: int = Field(
        10, ge=4, le=500, description="Programs of fewer nodes are like too many others"
    )
    surest: int = Field(
        24, ge=4, le=500, description="Shorter ones are candidates, unless they are equal"
    )

    def index(self, items: Sequence[Text], setting: Setting) -> Index:  # noqa: ARG002
        """The solutions of the items as sequences of nodes."""
        return _Trees(self, items)


class _Trees(Index):
    def __init__(self, layer: Syntax, items: Sequence[Text]) -> None:
        self._layer, self._items = layer, items
        self._numbers: dict[str, int] = {}
        self._owners: list[int] = []
        self._programs: list[NDArray[np.int64]] = []
        for place, item in enumerate(items):
            for nodes in self._of(item)[:1]:
                self._owners.append(place)
                self._programs.append(nodes)
        self._lengths = np.array([len(one) for one in self._programs], np.int64)
        self._counts = np.array([_counted(one) for one in self._programs], np.int32)

    def _of(self, text: Text) -> list[NDArray[np.int64]]:
        """Sequences of a text that are long enough, in numbers."""
        tree = program(text.record)
        found = sequences(tree) if tree is not None else []
        number = self._numbers
        return [
            np.array([number.setdefault(node, len(number)) for node in nodes], np.int64)
            for nodes in found
            if len(nodes) >= self._layer.fewest
        ]

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """Hits with the similarity of the nearest pair of programs."""
        if not self._programs:
            return []
        hits = []
        for place, text in enumerate(texts):
            best: dict[int, float] = {}
            for nodes in self._of(text):
                most = bounds(self._counts, self._lengths, _counted(nodes), len(nodes))
                for at in np.flatnonzero(most >= self._layer.broad).tolist():
                    owner, alike = self._owners[at], similarity(self._programs[at], nodes)
                    best[owner] = max(best.get(owner, 0.0), alike)
            hits += [
                self._hit(item, place, alike, text)
                for item, alike in best.items()
                if alike >= self._layer.broad
            ]
        return hits

    def _hit(self, item: int, sample: int, alike: float, text: Text) -> Hit:
        layer = self._layer
        length = self._lengths[self._owners.index(item)]
        sure = alike >= layer.strict and (length >= layer.surest or alike == 1)
        finding = Finding.MATCH if sure else Finding.CANDIDATE
        likely = 1.0 if sure else min(alike, 0.99)
        spans = (_where(self._items[item]), _where(text))
        return Hit(item, sample, layer.key, finding, alike, likely, *spans)


def _counted(nodes: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.bincount(nodes % _KINDS, minlength=_KINDS).astype(np.int32)


def _where(text: Text) -> Spans:
    """The answer, in which the program stands."""
    answer = response_text(text.record.kind, text.record.body)
    start = text.full.rfind(answer) if answer else 0
    return ((max(start, 0), len(text.full)),)
