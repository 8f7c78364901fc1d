"""What drafts pass before they become samples: are they new, do they stand in no benchmark."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.contamination.base import Finding, Index, Setting, Text
from app.curation.contamination.exact import Exact
from app.curation.contamination.ngrams import Ngram7, Ngram13
from app.curation.contamination.syntax import Syntax
from app.curation.generators.base import Asking, Draft, Gate, Generator, Made, Outcome
from app.curation.generators.lab import Lab
from app.curation.generators.nearness import Pool, Seen
from app.curation.records import Origin, Record
from app.datasets.models import Dataset, Purpose
from app.errors import InvalidError
from app.generation import leaves
from app.generation.models import GenerationDraft, GenerationRun
from app.samples.service import check_body
from app.scoring import reading

_LOCK = 0x67656E  # of runs that add samples to a dataset: "gen"


class Screening:
    """All that a run compares its drafts with, read once: the dataset, benchmarks, its own drafts.

    Deliberate errors and noise are near to their seeds by design: of them only equal ones are
    duplicates. What is near to its seed and should be is compared with everything else.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._asking = generator if isinstance(generator, Asking) else None
        self._seen = Seen()
        self._least = self._asking.novelty() if self._asking else 0.0
        self._pool = Pool()
        self._indexes: list[Index] = []
        self._asked: set[leaves.Key] = set()
        self._last = 0

    @classmethod
    def of(cls, session: Session, dataset_id: int, generator: Generator) -> Self:
        """All of it at once."""
        found = cls(generator)
        for step in found.steps(session, dataset_id):
            step()
        return found

    def steps(self, session: Session, dataset_id: int) -> Iterator[Callable[[], None]]:
        """Read a part, and give the work on it: that may be done by another thread meanwhile."""
        if isinstance(self._generator, Lab):
            self._asked = leaves.known(session, dataset_id)
        if items := _items(session):
            yield partial(self._index, items)
        if self._asking is None:
            return
        for page in reading.matching(session, dataset_id, "", metadata=bool(self._least)):
            yield partial(self._know, page.records)

    def _index(self, items: Sequence[Text]) -> None:
        layers = (Exact(), Ngram13(), Ngram7(), Syntax())
        self._indexes = [layer.index(items, Setting()) for layer in layers]

    def catch_up(self, session: Session, run: GenerationRun) -> None:
        """Know what others added since; until this transaction ends no other run adds a sample.

        Two runs at once, on the same seeds perhaps, so never take what is near to each other's.
        """
        session.execute(select(func.pg_advisory_xact_lock(_LOCK, run.dataset_id)))
        if self._asking is None:
            return
        own = select(GenerationDraft.sample_id).where(
            GenerationDraft.run_id == run.id, GenerationDraft.sample_id > self._last
        )
        known = set(session.scalars(own))  # as drafts
        where = f"id>{self._last}"
        for page in reading.matching(session, run.dataset_id, where, metadata=bool(self._least)):
            self._last = page.ids[-1]
            others = [one for one in page.records if one.id not in known]
            for one in others:
                self._seen.learn(one)
            self._tell_apart(others)

    def _know(self, records: Sequence[Record]) -> None:
        self._last = records[-1].id
        self._seen.add(records)
        self._tell_apart(records)

    def _tell_apart(self, records: Sequence[Record]) -> None:
        if self._asking is not None and self._least:
            for one in records:
                self._pool.add(self._asking.told_apart_by(one))

    def screened(self, made: Sequence[Made], of: Sequence[int | None] = ()) -> list[Made]:
        """The same lines in their order; those accepted so far may fail here.

        `of` are the leaves of a taxonomy that they were made for.
        """
        found = [self._whole(one) for one in made]
        rows = [row for row, one in enumerate(found) if one.outcome is Outcome.ACCEPTED]
        hits = self._contaminated([_record(found[row].draft) for row in rows])
        for place, row in enumerate(rows):
            if place in hits:
                reason = f"It holds an item of a benchmark ({hits[place]})."
                found[row] = replace(found[row], outcome=Outcome.CONTAMINATED, reason=reason)
            else:
                found[row] = self._new(found[row], of[row] if of else None)
        return found

    def _whole(self, made: Made) -> Made:
        """A body that the catalog would not take is no draft."""
        if made.draft is None or made.outcome is not Outcome.ACCEPTED:
            return made
        try:
            body = check_body(made.draft.kind, made.draft.body)
        except InvalidError as error:
            return Made(Outcome.UNREADABLE, gates=made.gates, reason=str(error))
        return replace(made, draft=replace(made.draft, body=body))

    def _contaminated(self, records: Sequence[Record]) -> dict[int, str]:
        """Which of them hold an item, and which layer says so."""
        if not self._indexes or not records:
            return {}
        texts = [Text(one) for one in records]
        return {
            hit.sample: hit.layer
            for index in self._indexes
            for hit in index.find(texts)
            if hit.finding is Finding.MATCH
        }

    def _new(self, made: Made, leaf: int | None) -> Made:
        if self._asking is None:
            return made
        record = _record(made.draft)
        asked = leaves.key(leaf, record.body) if leaf is not None else None
        if asked in self._asked:
            reason = "The leaf has this question."
            return replace(made, outcome=Outcome.DUPLICATE, reason=reason)
        apart = made.draft.parents if made.draft and self._generator.near_copy else ()
        near = self._seen.near(record, apart)
        if near is not None:
            what = f"sample {near[0]}" if near[0] else "a draft of this run"
            reason = f"It is near to {what} ({near[1]:.2f} of the hashes of its word runs)."
            return replace(made, outcome=Outcome.DUPLICATE, reason=reason)
        if self._least:
            told = self._asking.told_apart_by(record)
            alike = self._pool.nearest(told, self._least)
            if alike:
                gate = Gate("novel", False, f"A known one is alike by a ROUGE-L of {alike:.2f}.")
                return replace(
                    made, outcome=Outcome.GATE, gates=(*made.gates, gate), reason=gate.reason
                )
            self._pool.add(told)
        if asked is not None:
            self._asked.add(asked)
        self._seen.learn(record)
        return made


def _record(draft: Draft | None) -> Record:
    if draft is None:
        raise TypeError("An accepted line has a draft.")
    return Record(
        draft.kind,
        draft.body,
        language=draft.language,
        domain=draft.domain,
        origin=Origin.SYNTHETIC,
        metadata=draft.metadata,
    )


def _items(session: Session) -> list[Text]:
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
