"""Instructions that can't be followed as they stand, and answers that only repeat."""

import re
from typing import ClassVar

import numpy as np

from app.curation.records import Kind
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.phrases import find_phrases

_THING = r"(?:image|picture|photo(?:graph)?|figure|diagram|chart|graph|video|audio|screenshot|map)"
_FILE = r"(?:file|document|attachment|pdf|spreadsheet|dataset|data\s?set|link|url|website|article)"
_POINTS = re.compile(
    rf"\b(?:this|that|the|these|those)\s+(?:attached|following|given|provided|enclosed|linked)\s+{_THING}s?\b"
    rf"|\b(?:in|from|on|at|of|see|about|describe|caption)\s+(?:this|the)\s+{_THING}\b"
    rf"|\b{_THING}s?\s+(?:below|above|attached|provided|shown)\b"
    rf"|\b(?:attached|enclosed|uploaded|linked)\s+{_FILE}s?\b|\b{_FILE}s?\s+(?:attached|enclosed)\b"
    rf"|\b(?:following|given|this|the\s+provided)\s+(?:link|url|website|web\s+page)\b",
    re.IGNORECASE,
)
# What was pointed at may stand in the sample after all.
_THERE = re.compile(
    r"https?://|www\.|!\[|<img|data:image|\|.*\|.*\||^.{0,40}[,\t;].{0,40}[,\t;].*$", re.MULTILINE
)
_HINTS = (
    *("image", "picture", "photo", "figure", "diagram", "chart", "graph", "video", "audio"),
    *("screenshot", "map", "attach", "enclosed", "upload", "link", "url", "website", "web page"),
)
_WORD = re.compile(r"\w+")
_GRAM = 4
_FEWEST = 8  # words: a short answer may be words of the question


class Dirt(Signal):
    """Does the prompt point at something that is not there? Does the answer only copy it?

    The field's cleaning lists (AlpacaDataCleaned and its like) remove such rows. English for what
    is pointed at; copying is measured in any language that parts words.
    """

    key: ClassVar = "dirt"
    title: ClassVar = "Dirt in instructions"
    measures: ClassVar = (
        Measure(
            "missing_media",
            "Points at what is missing",
            "1 if the prompt points at an image, a file or a link that the sample does not hold.",
        ),
        Measure(
            "copies_prompt",
            "Copies the prompt",
            f"Share of the answer's runs of {_GRAM} words that stand in the prompt.",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 2), np.nan, np.float32)
        notes = {}
        corpus = batch.corpus
        hinted = find_phrases(corpus.codes, corpus.offsets[:-1], corpus.offsets[1:], _HINTS)
        for row, (record, prompt) in enumerate(zip(batch, batch.prompts, strict=True)):
            if record.kind in {Kind.TEXT, Kind.COMPLETION} or not prompt:
                continue
            found = _POINTS.search(prompt) if hinted[row] else None
            missing = found is not None and not _THERE.search(prompt)
            values[row] = missing, _copied(prompt, batch.responses[row])
            if found is not None and missing:
                notes[row] = Note(f"The prompt says “{found[0]}”.", (found.span(),))
        return Scores(values, notes=notes)


def _copied(prompt: str, response: str) -> float:
    words = _words(response)
    if len(words) < _FEWEST:
        return float("nan")
    asked = set(_grams(_words(prompt)))
    grams = _grams(words)
    return sum(gram in asked for gram in grams) / len(grams)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + _GRAM]) for at in range(len(words) - _GRAM + 1)]
