"""Personal data that has a checkable shape."""

from collections import Counter
from typing import ClassVar

import numpy as np

from app.curation.pii.finding import find
from app.curation.pii.kinds import KINDS, Hit
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch


class PiiPatterns(Signal):
    """Does the text give away how to reach, charge or be somebody?

    Finds personal data by its shape and check digits: how to reach somebody, cards and accounts,
    numbers of states, keys and passwords, wallets. Names and addresses have no shape and are not
    found. The notes give places and kinds, never the values. Dolma masks documents with up to 5
    places and drops those with more (`pii>5`).
    """

    key: ClassVar = "pii_patterns"
    title: ClassVar = "Personal data"
    version: ClassVar = 2
    flags: ClassVar = tuple(each.measure for each in KINDS.values())
    measures: ClassVar = (
        Measure("pii", "Personal data", "Places of all kinds together.", "places"),
        *(Measure(each.measure, each.title, each.help, "places") for each in KINDS.values()),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.zeros((len(batch), len(self.measures)), np.float32)
        notes = {}
        for row, hits in find(batch.texts, batch.corpus, batch.lines).items():
            counts = Counter(hit.kind for hit in hits)
            values[row] = [len(hits), *(counts[kind] for kind in KINDS)]
            notes[row] = Note(_reason(hits), tuple(hit.span for hit in hits))
        return Scores(values, notes=notes)


def _reason(hits: list[Hit]) -> str:
    forms = Counter(hit.form for hit in hits)
    return ", ".join(f"{form}: {count}" for form, count in forms.items())
