"""Whether labels can teach anything, with a sentence where they can't."""

from collections.abc import Sequence

import numpy as np

from app.curation.learners.base import Floats, LabelsError, Learner

FEWEST = 20
FEWEST_PER_CLASS = 5


def check(
    learner: Learner, labels: Floats, contents: Sequence[bytes], names: Sequence[str]
) -> None:
    """Refuse too few labels, one class alone, and contradictions.

    `contents` tells which rows say the same, `names` are those people know rows by.
    """
    if len(labels) < FEWEST:
        raise LabelsError(
            f"{_rows(len(labels))} a label; learning takes {FEWEST} at least. Label more first."
        )
    if not is_classes(labels):
        _check_numbers(learner, labels)
        return
    good = int((labels > 0).sum())
    bad = len(labels) - good
    if not good or not bad:
        which = "good" if good else "bad"
        raise LabelsError(
            f"All {len(labels):,} labels say {which}; learning takes both kinds, "
            f"{FEWEST_PER_CLASS} of each at least. Label the other kind too, or move the cut."
        )
    if min(good, bad) < FEWEST_PER_CLASS:
        raise LabelsError(
            f"There are {good:,} good and {bad:,} bad labels; learning takes "
            f"{FEWEST_PER_CLASS} of each at least."
        )
    _check_contradictions(labels, contents, names)


def is_classes(labels: Floats) -> bool:
    """Whether the labels are nothing but 0 and 1."""
    return bool(np.isin(labels, (0, 1)).all())


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def _check_numbers(learner: Learner, labels: Floats) -> None:
    if not learner.numbers:
        raise LabelsError(
            f"{learner.title} tells two classes apart, and these labels are numbers from "
            f"{labels.min():g} to {labels.max():g}. Give a cut: labels from it on count as good."
        )
    if labels.min() == labels.max():
        raise LabelsError(f"All {len(labels):,} labels are {labels.min():g}: nothing differs.")


def _check_contradictions(labels: Floats, contents: Sequence[bytes], names: Sequence[str]) -> None:
    first: dict[bytes, int] = {}
    pairs = []
    for row, content in enumerate(contents):
        other = first.setdefault(content, row)
        if labels[other] != labels[row]:
            pairs.append((names[other], names[row]))
    if pairs:
        more = f" There are {len(pairs):,} such rows." if len(pairs) > 1 else ""
        raise LabelsError(
            f"Samples {pairs[0][0]} and {pairs[0][1]} say the same and have opposite labels."
            f"{more} Decide which is right, or take one label away."
        )
