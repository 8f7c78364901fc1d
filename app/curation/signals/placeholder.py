"""Blanks that nobody filled in."""

import re
from typing import ClassVar

import numpy as np

from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.phrases import find_phrases

# Begins with a set of characters, which the engine looks for much faster than for alternatives.
_BRACKETED = (
    r"[\[<{(](?:(?<=<)\s*no\s?(?:input|output)\s*>"
    r"|(?:insert|enter|add|your|put|fill in)\b[^\]>})\n]{1,60}[\]>})]"
    r"|(?<=\[)(?:name|date|company|address|url|link|image|blank|placeholder|todo)\]"
    r"|(?<=\{)\{\s*\w+\s*\}\})"
)
_IN_BRACKETS = re.compile(_BRACKETED, re.IGNORECASE)
_WITHIN = re.compile(
    rf"{_BRACKETED}|\blorem ipsum\b|\b(?:todo|tbd|fixme)\b:",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\W*(?:n/?a|none|null|nan|no ?input|no ?output|not applicable|undefined|tbd|todo|xxx+|\?+)\W*",
    re.IGNORECASE,
)
_WORDS = ("lorem", "todo", "tbd", "fixme")


class Placeholder(Signal):
    """Is a blank left that somebody should have filled in?

    Such as "<noinput>", "[insert name]", "N/A" as a whole field, or "Lorem ipsum".
    """

    key: ClassVar = "placeholder"
    title: ClassVar = "Placeholder"
    measures: ClassVar = (
        Measure("placeholder", "Placeholder", "1 if there is an unfilled blank, else 0."),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.zeros((len(batch), 1), np.float32)
        notes = {}
        corpus = batch.corpus
        worded = find_phrases(corpus.codes, corpus.offsets[:-1], corpus.offsets[1:], _WORDS)
        for row, (record, text) in enumerate(zip(batch, batch.texts, strict=True)):
            pattern = _WITHIN if worded[row] else _IN_BRACKETS
            spans = tuple(found.span() for found in pattern.finditer(text))
            empty = [
                name
                for name, value in record.body.items()
                if isinstance(value, str) and _WHOLE.fullmatch(value)
            ]
            values[row, 0] = bool(spans or empty)
            if spans or empty:
                reason = f"The field {', '.join(empty)} holds no content." if empty else ""
                notes[row] = Note(reason, spans)
        return Scores(values, notes=notes)
