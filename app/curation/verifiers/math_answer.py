"""The final answer of a calculation against the right one."""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.numbers import last_number, number
from app.curation.verifiers.base import FieldName, Tools, Verdict, Verifier, lacks, text_of

_HASHES = re.compile(r"####[ \t]*(.+)")
_SAID = re.compile(
    r"(?:final answer|answer|result|solution)\s*(?:is|was|:|=|equals)+\s*:?\s*(.+)", re.IGNORECASE
)
_FORMULA = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mbox)\s*\{([^{}]*)\}")
_WORDS = re.compile(r"[^\W\d_]{3,}\Z")
_FORMULA_MOST = 300  # characters; longer ones take algebra seconds
_MOST = 2000  # characters of an answer
_SECONDS = 3  # for one comparison by algebra


class MathAnswer(Verifier):
    """Is the final answer the right one?

    Found where it is said: behind `####`, in `\\boxed{}`, behind `answer is`, else the last number.
    Numbers are compared exactly: fractions, mixed numbers, commas, percent (50 % is 50 and 0.5),
    units (0.5 m is 50 cm), powers of ten. Anything else (LaTeX, roots, sets, intervals, matrices)
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
        right = number(wanted)
        if right is not None:
            mine = number(found) or _only_number(found)
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


def _only_number(text: str) -> Any:
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
    """What the last \\boxed{} holds, braces within it and all."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return ""
    begin = text.index("{", start) + 1
    depth = 1
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[begin:place].strip()
    return ""


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
    if max(len(found), len(wanted)) > _FORMULA_MOST:
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
