"""Programs whose syntax is that of an item's solution, whatever their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from app.curation.contamination.base import Finding, Hit, Index, Layer, Setting, Spans, Text
from app.curation.contamination.places import spans
from app.curation.contamination.trees import bounds, nameless, numbered, parts, similarity
from app.curation.contamination.views import sourced
from app.curation.text.parts import response_text

_KINDS = 128  # nodes are counted by their number modulo this


class Syntax(Layer):
    """Python programs compared by their syntax trees, without docstrings and comments and with all
    names of their own taken away: renamed copies are alike to the last node. Phi-1 removed what was
    alike to 95 %. A match uses its names in the same places, too."""

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

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.broad > self.strict:
            raise ValueError("a candidate can't need more than a match: broad > strict")
        return self

    def index(self, items: Sequence[Text], setting: Setting) -> Index:  # noqa: ARG002
        """The solutions of the items as sequences of nodes."""
        return _Trees(self, items)


@dataclass(frozen=True, slots=True)
class _Program:
    """Nodes as numbers: without own names, and with these in the order of their appearance.

    `spans` are the places of its statements in the text.
    """

    nameless: NDArray[np.int64]
    numbered: NDArray[np.int64]
    spans: Spans


class _Trees(Index):
    def __init__(self, layer: Syntax, items: Sequence[Text]) -> None:
        self._layer = layer
        self._numbers: dict[str, int] = {}
        found = [(place, one) for place, item in enumerate(items) for one in self._of(item)[:1]]
        self._owners = [place for place, _ in found]
        self._programs = [one for _, one in found]
        self._lengths = np.array([len(one.nameless) for one in self._programs], np.int64)
        self._counts = np.array([_counted(one.nameless) for one in self._programs], np.int32)

    def _of(self, text: Text) -> list[_Program]:
        """Programs of a text that are long enough."""
        found = sourced(text.record)
        if found is None:
            return []
        tree, source = found
        return [
            _Program(
                self._in_numbers(nameless(nodes)),
                self._in_numbers(numbered(nodes)),
                spans(text.full, source, statements) or _answer(text),
            )
            for nodes, statements in parts(tree)
            if len(nodes) >= self._layer.fewest
        ]

    def _in_numbers(self, nodes: Sequence[str]) -> NDArray[np.int64]:
        number = self._numbers
        return np.array([number.setdefault(node, len(number)) for node in nodes], np.int64)

    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """Hits with the similarity of the nearest pair of programs."""
        if not self._programs:
            return []
        hits = []
        for place, text in enumerate(texts):
            best: dict[int, tuple[float, bool, Spans]] = {}
            for one in self._of(text):
                length, counted = len(one.nameless), _counted(one.nameless)
                most = bounds(self._counts, self._lengths, counted, length)
                for at in np.flatnonzero(most >= self._layer.broad).tolist():
                    found = self._compared(self._programs[at], one)
                    if at not in best or found > best[at][:2]:
                        best[at] = (*found, one.spans)
            hits += [
                self._hit(at, place, alike, where, sure=sure)
                for at, (alike, sure, where) in best.items()
                if alike >= self._layer.broad
            ]
        return hits

    def _compared(self, item: _Program, one: _Program) -> tuple[float, bool]:
        """How alike two programs are, and whether they use their names alike, too."""
        layer, alike = self._layer, similarity(item.nameless, one.nameless)
        if alike < layer.strict:
            return alike, False
        named = similarity(item.numbered, one.numbered)
        enough = layer.strict if len(item.nameless) >= layer.surest else 1
        return alike, named >= enough

    def _hit(self, at: int, sample: int, alike: float, where: Spans, *, sure: bool) -> Hit:
        item = self._owners[at]
        finding = Finding.MATCH if sure else Finding.CANDIDATE
        likely = 1.0 if sure else min(alike, 0.99)
        both = (self._programs[at].spans, where)
        return Hit(item, sample, self._layer.key, finding, alike, likely, *both)


def _counted(nodes: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.bincount(nodes % _KINDS, minlength=_KINDS).astype(np.int32)


def _answer(text: Text) -> Spans:
    """The answer, in which a program stands that was put together of several parts."""
    answer = response_text(text.record.kind, text.record.body)
    start = text.full.rfind(answer) if answer else 0
    return ((max(start, 0), len(text.full)),)
