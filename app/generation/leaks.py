"""Items of benchmarks: what holds one enters no prompt, and becomes no sample."""

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.contamination.base import Finding, Index, Setting, Text
from app.curation.contamination.exact import Exact
from app.curation.contamination.ngrams import Ngram7, Ngram13
from app.curation.contamination.syntax import Syntax
from app.curation.generators.base import Made, Outcome, Task
from app.curation.records import Record
from app.datasets.models import Dataset, Purpose
from app.scoring import reading


class Leaks:
    """The items of all protected datasets, and what holds one of them."""

    def __init__(self, items: Sequence[Text]) -> None:
        layers = (Exact(), Ngram13(), Ngram7(), Syntax()) if items else ()
        self._indexes: list[Index] = [layer.index(items, Setting()) for layer in layers]

    def held_by(self, records: Sequence[Record]) -> dict[int, str]:
        """By place, which of them hold an item, and which layer says so first."""
        if not self._indexes or not records:
            return {}
        texts, found = [Text(one) for one in records], dict[int, str]()
        for hit in (hit for index in self._indexes for hit in index.find(texts)):
            if hit.finding is Finding.MATCH:
                found.setdefault(hit.sample, hit.layer)
        return found

    def next(self, tasks: Iterator[Task], count: int) -> list[tuple[Task, Made | None]]:
        """The next tasks, each with what becomes of it where no model may be asked."""
        found = list(islice(tasks, count))
        return list(zip(found, self.refused(found), strict=True))

    def refused(self, tasks: Sequence[Task]) -> list[Made | None]:
        """For each task what becomes of it unasked: that one of its seeds holds an item."""
        seeds = [(place, seed) for place, task in enumerate(tasks) for seed in task.seeds]
        found: list[Made | None] = [None] * len(tasks)
        for at, layer in self.held_by([seed for _, seed in seeds]).items():
            place, seed = seeds[at]
            reason = f"Seed {seed.id} holds an item of a benchmark ({layer}): no model was asked."
            found[place] = Made(Outcome.CONTAMINATED, reason=reason)
        return found


def items(session: Session) -> list[Text]:
    """The items of all protected datasets."""
    query = select(Dataset.id).where(
        Dataset.purpose == Purpose.BENCHMARK, Dataset.deleted_at.is_(None)
    )
    return [
        Text(record)
        for dataset_id in session.scalars(query)
        for page in reading.matching(session, dataset_id, "")
        for record in page.records
    ]
