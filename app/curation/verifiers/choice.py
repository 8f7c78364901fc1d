"""The letter of a multiple choice."""

import re
from typing import ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.verifiers.base import FieldName, Tools, Verdict, Verifier, lacks, text_of

_DIGITS = 3
_SAID = re.compile(
    r"(?:answer|choice|option|choose|pick)\b(?:\s+(?:is|was|would\s+be|must\s+be))?\s*[:=]?\s*"
    r"(?:option\s+|choice\s+)?[*_($\[]*(?:\\boxed\{|\\text\{|\\mathrm\{)*([A-Z])\b(?!['’])",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{|\\mathrm\{)?\s*\(?([A-Za-z])\)?\s*\}")
_ALONE = re.compile(r"^[\s*_(\[]*([A-Za-z])[\s*_)\].:]*$", re.MULTILINE)
_FIRST = re.compile(r"^[\s*_(\[]*(?:([A-Z])[.:]|([A-Za-z])[)\]])")
_BRACKETED = re.compile(r"(?<![\w(])\(?([A-Za-z])\)(?!\w)")


class Choice(Verifier):
    """Is the chosen letter the right one?

    The letter is found where it is said (`the answer is (B)`, `\\boxed{B}`, a letter alone on a
    line, a letter at the beginning, `b)`); of several the last counts. The reference may be a
    letter or the number of an option, counted from 0 where that is said.
    """

    key: ClassVar = "choice_letter"
    title: ClassVar = "Chosen letter is right"

    answer: FieldName = Field("response", description="Field with the answer")
    reference: FieldName = Field("metadata.answer", description="Field with the right letter")
    letters: int = Field(26, ge=2, le=26, description="Letters that there are, from A")
    from_zero: bool = Field(False, description="A number as reference counts from 0")

    def verify(self, record: Record, tools: Tools) -> Verdict:
        answer, reference = text_of(record, self.answer), text_of(record, self.reference)
        if not reference:
            return lacks("right letter", self.reference)
        right = self._right(reference.strip())
        if right is None:
            return Verdict(None, f"The reference `{reference[:40]}` is no letter of a choice.")
        chosen = letter_in(answer, self.letters)
        if chosen is None:
            return Verdict(None, "The answer names no letter.")
        said = f"It chose {chosen}, {right} is right."
        return Verdict(chosen == right, said if chosen != right else f"It chose {chosen}.")

    def _right(self, reference: str) -> str | None:
        if reference.isdecimal() and len(reference) <= _DIGITS:
            place = int(reference) - (not self.from_zero)
            return chr(ord("A") + place) if 0 <= place < self.letters else None
        return letter_in(reference, self.letters)


def letter_in(text: str, letters: int = 26) -> str | None:
    """The letter that an answer ends up with."""
    for pattern in (_BOXED, _SAID, _ALONE, _FIRST):
        found = [one[one.lastindex or 0].upper() for one in pattern.finditer(text)]
        found = [one for one in found if ord(one) - ord("A") < letters]
        if found:
            return found[-1]
    alike = {one.upper() for one in _BRACKETED.findall(text)}
    return alike.pop() if len(alike) == 1 and min(alike) < chr(ord("A") + letters) else None
