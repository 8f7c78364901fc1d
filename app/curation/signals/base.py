"""What a signal is: measures a batch of records and returns one row of numbers per record."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from app.curation.methods import Method
from app.curation.records import Record
from app.curation.text.corpus import Corpus, Spans, lines, split_lines
from app.curation.text.parts import full_text, prompt_text, response_text
from app.curation.text.tokens import Tokens, tokenize


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that a signal stores: its name in filters, and what it means."""

    name: str
    title: str
    help: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Why a record got its value: a sentence, and places as (start, end) in its full text."""

    text: str = ""
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """Values of a batch: float32, shape (records, measures), NaN where nothing can be measured.

    `labels` holds a word per record where the signal names something (a language); `notes` are
    by row.
    """

    values: NDArray[np.float32]
    labels: Sequence[str | None] | None = None
    notes: Mapping[int, Note] = field(default_factory=dict)


class Batch(Sequence[Record]):
    """Records with what several signals need of them, computed once and shared."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._records[index]

    @cached_property
    def texts(self) -> list[str]:
        """The full text of each record."""
        return [full_text(record.kind, record.body) for record in self._records]

    @cached_property
    def prompts(self) -> list[str]:
        """What each record asks."""
        return [prompt_text(record.kind, record.body) for record in self._records]

    @cached_property
    def responses(self) -> list[str]:
        """What each record answers."""
        return [response_text(record.kind, record.body) for record in self._records]

    @cached_property
    def corpus(self) -> Corpus:
        """The full texts as one array of code points."""
        return Corpus.of(self.texts)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of the full texts."""
        return tokenize(self.corpus)

    @cached_property
    def lines(self) -> Spans:
        """The lines of the full texts, split at line feeds."""
        return lines(self.corpus)

    @cached_property
    def split_lines(self) -> Spans:
        """The lines of the full texts, split at any line end."""
        return split_lines(self.corpus)


class Signal(Method):
    """Measures records. Raw values are stored; rules and profiles judge them later."""

    measures: ClassVar[tuple[Measure, ...]]

    @abstractmethod
    def score(self, batch: Batch) -> Scores:
        """Give one row of values per record, in order; change nothing, raise for no text."""
