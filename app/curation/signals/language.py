"""Which language a text is written in."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import ClassVar

import numpy as np
from lingua import LanguageDetector, LanguageDetectorBuilder
from pydantic import Field

from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.small_words import SMALL_WORDS

# First word of the Unicode names of a script that lingua does not know, and its main language.
_SCRIPTS: Mapping[str, str] = {
    "ETHIOPIC": "am",
    "KANNADA": "kn",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "ORIYA": "or",
    "SINHALA": "si",
    "THAANA": "dv",
    "TIBETAN": "bo",
}

_MAX_CHARS = 300
_LIKELY, _LEAST = 5, 0.0005
_SHORT = 160  # characters; longer texts are told apart without
_MOST_HITS, _PER_WORD = 6, 4.0


class LanguageOf(Signal):
    """Which language is the text written in?

    The label is an ISO 639-1 code: one of the 75 languages of lingua (Stahl, Apache-2.0), found
    from three-letter sequences, or the language of a script that only one large language uses
    (Amharic, Khmer and others). Only the start of the text is looked at. Least sure between close
    relatives: Malay and Indonesian, and Serbian in Latin letters, which is taken for Croatian.
    """

    key: ClassVar = "language"
    title: ClassVar = "Language"
    version: ClassVar = 2
    measures: ClassVar = (
        Measure(
            "language_confidence",
            "Certainty of the language",
            "How sure the language is, 0 to 1; no value for text without letters.",
        ),
    )

    max_chars: int = Field(
        _MAX_CHARS, ge=20, le=10_000, description="Look at so many characters from the start."
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 1), np.nan, np.float32)
        labels: list[str | None] = [None] * len(batch)
        for row, text in enumerate(batch.texts):
            label, values[row, 0] = language_of(text, self.max_chars)
            labels[row] = label
        return Scores(values, labels=labels)


def language_of(text: str, max_chars: int = _MAX_CHARS) -> tuple[str | None, float]:
    """The code of the language and how sure it is, from the start of the text."""
    # Composed letters, as the language models were trained on: decomposed Vietnamese is
    # otherwise taken for Tsonga. Surrogates cannot cross into the native library.
    start = text.lstrip()[:max_chars].encode("utf-8", "ignore").decode()
    start = unicodedata.normalize("NFC", start)
    if not any(char.isalpha() for char in start):
        return None, float("nan")
    found = _detector().compute_language_confidence_values(start)
    if not found[0].value:
        return _by_script(start)
    likely = {
        one.language.iso_code_639_1.name.lower(): one.value
        for one in found[:_LIKELY]
        if one.value > _LEAST
    }
    if len(start) < _SHORT:
        likely = _weighed(likely, start)
    best = max(likely, key=lambda code: likely[code])
    return best, likely[best]


def _weighed(likely: Mapping[str, float], text: str) -> dict[str, float]:
    """Certainties with a say for the small words: three letters tell close relatives badly apart.

    Nine words of Spanish were taken for Portuguese or Latin in 5 of 100 cases.
    """
    words = [word.strip(",.;:!?") for word in text.lower().split()]
    hits = {
        code: min(sum(word in SMALL_WORDS[code] for word in words), _MOST_HITS)
        for code in likely
        if code in SMALL_WORDS
    }
    scaled = {code: value * _PER_WORD ** hits.get(code, 0) for code, value in likely.items()}
    total = sum(scaled.values())
    return {code: value / total for code, value in scaled.items()}


def _by_script(text: str) -> tuple[str | None, float]:
    """The language whose script most letters belong to, and their share."""
    letters = [char for char in text if char.isalpha()]
    scripts = Counter(unicodedata.name(char, "?").partition(" ")[0] for char in letters)
    script, count = scripts.most_common(1)[0]
    code = _SCRIPTS.get(script)
    return (code, count / len(letters)) if code else (None, 0.0)


@cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()
