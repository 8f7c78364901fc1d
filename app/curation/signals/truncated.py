"""Answers that stop in the middle."""

import re
from functools import cache
from typing import ClassVar

import numpy as np

from app.curation.records import Kind
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.characters import ALPHA, DIGIT, TABLE_SIZE, TERMINAL, classes

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("“", "”"))
_ENDED = re.compile(r"[.!?](?<=\S\S.)\s")
_DANGLING = re.compile(
    r"(?:^|\s)(?:a|an|the|and|or|but|of|to|in|on|for|with|by|as|is|are|was|were|that|which|its|"
    r"their|your|my)$",
    re.IGNORECASE,
)


class Truncated(Signal):
    """Does the answer stop in the middle?

    Looks for an open code fence, an open bracket or quote in the last paragraph, and prose of
    several sentences that ends without an end mark. A short phrase, a list or a table may end as
    it likes.
    """

    key: ClassVar = "truncated"
    title: ClassVar = "Truncated"
    version: ClassVar = 2
    measures: ClassVar = (
        Measure("truncated", "Truncated", "1 if the answer stops in the middle, else 0."),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 1), np.nan, np.float32)
        notes = {}
        for row, (record, response) in enumerate(zip(batch, batch.responses, strict=True)):
            if record.kind is Kind.COMPLETION or not response.strip():
                continue
            reason = cut_off(response)
            values[row, 0] = reason is not None
            if reason is not None:
                notes[row] = Note(reason)
        return Scores(values, notes=notes)


def cut_off(text: str) -> str | None:
    """Why the text, which is not blank, seems to stop in the middle; the first reason found."""
    text = text.rstrip()
    # The search for the marks is much faster than the pattern, which tries every character.
    fences = len(_FENCE.findall(text)) if "```" in text or "~~~" in text else 0
    if fences % 2:
        return "A code fence stays open."
    line = text[text.rfind("\n") + 1 :]
    if fences and _FENCE.match(line):
        return None
    return _open_pair(line) or _open_sentence(line)


def _open_pair(line: str) -> str | None:
    for opening, closing in _PAIRS:
        if line.count(opening) > line.count(closing):
            return f"A bracket or quotation “{opening}” stays open."
    return "A quotation stays open." if line.count('"') % 2 else None


def _open_sentence(line: str) -> str | None:
    last = line[-1]
    if line.rsplit(None, 1)[-1].startswith("#"):
        return None  # the tags of a post
    if last in ",-" or (last.isalpha() and _DANGLING.search(line[-20:])):
        return "The last line asks for a next word."
    # The last character first: few answers end without a mark, and the rest takes longer.
    if _bits(last) & (ALPHA | DIGIT) and _is_prose(line):
        return "The last sentence has no end."
    return None


def _is_prose(line: str) -> bool:
    """Whether the line holds an ended sentence before its last words."""
    # The engine is much slower with the end marks of all scripts than with those of ASCII.
    if not (_ENDED.search(line) or (not line.isascii() and _ended().search(line))):
        return False
    first = line.split(None, 1)[0]
    return first[-1] not in ".)" and first[0] not in "-*•|#>"


@cache
def _ended() -> re.Pattern[str]:
    """A word of three characters or more that ends in a mark of any script, and white space."""
    marks = "".join(chr(code) for code in np.flatnonzero(classes() & TERMINAL))
    return re.compile(rf"[{re.escape(marks)}](?<=\S\S.)\s")


def _bits(char: str) -> int:
    return int(classes()[min(ord(char), TABLE_SIZE - 1)])
