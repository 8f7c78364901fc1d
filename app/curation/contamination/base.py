"""What a layer of decontamination is: it finds benchmark items in samples, with the evidence."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from app.curation.contamination.views import View, views
from app.curation.contamination.words import tokens
from app.curation.methods import Method
from app.curation.ports import Embedder
from app.curation.records import Record
from app.curation.text.parts import full_text, prompt_text

Spans = tuple[tuple[int, int], ...]
_MOST_SPANS = 20


class Finding(StrEnum):
    """How sure a hit is: the item is there, somebody has to look, or it is but the nearest row."""

    MATCH = "match"
    CANDIDATE = "candidate"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Hit:
    """An item (by its place in the index) found in a text (by its place in the batch).

    `score` is what the layer measures, `likely` how probable it is, 0 to 1, so that layers
    compare; spans are ranges of characters in the whole text of either.
    """

    item: int
    sample: int
    layer: str
    finding: Finding
    score: float
    likely: float
    item_spans: Spans = ()
    sample_spans: Spans = ()


class Text:
    """A sample or an item as layers read it: all of it, and its question, which opens it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.full = full_text(record.kind, record.body)
        asked = prompt_text(record.kind, record.body)
        self.prompt = asked if asked and self.full.startswith(asked) else self.full

    @cached_property
    def words(self) -> list[str]:
        """Normalised words of all of it."""
        return tokens(self.full)

    @cached_property
    def asked(self) -> list[str]:
        """Those of the question, with which `words` begins."""
        return tokens(self.prompt)

    @cached_property
    def views(self) -> Mapping[View, str]:
        """What of it is compared by meaning."""
        return views(self.record)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an index may be given beside the items.

    `background` are rows drawn from the dataset: they tell how near rows are that have nothing to
    do with an item; `rows` is how many the dataset has. `embedder` is there for layers that say
    they need one.
    """

    background: Sequence[Text] = ()
    embedder: Embedder | None = None
    rows: int = 0


class Index(ABC):
    """Items, ready to be looked for."""

    @abstractmethod
    def find(self, texts: Sequence[Text]) -> list[Hit]:
        """All hits in these texts."""


class Layer(Method):
    """One way to find benchmark items in training data."""

    tier: ClassVar[str | None] = None  # of the embedder that it needs

    @abstractmethod
    def index(self, items: Sequence[Text], setting: Setting) -> Index:
        """Make the items ready."""


def limited(ranges: Sequence[tuple[int, int]]) -> Spans:
    """The first of the ranges: enough to see what was found."""
    return tuple((int(start), int(end)) for start, end in ranges[:_MOST_SPANS])
