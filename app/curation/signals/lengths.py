"""How long a sample is, and its parts."""

from typing import ClassVar

import numpy as np

from app.curation.records import Kind, Record
from app.curation.signals.base import Measure, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Corpus
from app.curation.text.parts import turns
from app.curation.text.tokens import count_sentences
from app.curation.text.words import count_words


class Lengths(Signal):
    """How long are the text, the question and the answer?

    Words are what white space parts; each Chinese or Japanese character counts as a word.
    """

    key: ClassVar = "lengths"
    title: ClassVar = "Lengths"
    measures: ClassVar = (
        Measure("chars", "Characters", "Code points of the whole text.", "characters"),
        Measure("words", "Words", "Words of the whole text.", "words"),
        Measure(
            "sentences",
            "Sentences",
            "Ends of sentences that a word follows, and the last sentence.",
            "sentences",
        ),
        Measure("lines", "Lines", "Lines that are not empty.", "lines"),
        Measure("prompt_words", "Words asked", "Words of the prompt; 0 for plain text.", "words"),
        Measure("response_words", "Words answered", "Words of the response.", "words"),
        Measure(
            "response_prompt_ratio",
            "Answered per asked",
            "Words of the response per word of the prompt; no value without a prompt.",
        ),
        Measure(
            "turns",
            "Turns",
            "Messages of a chat; two for a question with its answer, one for plain text.",
            "turns",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        lines = batch.lines
        filled = np.concatenate(([0], np.cumsum(lines.ends > lines.starts)))
        values = np.empty((len(batch), len(self.measures)), np.float32)
        values[:, 0] = np.diff(batch.corpus.offsets)
        values[:, 1] = count_words(batch.corpus)
        values[:, 2] = count_sentences(batch.tokens)
        values[:, 3] = np.diff(filled[lines.offsets])
        values[:, 4] = count_words(Corpus.of(batch.prompts))
        # Plain texts are their own responses, and are counted already.
        plain = batch.responses == batch.texts
        values[:, 5] = values[:, 1] if plain else count_words(Corpus.of(batch.responses))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = values[:, 5] / values[:, 4]
        values[:, 6] = np.where(values[:, 4] > 0, ratio, np.nan)
        values[:, 7] = [_turns(record) for record in batch]
        return Scores(values)


def _turns(record: Record) -> int:
    if record.kind is Kind.CHAT:
        return len(turns(record.body))
    return 1 if record.kind is Kind.TEXT else 2
