"""Which language a text is written in."""

import unicodedata
from functools import cache
from typing import ClassVar

import numpy as np
from lingua import LanguageDetector, LanguageDetectorBuilder
from pydantic import Field

from app.curation.signals.base import Batch, Measure, Scores, Signal


class LanguageOf(Signal):
    """Which language is the text written in?

    The label is the ISO 639-1 code of one of the 75 languages of lingua (Stahl, Apache-2.0), found
    from three-letter sequences. Only the start of the text is looked at.
    """

    key: ClassVar = "language"
    title: ClassVar = "Language"
    measures: ClassVar = (
        Measure(
            "language_confidence",
            "Certainty of the language",
            "How sure the language is, 0 to 1; no value for text without letters.",
        ),
    )

    max_chars: int = Field(
        300, ge=20, le=10_000, description="Look at so many characters from the start."
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 1), np.nan, np.float32)
        labels: list[str | None] = [None] * len(batch)
        for row, text in enumerate(batch.texts):
            label, values[row, 0] = self._detect(text)
            labels[row] = label
        return Scores(values, labels=labels)

    def _detect(self, text: str) -> tuple[str | None, float]:
        # Composed letters, as the language models were trained on: decomposed Vietnamese is
        # otherwise taken for Tsonga. Surrogates cannot cross into the native library.
        start = text.lstrip()[: self.max_chars].encode("utf-8", "ignore").decode()
        start = unicodedata.normalize("NFC", start)
        if not any(char.isalpha() for char in start):
            return None, float("nan")
        best = _detector().compute_language_confidence_values(start)[0]
        if not best.value:
            return None, 0.0
        return best.language.iso_code_639_1.name.lower(), best.value


@cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()
