"""Abuse: insults, slurs and threats, by words and pieces of words."""

import math
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.grams import room_for, scored_windows

WEIGHTS = Path(__file__).with_suffix(".npz")


class Toxicity(Signal):
    """Does the text abuse somebody?

    A linear model over hashed words and pieces of words, so that "1d10t", "s.t.u.p.i.d" and
    letters drawn out count as the word, and Scunthorpe does not. Learned from labelled English
    comments and tweets by the recipe in `benchmarks/toxicity.py`; a text has the score of its worst
    sentence or two. Such models flag dialect, reclaimed words and quotations too often:
    look before you drop. Dolma takes sentences out from 0.4 on.
    """

    key: ClassVar = "toxicity"
    title: ClassVar = "Toxicity"
    measures: ClassVar = (
        Measure("toxicity", "Toxicity", "0 to 1, of the worst part. English only."),
        Measure(
            "toxic_frac", "Toxic share", "Share of the text in parts at or above the threshold."
        ),
    )

    threshold: float = Field(0.5, gt=0, lt=1, description="Parts from here on count as toxic.")

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), 2), np.nan, np.float32)
        notes = {}
        weights, bias = _model()
        corpus = batch.corpus
        lengths = np.diff(corpus.offsets)
        room = room_for(int(min(lengths.max(initial=0), 400)))
        for row in np.flatnonzero(lengths).tolist():
            start, stop = int(corpus.offsets[row]), int(corpus.offsets[row + 1])
            ends, sums = scored_windows(corpus.codes, start, stop, weights, bias, room)
            found = 1 / (1 + np.exp(-sums))
            toxic = found >= self.threshold
            sizes = np.diff(ends, prepend=start)
            values[row] = found.max(), sizes[toxic].sum() / (stop - start)
            if toxic.any():
                places = zip((ends - sizes - start).tolist(), (ends - start).tolist(), strict=True)
                spans = [span for span, is_so in zip(places, toxic, strict=True) if is_so]
                percent = math.floor(100 * float(found.max()))
                notes[row] = Note(
                    f"{len(spans)} parts sound abusive, up to {percent} %.", tuple(spans)
                )
        return Scores(values, notes=notes)


@cache
def _model() -> tuple[NDArray[np.float32], float]:
    """The weights of the buckets, and the bias."""
    with np.load(WEIGHTS) as stored:
        return stored["weights"] * np.float32(stored["step"]), float(stored["bias"])
