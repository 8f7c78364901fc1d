"""The final answer of a calculation against the right one."""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.numbers import Number, last_number, number, typed_fractions
from app.curation.verifiers.base import FieldName, Tools, Verdict, Verifier, lacks, text_of

_HASHES = re.compile(r"####[ \t]*(.+)")
_SAID = re.compile(
    r"(?:final answer|answer|result|solution)\s*(?:is|was|:|=|equals)+\s*:?\s*(.+)", re.IGNORECASE
)
_FORMULA = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mbox)\s*\{([^{}]*)\}")
_WORDS = re.compile(r"[^\W\d_]{3,}\Z")
_BETWEEN = re.compile(r"[\s$,;]*(?:and|or|\\text\{\s*(?:and|or)\s*\})?[\s$]*")
_COUNTS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
]
_COUNT = re.compile(rf"\b({'|'.join(_COUNTS)})\b", re.IGNORECASE)
_PARTS = re.compile(  # what makes another number of the word beside it
    r"-|\b(?:hal(?:f|ves)|thirds?|quarters?|(?:fourth|fifth|sixth|seventh|eighth|ninth|tenth)s?|hundred|dozen"
    r"|thousand|million|billion|point|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b"
    r"|\w\s+one\b",
    re.IGNORECASE,
)
_RATIO = re.compile(r"(?<![\d:.])(\d+(?:\.\d+)?)\s?:\s?(\d+(?:\.\d+)?)(?![\d:])")
_CLOCK = re.compile(r"\d\d?:[0-5]\d")
# `7 apples and 3 pears`, `3 or 4`: none of them is the answer more than the other.
_LISTED = re.compile(r"\d(?:\s+[^\W\d_]+){0,3}(?:,|\s)\s*(?:and|or)\s+[$€£]?\d[^\d=]*$")
_FORMULA_MOST, _DEEPEST = 300, 30  # characters, parentheses: more take algebra seconds
_MOST = 2000  # characters of an answer
_SECONDS = 3  # for one comparison by algebra


class MathAnswer(Verifier):
    """Is the final answer the right one?

    Found where it is said: behind `####`, in `\\boxed{}`, behind `answer is`, else the last number.
    Numbers are compared exactly: fractions, mixed numbers, commas, percent (50 % is 50 and 0.5),
    units (0.5 m is 50 cm), powers of ten, ratios (3:4 is 3/4), words from zero to twenty; of
    several in a row none is the answer. Anything else (LaTeX, roots, sets, intervals, matrices)
    goes to Math-Verify (Hugging Face, Apache-2.0), which decides by algebra.
    """

    key: ClassVar = "math_answer"
    title: ClassVar = "Answer is mathematically right"

    answer: FieldName = Field("response", description="Field with the answer")
    reference: FieldName = Field("metadata.answer", description="Field with the right answer")
    tolerance: float = Field(
        0.0, ge=0, le=1, description="Largest relative difference of two numbers; 0 for none"
    )

    def verify(self, record: Record, tools: Tools) -> Verdict:
        wanted = _reference(text_of(record, self.reference).strip())
        if not wanted:
            return lacks("right answer", self.reference)
        found = final_answer(text_of(record, self.answer))
        if not found:
            return Verdict(None, "The answer is empty.")
        same = self._same(found, wanted)
        if same is None:
            return Verdict(None, f"`{_short(found)}` and `{_short(wanted)}` can't be compared.")
        said = f"It answers `{_short(found)}`"
        return Verdict(same, f"{said}." if same else f"{said}, `{_short(wanted)}` is right.")

    def _same(self, found: str, wanted: str) -> bool | None:
        if _squeezed(found) == _squeezed(wanted):
            return True
        if _CLOCK.fullmatch(found) and _CLOCK.fullmatch(wanted):
            return _same_time(found, wanted)
        found, wanted = _counted(found), _counted(wanted)
        right = number(wanted)
        if right is not None:
            mine = number(found)
            if mine is None and (_LISTED.search(found) or _COUNT.search(found)):
                return None
            mine = mine or _only_number(found)
            if mine is not None:
                return mine.same(right, self.tolerance)
        if _WORDS.match(_squeezed(wanted)):
            return False  # letters one by one would be a product, and `blue` equal to `lube`
        return by_algebra(found, wanted)


def _reference(text: str) -> str:
    """A reference is the answer itself, or a solution that marks it."""
    return (
        _behind_hashes(text) or _boxed(text) or (text if "\n" not in text else final_answer(text))
    )


def _squeezed(text: str) -> str:
    text = _WRAPPED.sub(r"\1", text)
    return re.sub(r"\s+|\\[!,;: ]", "", text).strip("$.").replace("dfrac", "frac").casefold()


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _same_time(found: str, wanted: str) -> bool | None:
    """Two times of a day; they may be ratios too, and where those are equal it can't be told."""
    if found.lstrip("0") == wanted.lstrip("0"):
        return True
    ratios = [number(_RATIO.sub(r"\1/\2", one)) for one in (found, wanted)]
    return None if ratios[0] and ratios[1] and ratios[0].same(ratios[1]) else False


def _counted(text: str) -> str:
    """The same with ratios as fractions, and a number in words as digits where it stands alone."""
    text = _RATIO.sub(r"\1/\2", typed_fractions(text))
    if any(map(str.isdigit, text)) or len(_COUNT.findall(text)) != 1 or _PARTS.search(text):
        return text
    return _COUNT.sub(lambda found: str(_COUNTS.index(found[1].lower())), text)


def _only_number(text: str) -> Number | None:
    """The last number of words without formulas."""
    return None if "\\" in text else last_number(text)


def final_answer(text: str) -> str:
    """The part of an answer that is its result; short texts are all of it."""
    text = text.strip()
    for find in (_behind_hashes, _boxed, _said):
        found = find(text)
        if found:
            return found[:_MOST]
    if len(text) <= 60 and "\n" not in text:
        return text
    formulas = [next(filter(None, one), "") for one in _FORMULA.findall(text)]
    last_line = text.rsplit("\n", 1)[-1].strip()
    inside = [one for one in formulas if one in last_line]
    if inside:
        return inside[-1].strip()[:_MOST]
    found_number = last_number(text)
    return found_number.shown if found_number else last_line[:_MOST]


def _behind_hashes(text: str) -> str:
    found = _HASHES.findall(text)
    return found[-1].strip() if found else ""


def _boxed(text: str) -> str:
    """What the last \\boxed{} holds, and those right before it, braces within it and all."""
    found: list[str] = []
    behind = len(text)
    while True:
        start = max(text.rfind("\\boxed{", 0, behind), text.rfind("\\fbox{", 0, behind))
        if start < 0:
            break
        end = _closed(text, text.index("{", start))
        if end < 0 or (found and not _BETWEEN.fullmatch(text, end + 1, behind)):
            break
        found.insert(0, text[text.index("{", start) + 1 : end].strip())
        behind = start
    return ", ".join(found)


def _closed(text: str, begin: int) -> int:
    """Where the brace ends that begins there; -1 if it never does."""
    depth = 0
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    return -1


def _said(text: str) -> str:
    found = _SAID.findall(text)
    if not found:
        return ""
    said = found[-1].strip().strip("*").strip()
    formula = _FORMULA.match(said)
    if formula:
        return next(filter(None, formula.groups()), "").strip()
    return re.split(r"(?<=[^\d])\.\s|(?<=\d)\.(?:\s|$)|,\s(?=[a-z])", said)[0].strip().rstrip(".")


def by_algebra(found: str, wanted: str) -> bool | None:
    """What Math-Verify says; None where it can read one of them not at all, or takes too long."""
    if any(len(one) > _FORMULA_MOST or one.count("(") > _DEEPEST for one in (found, wanted)):
        return None
    parse, same = _math_verify()
    # Its own clock is a signal, which only the main thread may set.
    clock = _SECONDS if threading.current_thread() is threading.main_thread() else None
    try:
        right = parse(f"${wanted}$", parsing_timeout=clock, raise_on_error=False)
        mine = parse(f"${found}$", parsing_timeout=clock, raise_on_error=False)
        if not right or not mine:
            return None
        return bool(same(right, mine, timeout_seconds=clock, raise_on_error=False))
    except (ValueError, TypeError, RecursionError, MemoryError, OverflowError):
        return None


def _math_verify() -> Sequence[Callable[..., Any]]:
    """Imported when it is first needed: SymPy takes half a second."""
    import math_verify  # noqa: PLC0415

    return math_verify.parse, math_verify.verify
