"""Texts that speak to the model that will read them."""

import re
from typing import ClassVar

import numpy as np

from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.phrases import find_phrases

# Families after the published taxonomies of prompt injection (Perez and Ribeiro, arXiv 2211.09527:
# goal hijacking and prompt leaking; OWASP LLM01), in own words.
_OVERRIDE = (
    r"(?:ignore|disregard|forget|override|bypass|skip)\s+(?:\w+\s+){0,3}?"
    r"(?:previous|above|prior|earlier|preceding|foregoing|initial|system|all|any|these|your)\s+"
    r"(?:\w+\s+){0,2}?(?:instructions?|prompts?|rules?|guidelines?|directions?|commands?|criteria)"
)
_ROLE = (
    r"you\s+are\s+(?:now|no\s+longer)\s+(?:a|an|the|in|dan|bound|restricted)\b"
    r"|(?:enter|enable|activate)\s+(?:developer|god|dan|jailbreak|admin)\s+mode"
    r"|pretend\s+(?:that\s+)?you\s+(?:have\s+no|are\s+not\s+bound)"
)
_LEAK = (
    r"(?:reveal|print|repeat|show|output|leak)\s+(?:\w+\s+){0,3}?"
    r"(?:system\s+prompt|hidden\s+prompt|initial\s+instructions|your\s+instructions)"
)
_GRADE = (
    r"(?:give|assign|award|rate|grade|score|mark)\s+(?:\w+\s+){0,5}?"
    r"(?:the\s+)?(?:highest|maximum|max|perfect|full|top|best)\s+(?:possible\s+)?"
    r"(?:score|rating|grade|marks?|points?)"
    r"|(?:give|assign|award|output|return|respond\s+with|score|rate)\s+(?:\w+\s+){0,4}?"
    r"(?:a\s+)?(?:score|rating|grade)?\s*(?:of\s+)?(?:5|10|100)\s*(?:/|out\s+of)\s*(?:5|10|100)"
    r"|\b(?:note|message|instructions?)\s+(?:to|for)\s+(?:the\s+)?(?:ai\s+)?"
    r"(?:grader|judge|evaluator|reviewer|rater|annotator)\b"
)
_MARKUP = (
    r"<\|(?:im_start|im_end|system|endoftext|eot_id|start_header_id)\|>|\[/?INST\]|<</?SYS>>"
    r"|^\s*#{2,}\s*(?:system|new\s+instructions?)\s*:"
)
_ANY = re.compile(
    "|".join(f"(?:{part})" for part in (_OVERRIDE, _ROLE, _LEAK, _GRADE, _MARKUP)),
    re.IGNORECASE | re.MULTILINE,
)
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
            spans = tuple(found.span() for found in _ANY.finditer(batch.texts[row]))
            values[row, 0] = len(spans)
            if spans:
                start, end = spans[0]
                notes[row] = Note(f"It says “{batch.texts[row][start:end][:120]}”.", spans)
        return Scores(values, notes=notes)
