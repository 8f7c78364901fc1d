"""Answers that decline to answer."""

import re
from typing import ClassVar

import numpy as np

from app.curation.records import Kind
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch

# Phrases that Vicuna's and WizardLM-Uncensored's cleaning scripts and the AlpaGasus authors look
# for, in own selection; apostrophes may be typographic.
_NOT = r"can(?:['\u2019]?t|not)"
_START = re.compile(
    r"\W*(?:(?:oh|well|no|hmm?|uh)\W{1,4})?(?:"
    r"(?:i(?:['\u2019]m| am) )?(?:so |very |really )?(?:sorry|afraid)\b,? ?(?:but )?,? ?"
    r"(?:i\b|that\b|this\b)"
    r"|(?:unfortunately|i apologi[sz]e|my apologies),? ?(?:but )?,? ?(?:i|as an)\b"
    r"|i(?:['\u2019]m| am) (?:unable|not able|not programmed|not comfortable|not allowed)\b"
    rf"|(?:that )?i {_NOT} (?:provide|do that)\b)",
    re.IGNORECASE,
)
# Behind a "sorry": asks what was meant, feels with somebody, excuses what was done.
_NO_REFUSAL = re.compile(
    r"[^.!?]{0,40}\b(?:understand|follow|mean|hear|what|should have|late|delay|feel|"
    r"you(?:['\u2019]re| are)|happened|asking|did you|let you|wait)\b",
    re.IGNORECASE,
)
# Further on in the beginning of an answer.
_DECLINES = re.compile(
    rf"\bi (?:really |simply )?(?:{_NOT}|could not|couldn['\u2019]t|won['\u2019]t|will not|"
    r"don['\u2019]t think (?:that )?i can|would not be able to)(?: really)? (?:assist|help(?! but)|"
    r"provide|comply|fulfil|answer|do (?:that|this)|support|engage|create|generate|write|tell you|"
    r"give you|offer (?:you )?any|advise|speak to|recommend|encourage|think of anything)\b"
    r"|\bi don['\u2019]t (?:know|think i know) how to\b|\bi don['\u2019]t think i can\b"
    r"|\bi(?:['\u2019]m| am) not (?:sure (?:that )?(?:i can|i have enough)|"
    r"an? (?:doctor|lawyer|moral|health|expert)|able to (?:answer|help|provide|give|do))"
    r"|\b(?:is|are) (?:really )?(?:outside|beyond) my\b|\bthat(?:['\u2019]s| is) out of bounds\b"
    r"|\bnone of my business\b|\bmy programming won['\u2019]t\b"
    r"|\bdon['\u2019]t have (?:access to (?:that|this)|enough information)\b",
    re.IGNORECASE,
)
_BEGINNING = 200  # characters in which an answer declines, if it does
_ANYWHERE = re.compile(
    r"\bas an? (?:ai(?!-)|artificial intelligence|(?:large )?language model|ai language model)\b"
    r"|\bi(?:['\u2019]m| am) (?:just |only )?an? (?:ai|(?:large )?language model)\b"
    r"|\b(?:goes|is) against my (?:programming|guidelines|content policy)\b"
    r"|\bi (?:do not|don['\u2019]t) have (?:personal (?:opinions|beliefs|feelings|experiences)|"
    r"access to (?:real-time|the internet))\b",
    re.IGNORECASE,
)
_HINTS = ("as a", "i'm ", "i\u2019m ", "i am ", "against my", "i do not", "i don")


class Refusal(Signal):
    """Does the answer decline, or talk about being a model?

    English phrases only: where the answer begins ("I'm sorry, but I", "I can't help"), or anywhere
    in it ("as an AI language model"). Who is sorry for not understanding, or with somebody, does
    not refuse. Plain text has no answer and gets no value.
    """

    key: ClassVar = "refusal"
    title: ClassVar = "Refusal"
    version: ClassVar = 2
    measures: ClassVar = (
        Measure("refusal", "Refusal", "1 if the answer declines, else 0. English only."),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 1), np.nan, np.float32)
        notes = {}
        for row, (record, response) in enumerate(zip(batch, batch.responses, strict=True)):
            if record.kind is Kind.TEXT or not response:
                continue
            phrase = refusal_in(response)
            values[row, 0] = phrase is not None
            if phrase is not None:
                notes[row] = Note(f"The answer says “{phrase}”.")
        return Scores(values, notes=notes)


def refusal_in(response: str) -> str | None:
    """The words by which an answer declines, or says that a model wrote it."""
    found = _START.match(response)
    if found is not None and _NO_REFUSAL.match(response, found.end()):
        found = None
    found = found or _DECLINES.search(response, 0, _BEGINNING)
    return found[0].strip() if found else talks_as_model(response)


def talks_as_model(response: str) -> str | None:
    """The words by which an answer says that a model wrote it."""
    lower = response.lower()
    if not any(hint in lower for hint in _HINTS):
        return None
    found = _ANYWHERE.search(response)
    return found[0].strip() if found else None
