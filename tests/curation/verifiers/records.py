"""Records for tests of verifiers."""

from typing import Any

from app.curation.ports import Finding, Trial
from app.curation.records import Kind, Record
from app.curation.verifiers.base import Tools, Verdict, Verifier

NO_TOOLS = Tools()


def answered(output: str, prompt: str = "What is it?", **metadata: Any) -> Record:
    """An instruction with an answer and metadata."""
    body = {"instruction": prompt, "input": "", "output": output}
    return Record(Kind.INSTRUCTION, body, metadata=metadata)


def verdict(verifier: Verifier, output: str, **metadata: Any) -> Verdict:
    return verifier.verify(answered(output, **metadata), NO_TOOLS)


class Recorder:
    """A sandbox that answers what it is told, and keeps what it was given."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        self.trials: list[Trial] = []

    def check(self, trial: Trial) -> Finding:
        self.trials.append(trial)
        return self.finding
