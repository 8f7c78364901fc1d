"""Answers that decline to answer."""

import re
from typing import ClassVar

import numpy as np

from app.curation.records import Kind
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch

# Phrases that Vicuna's and WizardLM-Uncensored's cleaning scripts and the AlpaGasus authors look
# for, in own selection; apostrophes may be typographic.
_START = re.compile(
    r"\W*(?:(?:i(?:['\u2019]m| am) )?(?:so |very |really )?sorry\b,? ?(?:but|,|i\b)"
    r"|(?:unfortunately|i apologi[sz]e|my apologies),? ?(?:but )?,? ?(?:i|as an)\b"
    r"|i (?:can(?:['\u2019]?t|not)|could not|couldn['\u2019]t|won['\u2019]t|will not) "
    r"(?:assist|help|provide|comply|fulfil|answer|do that|support|engage|create|generate|write)"
    r"|i(?:['\u2019]m| am) (?:unable|not able|not programmed|not comfortable)\b)",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model|ai language model)\b"
    r"|\bi(?:['\u2019]m| am) (?:just |only )?an? (?:ai|(?:large )?language model)\b"
    r"|\b(?:goes|is) against my (?:programming|guidelines|content policy)\b"
    r"|\bi (?:do not|don['\u2019]t) have (?:personal (?:opinions|beliefs|feelings|experiences)|"
    r"access to (?:real-time|the internet))\b",
    re.IGNORECASE,
)
_HINTS = ("as a", "i'm ", "i\u2019m ", "i am ", "against my", "i do not", "i don")


class Refusal(Signal):
    """Does the answer decline, or talk about being a model?

    English phrases only: at the start of the answer ("I'm sorry, but I"), or anywhere in it
    ("as an AI language model"). Plain text has no answer and gets no value.
    """

    key: ClassVar = "refusal"
    title: ClassVar = "Refusal"
    measures: ClassVar = (
        Measure("refusal", "Refusal", "1 if the answer declines, else 0. English only."),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 1), np.nan, np.float32)
        notes = {}
        for row, (record, response) in enumerate(zip(batch, batch.responses, strict=True)):
            if record.kind is Kind.TEXT or not response:
                continue
            phrase = _phrase(response)
            values[row, 0] = phrase is not None
            if phrase is not None:
                notes[row] = Note(f"The answer says “{phrase}”.")
        return Scores(values, notes=notes)


def _phrase(response: str) -> str | None:
    found = _START.match(response)
    return found[0].strip() if found else talks_as_model(response)


def talks_as_model(response: str) -> str | None:
    """The words by which an answer says that a model wrote it."""
    lower = response.lower()
    if not any(hint in lower for hint in _HINTS):
        return None
    found = _ANYWHERE.search(response)
    return found[0].strip() if found else None
