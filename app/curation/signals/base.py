"""What a signal is: measures a batch of records and returns one row of numbers per record."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.curation.methods import Method

if TYPE_CHECKING:
    from app.curation.signals.batch import Batch


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that a signal stores: its name in filters, and what it means."""

    name: str
    title: str
    help: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Why a record got its value: a sentence, and places as (start, end) in its full text."""

    text: str = ""
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """Values of a batch: float32, shape (records, measures), NaN where nothing can be measured.

    `labels` holds a word per record where the signal names something (a language); `notes` are
    by row.
    """

    values: NDArray[np.float32]
    labels: Sequence[str | None] | None = None
    notes: Mapping[int, Note] = field(default_factory=dict)


class Signal(Method):
    """Measures records. Raw values are stored; rules and profiles judge them later.

    `flags` names the measures that mark the records in which they are above 0: pages count those.
    `better` names those of which more is better, so that an answer may be preferred by them.
    """

    measures: ClassVar[tuple[Measure, ...]]
    flags: ClassVar[Sequence[str]] = ()
    better: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def score(self, batch: "Batch") -> Scores:
        """Give one row of values per record, in order; change nothing, raise for no text."""
