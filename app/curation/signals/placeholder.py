"""Blanks that nobody filled in."""

import re
from typing import ClassVar

import numpy as np

from app.curation.signals.base import Batch, Measure, Note, Scores, Signal

_WITHIN = re.compile(
    r"<\s*no\s?(?:input|output)\s*>"
    r"|[\[<{(](?:insert|enter|add|your|put|fill in)\b[^\]>})\n]{1,60}[\]>})]"
    r"|\blorem ipsum\b"
    r"|\[(?:name|date|company|address|url|link|image|blank|placeholder|todo)\]"
    r"|\{\{\s*\w+\s*\}\}"
    r"|\b(?:todo|tbd|fixme)\b:",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\W*(?:n/?a|none|null|nan|no ?input|no ?output|not applicable|undefined|tbd|todo|xxx+|\?+)\W*",
    re.IGNORECASE,
)
_BRACKETS = frozenset("[<{(")
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
        for row, (record, text) in enumerate(zip(batch, batch.texts, strict=True)):
            spans = _spans(text)
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


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    if _BRACKETS.isdisjoint(text):
        lower = text.lower()
        if not any(word in lower for word in _WORDS):
            return ()
    return tuple(found.span() for found in _WITHIN.finditer(text))
