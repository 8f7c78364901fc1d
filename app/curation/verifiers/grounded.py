"""Whether what an answer says stands in its source."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from app.curation.ports import Embedder
from app.curation.records import Record
from app.curation.text.claims import Names, contradicts
from app.curation.text.sentences import sentences
from app.curation.text.stems import WORD, share, stems
from app.curation.verifiers.base import (
    FieldName,
    Needs,
    Tools,
    Verdict,
    Verifier,
    lacks,
    text_of,
)

_SOURCES = ("metadata.context", "body.input", "metadata.source_text", "metadata.document")


class Grounded(Verifier):
    """Does every sentence of the answer stand in the source?

    By words: the share of a sentence's words that some stretch of two sentences of the source has,
    each to its first five letters; and every number and name of it must be in the source, and it
    must not deny what the sentence closest to it says, nor say what that denies. By embedding: the
    largest cosine with a sentence of the source, beside the numbers; it sees no `not`. A paraphrase
    needs the embedding. The reason names the first sentence that has no support.
    """

    key: ClassVar = "grounded"
    title: ClassVar = "Stands in its source"
    needs: ClassVar[Needs] = "embedder"

    answer: FieldName = Field("response", description="Field with the answer")
    source: FieldName = Field(
        "", description="Field with the source; empty: metadata.context, or the input"
    )
    by: Literal["words", "embedding"] = Field("words", description="How support is measured")
    support: float = Field(
        0.6, ge=0, le=1, description="Support that each sentence needs: share of words, or cosine"
    )

    def verify(self, record: Record, tools: Tools) -> Verdict:
        source, answer = text_of(record, self.source, *_SOURCES), text_of(record, self.answer)
        if not source:
            return lacks("source", *([self.source] if self.source else _SOURCES))
        said = sentences(answer)
        if not said:
            return Verdict(None, "The answer has no sentence.")
        read = sentences(source) or [source]
        by_words = self.by == "words" or tools.embedder is None
        if found := _missing(said, source, by_words):
            return Verdict(False, found)
        support = self._support(said, read, tools.embedder)
        weakest = int(np.argmin(support))
        level = f"{support[weakest]:.2f} of {self.support:g}"
        if support[weakest] < self.support:
            return Verdict(
                False, f"Sentence {weakest + 1} lacks support ({level}): {said[weakest]}"
            )
        if by_words and (found := _contradiction(said, read)):
            return Verdict(False, found)
        if len(said) == 1:
            return Verdict(True, f"Its sentence has support, {level}.")
        return Verdict(True, f"All {len(said)} sentences have support, the weakest {level}.")

    def _support(
        self, said: Sequence[str], read: Sequence[str], embedder: Embedder | None
    ) -> Sequence[float]:
        if self.by == "embedding" and embedder is not None:
            cosines = embedder.embed(said) @ embedder.embed(read).T
            found: list[float] = cosines.max(axis=1).tolist()
            return found
        stretches = [stems(" ".join(read[place : place + 2])) for place in range(len(read))]
        return [share(stems(one), stretches) for one in said]


def _missing(said: Sequence[str], source: str, by_words: bool) -> str:
    """What the source has not: the first number, or name where words are compared."""
    numbers, names = set(_numbers(source)), Names(source)
    for place, one in enumerate(said, start=1):
        missing = next((n for n in _numbers(one) if n not in numbers), "")
        if not missing and by_words:
            missing = names.new(one)
        if missing:
            return f"Sentence {place}: {missing} is not in the source: {one}"
    return ""


def _contradiction(said: Sequence[str], read: Sequence[str]) -> str:
    """The first sentence that contradicts all those of the source that are closest to it."""
    known = [(one, stems(one)) for one in read]
    for place, one in enumerate(said, start=1):
        words = stems(one)
        shared = [len(words & its) for _, its in known]
        closest = [
            text for (text, _), count in zip(known, shared, strict=True) if count == max(shared)
        ]
        found = [contradicts(one, text) for text in closest]
        if all(found):
            return f"Sentence {place} {found[0]}: {one}"
    return ""


def _numbers(text: str) -> list[str]:
    return [one.replace(",", "") for one in WORD.findall(text) if one[0].isdigit()]
