"""Facts that are true for a day, and reasoning that lasts."""

import math
import re
from typing import ClassVar

import numpy as np

from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch

_WORD = re.compile(r"[^\W\d_]+")
_MONTHS = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
)
# Words that tie a sentence to the day it was written.
_TODAY = _MONTHS | frozenset(
    [
        "yesterday",
        "today",
        "tonight",
        "tomorrow",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "weekend",
        "breaking",
        "announced",
        "reported",
        "officials",
        "spokesman",
        "spokeswoman",
    ]
)
_SCORED = frozenset(
    [
        "beat",
        "beats",
        "defeat",
        "defeated",
        "defeats",
        "edged",
        "thrashed",
        "routed",
        "scored",
        "goals",
        "innings",
        "wickets",
        "touchdown",
        "touchdowns",
        "quarterfinal",
        "quarterfinals",
        "semifinal",
        "semifinals",
        "percent",
        "degrees",
        "shares",
        "stock",
        "stocks",
        "nasdaq",
        "ftse",
        "forecast",
        "temperature",
        "rainfall",
        "mph",
        "merger",
    ]
)
_REASON = frozenset(
    [
        "because",
        "therefore",
        "thus",
        "hence",
        "since",
        "consequently",
        "if",
        "then",
        "suppose",
        "assume",
        "let",
        "implies",
        "follows",
        "whereas",
        "unless",
        "example",
        "instance",
        "first",
        "second",
        "next",
        "finally",
        "step",
        "note",
        "means",
        "define",
        "defined",
        "definition",
        "called",
        "theorem",
        "proof",
        "prove",
        "derive",
        "equation",
        "formula",
        "function",
        "algorithm",
        "why",
        "how",
        "reason",
        "cause",
        "causes",
        "caused",
        "effect",
        "results",
        "resulting",
        "leads",
        "lead",
        "depends",
        "depend",
        "compare",
        "compared",
        "explains",
        "explain",
        "explained",
        "understand",
        "consider",
        "calculate",
        "compute",
        "solve",
        "multiply",
        "divide",
        "subtract",
        "so",
        "each",
        "total",
    ]
)
_MONTH_NAMES = "|".join(sorted(_MONTHS))
_DATED = re.compile(
    rf"\b(?:{_MONTH_NAMES})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b|\b\d{{4}}-\d{{2}}-\d{{2}}\b"
    r"|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b|\b(?:19|20)\d{2}\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"\b\d{1,3}\s?[-–:]\s?\d{1,3}\b(?!\s*[-–:/.]\s*\d)|[$€£¥]\s?\d[\d,.]*"
    r"|\b\d[\d,.]*\s?(?:%|percent|million|billion|degrees)",
    re.IGNORECASE,
)
# Capitalised words in a row, not at the start of a sentence: a name.
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
_EQUATION = re.compile(r"[\w)\]]\s*(?:=|≤|≥|\\le|\\ge)\s*[\w(\[\\-]|\$[^$\n]{1,80}\$")
_DIGIT = re.compile(r"\d")
# Weights of the logistic sum, per 100 words: set by hand on news, reasoning and encyclopedic texts.
_NAMES, _TIME, _SCORES, _REASONING, _BIAS = 0.06, 0.45, 0.30, 0.40, -1.0
_FEWEST = 5  # words: below, densities say nothing
_TOLD = 0.5


class Factoid(Signal):
    """Does it hold facts that are stale tomorrow, or reasoning that lasts?

    Phi-3 (arXiv 2404.14219) leaves out what happened on a given day, to make room for reasoning.
    The score goes from 0 (reasoning) to 1 (a day's fact); it weighs names, dates, scores and prices
    against connectives, definitions, steps and equations. English.
    """

    key: ClassVar = "factoid"
    title: ClassVar = "Day's facts and reasoning"
    better: ClassVar = ("reasoning_density",)
    measures: ClassVar = (
        Measure("factoid", "Day's fact", "0 for reasoning to 1 for a fact of the day."),
        Measure(
            "reasoning_density",
            "Reasoning density",
            "Connectives, definitions, steps and equations per 100 words.",
            "per 100 words",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 2), np.nan, np.float32)
        notes = {}
        for row, text in enumerate(batch.texts):
            words = _WORD.findall(text.lower())
            if len(words) < _FEWEST:
                continue
            factoid, reasoning = _weighed(text, words)
            values[row] = factoid, reasoning
            if factoid >= _TOLD:
                spans = [*_spans(text, _DATED), *_spans(text, _NUMBERED)]
                notes[row] = Note(
                    "Names, dates, scores and prices outweigh reasoning.", tuple(spans)
                )
        return Scores(values, notes=notes)


Spans = list[tuple[int, int]]


def _weighed(text: str, words: list[str]) -> tuple[float, float]:
    """The logistic sum, and reasoning per 100 words."""
    # Most texts have no digits, and looking for one is much faster than for what is made of them.
    digits = _DIGIT.search(text) is not None
    time = _count(words, _TODAY) + (_matches(text, _DATED) if digits else 0)
    scores = _count(words, _SCORED) + (_matches(text, _NUMBERED) if digits else 0)
    reasoning = _count(words, _REASON) + (_matches(text, _EQUATION) if _has_signs(text) else 0)
    names = _matches(text, _NAME)
    per_100 = 100 / len(words)
    weighed = _NAMES * names + _TIME * time + _SCORES * scores - _REASONING * reasoning
    bounded = min(max(_BIAS + weighed * per_100, -30.0), 30.0)
    return 1 / (1 + math.exp(-bounded)), reasoning * per_100


def _count(words: list[str], known: frozenset[str]) -> int:
    return sum(map(known.__contains__, words))


def _matches(text: str, pattern: re.Pattern[str]) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _has_signs(text: str) -> bool:
    return any(sign in text for sign in "=$≤≥\\")


def _spans(text: str, pattern: re.Pattern[str]) -> Spans:
    return [found.span() for found in pattern.finditer(text)]
