"""Sets of published limits, one for each kind of text, as conditions on stored measures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Bound(StrEnum):
    """How a condition limits a measure; the limits themselves are kept."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BETWEEN = "between"
    EQUALS = "equals"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a kept row satisfies: one measure within one bound, and who set it there."""

    measure: str
    bound: Bound
    value: float
    source: str
    upper: float | None = None

    def expression(self) -> str:
        """The condition in the filter grammar, such as `gopher_symbol_word_ratio<=0.1`."""
        match self.bound:
            case Bound.AT_LEAST:
                return f"{self.measure}>={self.value:g}"
            case Bound.AT_MOST:
                return f"{self.measure}<={self.value:g}"
            case Bound.BETWEEN:
                return f"{self.measure}:{self.value:g}..{self.upper:g}"
            case _:
                return f"{self.measure}:{self.value:g}"

    def keeps(self, value: float) -> bool:
        """Whether a row with this stored value is kept; one without a value (NaN) is not.

        Values are stored as float32, so the bound is rounded the same way: 0.1 keeps 0.1.
        """
        lower, upper = _stored(self.value), _stored(self.upper)
        match self.bound:
            case Bound.AT_LEAST:
                return value >= lower
            case Bound.AT_MOST:
                return value <= lower
            case Bound.BETWEEN:
                return lower <= value <= upper
            case _:
                return value == lower


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits that fit one kind of text. A row that all of them keep is kept."""

    key: str
    title: str
    help: str
    conditions: tuple[Condition, ...]

    def expression(self) -> str:
        """All conditions in the filter grammar: terms side by side mean AND."""
        return " ".join(condition.expression() for condition in self.conditions)


def _stored(value: float | None) -> float:
    return math.nan if value is None else float(np.float32(value))


GOPHER = "Gopher, arXiv 2112.11446, table A1"
C4 = "C4, arXiv 1910.10683, section 2.2"
FINEWEB = "FineWeb, arXiv 2406.17557, section 3.6"
REFINEDWEB = "RefinedWeb, arXiv 2306.01116, appendix G.2, with the limit of DCLM, arXiv 2406.11794"
STACK = "The Stack, arXiv 2211.15533, section 3"
PHI = "Filters in the manner of phi-1, arXiv 2306.11644: a starting value, check it on your data"
SHORT = "Gopher's limit lowered: instruction data is short by nature"
OWN = "Winnow: a starting value, check it on your data"


def at_least(measure: str, value: float, source: str) -> Condition:
    return Condition(measure, Bound.AT_LEAST, value, source)


def at_most(measure: str, value: float, source: str) -> Condition:
    return Condition(measure, Bound.AT_MOST, value, source)


def between(measure: str, lower: float, upper: float, source: str) -> Condition:
    return Condition(measure, Bound.BETWEEN, lower, source, upper)


def equals(measure: str, value: float, source: str) -> Condition:
    return Condition(measure, Bound.EQUALS, value, source)


REPEATED_GRAMS = tuple(
    at_most(f"gopher_dup_{size}gram_char_frac", limit, GOPHER)
    for size, limit in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
)
REPEATED_BLOCKS = (
    at_most("gopher_dup_line_frac", 0.30, GOPHER),
    at_most("gopher_dup_line_char_frac", 0.20, GOPHER),
    at_most("gopher_dup_para_frac", 0.30, GOPHER),
    at_most("gopher_dup_para_char_frac", 0.20, GOPHER),
)
TOP_GRAMS = (
    at_most("gopher_top_2gram_char_frac", 0.20, GOPHER),
    at_most("gopher_top_3gram_char_frac", 0.18, GOPHER),
    at_most("gopher_top_4gram_char_frac", 0.16, GOPHER),
)
REPETITION = (*REPEATED_BLOCKS, *TOP_GRAMS, *REPEATED_GRAMS)
PROSE = (
    between("gopher_words", 50, 100_000, GOPHER),
    between("gopher_mean_word_length", 3, 10, GOPHER),
    at_most("gopher_symbol_word_ratio", 0.1, GOPHER),
    at_most("gopher_bullet_line_frac", 0.9, GOPHER),
    at_most("gopher_ellipsis_line_frac", 0.3, GOPHER),
    at_least("gopher_alpha_word_frac", 0.8, GOPHER),
    at_least("gopher_stop_words", 2, GOPHER),
)
UNDAMAGED = (
    at_least("corruption_compression_ratio", 0.2, OWN),
    at_most("corruption_replacement_chars", 0, OWN),
    at_most("corruption_control_chars", 0, OWN),
)

_PROFILES = (
    Profile(
        "web",
        "Web pages",
        "For English pages taken from the web. Repetition and quality rules of Gopher, then C4 "
        "without its rule on the end of lines, as FineWeb found best, then FineWeb's own rules "
        "and RefinedWeb's on menus and buttons.",
        (
            *REPETITION,
            *PROSE,
            at_most("c4_lorem_ipsum_lines", 0, C4),
            at_most("c4_curly_bracket_lines", 0, C4),
            at_least("sentences", 5, C4),
            at_least("fineweb_line_punct_ratio", 0.12, FINEWEB),
            at_most("fineweb_short_line_ratio", 0.67, FINEWEB),
            at_most("fineweb_dup_line_char_ratio", 0.01, FINEWEB),
            at_most("fineweb_newline_word_ratio", 0.3, FINEWEB),
            at_most("refinedweb_removed_word_frac", 0.05, REFINEDWEB),
        ),
    ),
    Profile(
        "book",
        "Books and long documents",
        "For long prose. Gopher's rules without an upper limit on words: a book is longer than "
        "100,000 of them. No line rules: verse, dialogue and lines broken by a printer are short "
        "on purpose.",
        (
            *REPETITION,
            at_least("gopher_words", 50, GOPHER),
            *PROSE[1:],
            *UNDAMAGED,
        ),
    ),
    Profile(
        "code",
        "Code",
        "For program code. Limits of The Stack, and those that keep explained, self-contained "
        "code. No rule on words: code has few, and repeats lines such as a closing bracket. "
        "A sample that is not Python gets no value from the parser and is not kept.",
        (
            at_most("code_mean_line_length", 100, STACK),
            at_most("code_max_line_length", 1000, STACK),
            at_least("code_alnum_frac", 0.25, STACK),
            equals("code_auto_generated", 0, STACK),
            between("code_comment_frac", 0.01, 0.8, PHI),
            equals("code_parses", 1, PHI),
            at_most("code_trivial_frac", 0.5, PHI),
            equals("code_local_imports", 0, PHI),
        ),
    ),
    Profile(
        "instruction",
        "Instructions with answers",
        "For questions with their answers. One word is enough: a good answer can be short. No "
        "stop words and no end marks: answers are lists, names, code and numbers. No limit on the "
        "most frequent pair of words: it always looks large in a short text.",
        (
            *REPEATED_GRAMS,
            at_least("response_words", 1, SHORT),
            at_most("gopher_symbol_word_ratio", 0.1, GOPHER),
            at_most("gopher_ellipsis_line_frac", 0.3, GOPHER),
            *UNDAMAGED[1:],
            equals("placeholder", 0, OWN),
            equals("refusal", 0, OWN),
        ),
    ),
    Profile(
        "chat",
        "Conversations",
        "For chats of several turns. As for instructions, but a chat may be brief and greet twice: "
        "repetition is judged by long runs only. It needs a question and an answer.",
        (
            *REPEATED_GRAMS[3:],
            at_least("turns", 2, OWN),
            at_least("response_words", 1, SHORT),
            *UNDAMAGED[1:],
            equals("placeholder", 0, OWN),
            equals("refusal", 0, OWN),
        ),
    ),
)

PROFILES: Mapping[str, Profile] = {profile.key: profile for profile in _PROFILES}
