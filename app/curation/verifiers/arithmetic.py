"""The arithmetic of every step: each equation between numbers is worked out."""

from typing import ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.equations import equations
from app.curation.text.numbers import last_number, number
from app.curation.verifiers.base import FieldName, Tools, Verdict, Verifier, lacks, text_of


class Arithmetic(Verifier):
    """Is every equation between numbers right, line by line?

    Found are `48/2 = 24`, `5 apples + 3 apples = 8`, `20% of 50 = 10`, `<<48/2=24>>`, `2^3 = 8`,
    `4 plus 4 = 8`, fractions of LaTeX, parentheses, and chains, of which every link must hold; a
    side with a letter in it is passed over. One between numbers that can't be worked out (a root)
    leaves no verdict. A rounded result is right where it is right to the digits it has. The reason
    names the first wrong line, counted from 1. Where a reference is named, the last number must be
    that too.
    """

    key: ClassVar = "arithmetic"
    title: ClassVar = "Arithmetic of each step"

    answer: FieldName = Field("response", description="Field with the steps")
    reference: FieldName = Field("", description="Field with the number to arrive at, if any")

    def verify(self, record: Record, tools: Tools) -> Verdict:
        text = text_of(record, self.answer)
        count, unread = 0, ""
        for place, line in enumerate(text.splitlines(), start=1):
            for one in equations(line):
                if one.holds is False:
                    return Verdict(False, f"Line {place}: {one.fault}.")
                count += one.holds is True
                if one.holds is None:
                    unread = unread or f"Line {place}: {one.left} = {one.right} can't be read."
        hold = "1 equation holds" if count == 1 else f"{count} equations hold"
        if self.reference:
            found = self._arrived(record, text, hold)
        elif count:
            found = Verdict(True, f"{hold}.")
        else:
            found = Verdict(None, "There is no equation between numbers.")
        return Verdict(None, unread) if unread and found.passed is not False else found

    def _arrived(self, record: Record, text: str, hold: str) -> Verdict:
        wanted, found = number(text_of(record, self.reference)), last_number(text)
        if wanted is None:
            return lacks("number to arrive at", self.reference)
        if found is None:
            return Verdict(None, "There is no number at the end.")
        said = f"{hold}; it arrives at {found.shown}"
        if found.same(wanted):
            return Verdict(True, f"{said}.")
        return Verdict(False, f"{said}, not at {wanted.shown}.")
