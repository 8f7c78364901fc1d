"""Records with what signals read of them."""

from collections.abc import Sequence
from functools import cached_property
from typing import overload

from app.curation.records import Record
from app.curation.text.corpus import Corpus, Spans, lines, split_lines
from app.curation.text.parts import full_text, prompt_text, response_text
from app.curation.text.tokens import Tokens, tokenize


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
