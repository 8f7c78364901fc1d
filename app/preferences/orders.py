"""What is asked for: which answers are compared, by what, into which dataset."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.classification.service import KEY as CLASSIFIER
from app.curation.catalog import SIGNALS, VERIFIERS
from app.curation.pairs.building import Rules
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.samples import naming, registry
from app.samples.models import DatasetSignal


class Way(StrEnum):
    """Where candidates come from."""

    SCORES = "scores"
    VERIFIED = "verified"
    LADDER = "ladder"
    EDITS = "edits"
    ERRORS = "errors"


ABOUT: dict[Way, str] = {
    Way.SCORES: "answers to the same question, by a score: best of n",
    Way.VERIFIED: "a verified answer over one that the same verifier refuted",
    Way.LADDER: "answers of a graded ladder, by their grade",
    Way.EDITS: "what a person corrected, over the text before",
    Way.ERRORS: "the original, over the copy with deliberate errors",
}
_NAMED = (Way.SCORES, Way.VERIFIED)
# What grades an answer: judges, learned scorers, several scores as one, classifiers, imports. Not
# what tells where a row stands: duplicates, splits, selections.
_GRADES = frozenset({"judge", "learned", "ensemble", CLASSIFIER, registry.IMPORTED})
_BETTER = frozenset(name for each in SIGNALS.values() for name in each.better)


class Order(BaseModel):
    """Pairs to build: by which way, of which samples, into which dataset."""

    by: str = Field(
        max_length=120,
        description="scores:SIGNAL, verified:VERIFIER, ladder, edits or errors",
    )
    into: str = Field("", max_length=100, description="Where the pairs go; empty: the same dataset")
    where: str = Field(
        "",
        max_length=4000,
        description="Only answers that match; of ladders and errors, originals that match",
    )
    rules: Rules = Field(Rules(), description="Which pairs, and the gates they must pass")


@dataclass(frozen=True, slots=True)
class Method:
    """A way, with the signal that it reads, if it reads one."""

    way: Way
    signal: DatasetSignal | None = None

    @property
    def name(self) -> str:
        return f"{self.way}:{self.signal.name}" if self.signal else self.way.value


def method(session: Session, dataset: Dataset, by: str) -> Method:
    """The method of a name; refuses one that there is not, with those that there are."""
    name, _, signal = by.partition(":")
    if name not in list(Way):
        raise InvalidError(
            f"`{by}` is no way to build pairs. There are scores:SIGNAL, verified:VERIFIER, "
            "ladder, edits and errors.",
            errors=[{"path": "by", "message": f"unknown way {name}"}],
        )
    way = Way(name)
    if way not in _NAMED:
        if signal:
            raise InvalidError(f"`{way}` reads no signal: write `{way}` alone.")
        return Method(way)
    return Method(way, _signal(session, dataset, way, signal))


def measured(session: Session, dataset: Dataset, way: Way) -> dict[str, DatasetSignal]:
    """The signals of a dataset that pairs can be built by: more of it is a better answer."""
    fits = is_verifier if way is Way.VERIFIED else _grades
    return {one.name: one for one in registry.signals(session, dataset.id) if fits(one)}


def is_verifier(signal: DatasetSignal) -> bool:
    """Whether it is 1 for verified answers, 0 for refuted ones."""
    return signal.key in VERIFIERS


def _grades(signal: DatasetSignal) -> bool:
    return signal.key in _GRADES or is_verifier(signal) or signal.name in _BETTER


def _signal(session: Session, dataset: Dataset, way: Way, name: str) -> DatasetSignal:
    known = measured(session, dataset, way)
    if name in known:
        return known[name]
    if not known and way is Way.VERIFIED:
        raise InvalidError(f"Nothing is verified in {dataset.name} yet: verify it first.")
    if any(one.name == name for one in registry.signals(session, dataset.id)):
        what = "a better answer" if way is Way.SCORES else "an answer that is right"
        there = (
            f"There are: {naming.some(list(known))}."
            if known
            else "Judge or verify the answers first."
        )
        raise InvalidError(f"More of `{name}` is no sign of {what}. {there}")
    if known:
        raise InvalidError(naming.unknown(name, list(known)))
    raise InvalidError(f"Nothing is scored in {dataset.name} yet: judge or verify it first.")
