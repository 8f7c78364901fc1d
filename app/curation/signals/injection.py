"""Texts that speak to the model that will read them."""

from typing import ClassVar

import numpy as np

from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.orders import ORDERS
from app.curation.text.phrases import find_phrases

# One of these stands in every text that the pattern can match.
_HINTS = (
    *("instruction", "prompt", "rule", "guideline", "direction", "command", "criteria"),
    *("you are now", "you are no", "mode", "pretend", "score", "rating", "grade", "mark", "point"),
    *("grader", "judge", "evaluator", "reviewer", "rater", "annotator", "out of", "/5", "/10"),
    *("<|", "inst]", "sys>>", "system"),
)


class Injection(Signal):
    """Does the text give orders to the model that reads or grades it?

    Such as "ignore the above instructions", "give this the highest score", a note to the grader, or
    the control marks of a chat template. English phrases; talk about such attacks is found as well,
    so look before you drop.
    """

    key: ClassVar = "injection"
    title: ClassVar = "Orders to the model"
    measures: ClassVar = (
        Measure("injection", "Orders to the model", "Places that speak to the model.", "places"),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.zeros((len(batch), 1), np.float32)
        notes = {}
        corpus = batch.corpus
        hinted = find_phrases(corpus.codes, corpus.offsets[:-1], corpus.offsets[1:], _HINTS)
        for row in np.flatnonzero(hinted).tolist():
            spans = tuple(found.span() for found in ORDERS.finditer(batch.texts[row]))
            values[row, 0] = len(spans)
            if spans:
                start, end = spans[0]
                notes[row] = Note(f"It says “{batch.texts[row][start:end][:120]}”.", spans)
        return Scores(values, notes=notes)
