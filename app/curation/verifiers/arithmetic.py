"""The arithmetic of every step: each equation between numbers is worked out."""

from typing import ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.equations import equations
from app.curation.text.numbers import last_number, number
from app.curation.verifiers.base import FieldName, Tools, Verdict, Verifier, lacks, text_of


class Arithmetic(Verifier):
    """Is every equation between numbers right, line by line?

    Found are `48/2 = 24`, `5 apples + 3 apples = 8`, `20% of 50 = 10`, `<<48/2=24>>`, chains and
    parentheses; a side with a letter in it is passed over. A rounded result is right where it is
    right to the digits it has. The reason names the first wrong line, counted from 1. Where a
    reference is named, the last number must be that too.
    """

    key: ClassVar = "arithmetic"
    title: ClassVar = "Arithmetic of each step"

    answer: FieldName = Field("response", description="Field with the steps")
    reference: FieldName = Field("", description="Field with the number to arrive at, if any")

    def verify(self, record: Record, tools: Tools) -> Verdict:
        text = text_of(record, self.answer)
        count = 0
        for place, line in enumerate(text.splitlines(), start=1):
            for one in equations(line):
                count += 1
                if not one.holds:
                    said = f"Line {place}: {one.left} is {one.worth}, not {one.right}."
                    return Verdict(False, said)
        if self.reference:
            return self._arrived(record, text, count)
        if not count:
            return Verdict(None, "There is no equation between numbers.")
        return Verdict(True, f"{count} equations hold.")

    def _arrived(self, record: Record, text: str, count: int) -> Verdict:
        wanted, found = number(text_of(record, self.reference)), last_number(text)
        if wanted is None:
            return lacks("number to arrive at", self.reference)
        if found is None:
            return Verdict(None, "There is no number at the end.")
        said = f"{count} equations hold; it arrives at {found.shown}"
        if found.same(wanted):
            return Verdict(True, f"{said}.")
        return Verdict(False, f"{said}, not at {wanted.shown}.")
