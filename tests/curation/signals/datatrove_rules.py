"""Each rule of datatrove 0.10.1 alone, beside the condition on our measure that replaces it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4ParagraphFilter,
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

QUALITY_OFF = {
    "min_doc_words": None,
    "max_doc_words": None,
    "min_avg_word_length": None,
    "max_avg_word_length": None,
    "max_symbol_word_ratio": None,
    "max_bullet_lines_ratio": None,
    "max_ellipsis_lines_ratio": None,
    "max_non_alpha_words_ratio": None,
    "min_stop_words": None,
}
REPETITION_OFF: dict[str, Any] = {
    "dup_line_frac": None,
    "dup_para_frac": None,
    "dup_line_char_frac": None,
    "dup_para_char_frac": None,
    "top_n_grams": (),
    "dup_n_grams": (),
}
FINEWEB_OFF = {
    "line_punct_thr": -1.0,
    "short_line_thr": math.inf,
    "char_duplicates_ratio": math.inf,
    "new_line_ratio": math.inf,
}
C4_OFF = {"filter_lorem_ipsum": False, "filter_curly_bracket": False, "min_num_sentences": 0}


@dataclass(frozen=True)
class Rule:
    name: str
    theirs: Any
    ours: Callable[[dict[str, float]], bool]

    def verdict(self, text: str) -> bool:
        """What datatrove says; it raises where it divides by nothing, which keeps no text."""
        try:
            return self.theirs.filter(Document(text=text, id="")) is True
        except (ZeroDivisionError, AssertionError):
            return False


def _at_most(name: str, limit: float) -> Callable[[dict[str, float]], bool]:
    return lambda row: row[name] <= float(np.float32(limit))


def _at_least(name: str, limit: float) -> Callable[[dict[str, float]], bool]:
    return lambda row: row[name] >= float(np.float32(limit))


def _quality(ours: Callable[[dict[str, float]], bool], **limits: float) -> Rule:
    return Rule(f"gopher {limits}", GopherQualityFilter(**{**QUALITY_OFF, **limits}), ours)


def _repetition(ours: Callable[[dict[str, float]], bool], name: str, limit: object) -> Rule:
    return Rule(
        f"gopher {name} {limit}", GopherRepetitionFilter(**{**REPETITION_OFF, name: limit}), ours
    )


def _fineweb(ours: Callable[[dict[str, float]], bool], **limits: float) -> Rule:
    return Rule(f"fineweb {limits}", FineWebQualityFilter(**{**FINEWEB_OFF, **limits}), ours)


def _c4(ours: Callable[[dict[str, float]], bool], **limits: object) -> Rule:
    return Rule(f"c4 {limits}", C4QualityFilter(**{**C4_OFF, **limits}), ours)


def filters() -> Sequence[Any]:
    """The filters as they come, for the clock."""
    return (
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        FineWebQualityFilter(),
        C4QualityFilter(),
    )


def rules() -> Sequence[Rule]:
    """All rules, in the order of the filters."""
    return (
        _quality(_at_least("gopher_words", 50), min_doc_words=50),
        _quality(_at_most("gopher_words", 1000), max_doc_words=1000),
        _quality(_at_least("gopher_mean_word_length", 3), min_avg_word_length=3),
        _quality(_at_most("gopher_mean_word_length", 10), max_avg_word_length=10),
        _quality(_at_most("gopher_mean_word_length", 5), max_avg_word_length=5),
        _quality(_at_most("gopher_symbol_word_ratio", 0.1), max_symbol_word_ratio=0.1),
        _quality(_at_most("gopher_symbol_word_ratio", 0.01), max_symbol_word_ratio=0.01),
        _quality(_at_most("gopher_bullet_line_frac", 0.9), max_bullet_lines_ratio=0.9),
        _quality(_at_most("gopher_bullet_line_frac", 0.3), max_bullet_lines_ratio=0.3),
        _quality(_at_most("gopher_ellipsis_line_frac", 0.3), max_ellipsis_lines_ratio=0.3),
        _quality(_at_least("gopher_alpha_word_frac", 0.8), max_non_alpha_words_ratio=0.8),
        _quality(_at_least("gopher_stop_words", 2), min_stop_words=2),
        _repetition(_at_most("gopher_dup_line_frac", 0.3), "dup_line_frac", 0.3),
        _repetition(_at_most("gopher_dup_para_frac", 0.3), "dup_para_frac", 0.3),
        _repetition(_at_most("gopher_dup_line_char_frac", 0.2), "dup_line_char_frac", 0.2),
        _repetition(_at_most("gopher_dup_para_char_frac", 0.2), "dup_para_char_frac", 0.2),
        *(
            _repetition(
                _at_most(f"gopher_top_{size}gram_char_frac", limit), "top_n_grams", ((size, limit),)
            )
            for size, limit in ((2, 0.2), (3, 0.18), (4, 0.16))
        ),
        *(
            _repetition(
                _at_most(f"gopher_dup_{size}gram_char_frac", limit), "dup_n_grams", ((size, limit),)
            )
            for size, limit in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
        ),
        _fineweb(_at_least("fineweb_line_punct_ratio", 0.12), line_punct_thr=0.12),
        _fineweb(_at_most("fineweb_short_line_ratio", 0.67), short_line_thr=0.67),
        _fineweb(_at_most("fineweb_dup_line_char_ratio", 0.01), char_duplicates_ratio=0.01),
        _fineweb(_at_most("fineweb_newline_word_ratio", 0.3), new_line_ratio=0.3),
        _c4(_at_least("c4_sentences", 5), min_num_sentences=5),
        _c4(_at_most("c4_curly_bracket_lines", 0), filter_curly_bracket=True),
        _c4(_at_most("c4_lorem_ipsum_lines", 0), filter_lorem_ipsum=True),
        Rule("mc4 paragraphs", C4ParagraphFilter(), _at_least("c4_long_paragraphs", 3)),
    )
