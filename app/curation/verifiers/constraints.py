"""The verifiable instructions of IFEval."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.instructions import CHECKS
from app.curation.verifiers.base import (
    FieldName,
    Tools,
    Verdict,
    Verifier,
    field_of,
    lacks,
    text_of,
)


class Constraints(Verifier):
    """Does the answer do what can be checked of its instruction?

    The 25 kinds of IFEval (Zhou et al. 2023, arXiv:2311.07911): lengths, key words, languages,
    formats, beginnings and ends, upper and lower case. A sample names them as IFEval does, in
    `instruction_id_list` and `kwargs`. The reason names each that is not met. Words and sentences
    are counted by rules of English.
    """

    key: ClassVar = "constraints"
    title: ClassVar = "Meets the constraints of its instruction"

    answer: FieldName = Field("response", description="Field with the answer")
    kinds: FieldName = Field(
        "metadata.instruction_id_list", description="Field with the list of constraints"
    )
    settings: FieldName = Field(
        "metadata.kwargs", description="Field with the list of their parameters"
    )

    def verify(self, record: Record, tools: Tools) -> Verdict:
        kinds, settings = field_of(record, self.kinds), field_of(record, self.settings) or []
        if not isinstance(kinds, list) or not kinds:
            return lacks("constraint", self.kinds)
        if not isinstance(settings, list):
            return Verdict(None, f"`{self.settings}` is no list.")
        answer = text_of(record, self.answer)
        broken: list[str] = []
        for place, kind in enumerate(kinds):
            given = settings[place] if place < len(settings) else {}
            met = _met(str(kind), answer, given if isinstance(given, dict) else {})
            if met is None:
                return Verdict(None, f"`{kind}` is no kind of IFEval, or lacks a parameter.")
            broken += [] if met else [str(kind)]
        if broken:
            return Verdict(False, f"Not met: {', '.join(broken)}; {_of(kinds, broken)}.")
        return Verdict(True, f"All {len(kinds)} are met.")


def _of(kinds: Sequence[Any], broken: Sequence[str]) -> str:
    return f"{len(kinds) - len(broken)} of {len(kinds)} are"


def _met(kind: str, answer: str, given: Mapping[str, Any]) -> bool | None:
    if kind not in CHECKS:
        return None
    try:
        return bool(answer.strip()) and CHECKS[kind](answer, given)
    except (KeyError, TypeError, ValueError):
        return None
