"""What several judges, or other signals, say together."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from app.curation.records import Record
from app.curation.verifiers.base import Tools, Verdict, Verifier


class Agreement(Verifier):
    """Do several signals agree that the sample is good?

    Each signal votes for it where its value is at least the cut. Signals without a value don't
    vote; fewer votes than asked for are no verdict. Judges that disagree are refuted: look at
    those samples first.
    """

    key: ClassVar = "agreement"
    title: ClassVar = "Judges agree that it is good"

    signals: str = Field(
        "", max_length=2000, description="Signals, parted by commas: judges, learned scores, checks"
    )
    cut: float = Field(3.0, description="Value from which on a signal votes for the sample")
    need: Literal["all", "most"] = Field(
        "all", description="How many of those that vote must agree"
    )
    votes: int = Field(2, ge=2, le=20, description="Signals that must have a value")

    def reads(self) -> Sequence[str]:
        return [one.strip() for one in self.signals.split(",") if one.strip()]

    def verify(self, record: Record, tools: Tools) -> Verdict:
        values = {name: record.scores[name] for name in self.reads() if name in record.scores}
        if len(values) < self.votes:
            return Verdict(None, f"{len(values)} signals have a value, {self.votes} must.")
        yes = [name for name, value in values.items() if value >= self.cut]
        enough = len(values) if self.need == "all" else len(values) // 2 + 1
        each = ", ".join(f"{name} {value:g}" for name, value in values.items())
        return Verdict(len(yes) >= enough, f"{len(yes)} of {len(values)} vote for it: {each}.")
