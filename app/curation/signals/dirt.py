"""Instructions that can't be followed as they stand, and answers that are none."""

import re
from typing import ClassVar

import numpy as np

from app.curation.records import Kind, Record
from app.curation.signals import dirt_rules as rules
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.signals.refusal import talks_as_model
from app.curation.signals.truncated import cut_off
from app.curation.text.phrases import find_phrases

_WORD = re.compile(r"\w+")
_GRAM = 4
_FEWEST = 8  # words: a short answer may be words of the question
_COPIED = 0.95  # of the runs: good answers often say the question, and then the answer
_MOST_OF_IT = 0.75
_NAN = float("nan")


class Dirt(Signal):
    """What is wrong with the instruction or its answer?

    Eight kinds of dirt that the field's cleaning lists (AlpacaDataCleaned and its like) remove:
    no answer, a word for nothing in place of the input, something pointed at that is not there,
    an answer that only copies the prompt, that talks as a model, that stops in the middle, that
    is in another language than the prompt or than was asked for; two samples in one. English for
    what is pointed at and for talk of models.
    """

    key: ClassVar = "dirt"
    title: ClassVar = "Dirt in instructions"
    version: ClassVar = 2
    flags: ClassVar = (
        *("missing_media", "copies_question", "no_answer", "no_input", "model_talk", "cut_off"),
        *("wrong_language", "merged"),
    )
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
        Measure(
            "copies_question",
            "Answers with the question",
            "1 if the answer says the instruction again and nothing more.",
        ),
        Measure("no_answer", "No answer", "1 if the answer is blank or a word for nothing."),
        Measure(
            "no_input",
            "Placeholder input",
            "1 if “noinput”, “N/A”, empty angle brackets or the like stand in place of the input.",
        ),
        Measure("model_talk", "Talks as a model", "1 if the answer says that a model wrote it."),
        Measure("cut_off", "Cut off", "1 if the answer stops in the middle."),
        Measure(
            "wrong_language",
            "Wrong language",
            "1 if the answer is in another language than the prompt, or than was asked for.",
        ),
        Measure("merged", "Two samples in one", "1 if the marks of another sample stand within."),
        Measure(
            "dirt",
            "Kinds of dirt",
            "How many of the kinds are there.",
            "kinds",
        ),
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), len(self.measures)), np.nan, np.float32)
        notes = {}
        corpus = batch.corpus
        hinted = find_phrases(
            corpus.codes, corpus.offsets[:-1], corpus.offsets[1:], rules.POINTER_HINTS
        )
        for row, (record, prompt) in enumerate(zip(batch, batch.prompts, strict=True)):
            if record.kind in {Kind.TEXT, Kind.COMPLETION} or not prompt:
                continue
            values[row], note = _look(record, prompt, batch.responses[row], bool(hinted[row]))
            if note.text:
                notes[row] = note
        return Scores(values, notes=notes)


def _look(record: Record, prompt: str, answer: str, hinted: bool) -> tuple[list[float], Note]:
    """The values of one record, and what is wrong in words."""
    points = rules.points_at_nothing(prompt) if hinted else None
    copied = _copied(prompt, answer)
    question = record.body.get("instruction") or prompt
    empty = rules.is_nothing(answer)
    no_input = rules.has_no_input(record.kind, record.body, prompt)
    merged = rules.merged_with(record.kind, record.body, prompt, answer)
    talk = None if empty else talks_as_model(answer)
    cut = None if empty else cut_off(answer)
    language = None if empty else rules.wrong_language(prompt, answer)
    found = {
        f"The prompt says “{points and points[0]}”.": points is not None,
        "The answer says the question again.": _repeats(question, answer),
        "There is no answer.": empty,
        "A word for nothing stands in place of the input.": no_input,
        f"The answer says “{talk}”.": talk is not None,
        f"{cut}": cut is not None,
        f"The answer is in another language: {language}.": language is not None,
        f"Another sample begins at “{merged}”.": merged is not None,
    }
    flags = list(found.values())
    values = [flags[0], copied, *flags[1:], sum(flags)]
    spans = (points.span(),) if points is not None else ()
    return values, Note(" ".join(why for why, is_so in found.items() if is_so), spans)


def _repeats(question: str, answer: str) -> bool:
    """Whether the answer is the question; what was to be changed or cut stands in the input."""
    said = _words(answer)
    asked = _words(question)
    # A sentence to be corrected stands in the question too, and is a part of it.
    most = len(said) >= _MOST_OF_IT * len(asked)
    return bool(said) and (said == asked or (most and _copied(question, answer) >= _COPIED))


def _copied(prompt: str, response: str) -> float:
    words = _words(response)
    if len(words) < _FEWEST:
        return _NAN
    asked = set(_grams(_words(prompt)))
    grams = _grams(words)
    return sum(gram in asked for gram in grams) / len(grams)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + _GRAM]) for at in range(len(words) - _GRAM + 1)]
