"""The answer that most of several answers agree on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.numbers import Number, last_number, number
from app.curation.verifiers.base import (
    FieldName,
    Tools,
    Verdict,
    Verifier,
    field_of,
    lacks,
    text_of,
)
from app.curation.verifiers.choice import letter_in
from app.curation.verifiers.math_answer import final_answer

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Votes:
    """The answer most agree on, how many do, how many answers there are."""

    answer: str
    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of


class Plurality(Verifier):
    """Is the answer the one that most of k independent answers give?

    For questions without a known answer. Answers are compared by their result, as Math answer finds
    it: numbers by value, else without case and space. Too few agreeing (question too hard or
    unclear) is no verdict. Where all agree the question may be too easy to teach: that is refuted
    if asked for (Phi-4 drops both).
    """

    key: ClassVar = "plurality"
    title: ClassVar = "Most answers agree with it"

    answer: FieldName = Field("response", description="Field with the answer")
    answers: FieldName = Field("metadata.answers", description="Field with the list of k answers")
    share: float = Field(0.5, gt=0, le=1, description="Share of the answers that must agree")
    refute_easy: bool = Field(False, description="Refute where all answers agree")

    def verify(self, record: Record, tools: Tools) -> Verdict:
        given = field_of(record, self.answers)
        if not isinstance(given, list) or len(given) < _FEWEST:
            return lacks("list of two answers or more", self.answers)
        return judged(text_of(record, self.answer), votes(given), self.share, self.refute_easy)


def judged(answer: str, found: Votes, share: float, refute_easy: bool = False) -> Verdict:
    """What the votes say of an answer."""
    told = f"{found.count} of {found.of} answers agree on `{found.answer[:60]}`"
    if found.share < share:
        return Verdict(None, f"{told}: too few to tell.")
    if refute_easy and found.count == found.of:
        return Verdict(False, f"{told}: the question is too easy.")
    mine = normal(answer)
    if mine == found.answer:
        return Verdict(True, f"{told}, and so does this one.")
    return Verdict(False, f"{told}; this one says `{mine[:60]}`.")


def votes(answers: Sequence[object]) -> Votes:
    """The plurality; of equals the one that came first."""
    counts = Counter(normal(str(one)) for one in answers)
    (answer, count), *_ = counts.most_common(1)
    return Votes(answer, count, len(answers))


def _at_the_end(text: str) -> Number | None:
    """The number that a short sentence ends with: `It is 4.`"""
    found = None if "\\" in text else last_number(text)
    ends = found is not None and text.rstrip(".* ").endswith(found.shown)
    return found if ends else None


def normal(text: str) -> str:
    """The result of an answer in one form."""
    found = final_answer(text)
    value = number(found) or _at_the_end(found)
    if value is not None:
        return str(value.value / 100 if value.percent else value.value)
    letter = letter_in(found) if len(found) <= 4 else None
    return letter or " ".join(found.casefold().split()).strip(".")
