"""What drafts pass before they become samples: are they new, do they stand in no benchmark."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.generators.base import Asking, Draft, Gate, Generator, Made, Outcome
from app.curation.generators.lab import Lab
from app.curation.generators.nearness import Pool, Seen
from app.curation.records import Origin, Record
from app.errors import InvalidError
from app.generation import leaves
from app.generation.leaks import Leaks, items
from app.generation.models import GenerationDraft, GenerationRun
from app.samples.service import check_body
from app.scoring import reading

_LOCK = 0x67656E  # of runs that add samples to a dataset: "gen"


class Screening:
    """All that a run compares its drafts with, read once: the dataset, benchmarks, its own drafts.

    Deliberate errors and noise are near to their seeds by design: of them only equal ones are
    duplicates. What is near to its seed and should be is compared with everything else.
    """

    def __init__(self, generator: Generator, leaks: Leaks) -> None:
        self._generator = generator
        self._leaks = leaks
        self._asking = generator if isinstance(generator, Asking) else None
        self._seen = Seen()
        self._least = self._asking.novelty() if self._asking else 0.0
        self._pool = Pool()
        self._asked: set[leaves.Key] = set()
        self._last = 0

    @classmethod
    def of(cls, session: Session, dataset_id: int, generator: Generator) -> Self:
        """All of it at once."""
        found = cls(generator, Leaks(items(session)))
        for step in found.steps(session, dataset_id):
            step()
        return found

    def steps(self, session: Session, dataset_id: int) -> Iterator[Callable[[], None]]:
        """Read a part, and give the work on it: that may be done by another thread meanwhile."""
        if isinstance(self._generator, Lab):
            self._asked = leaves.known(session, dataset_id)
        if self._asking is None:
            return
        for page in reading.matching(session, dataset_id, "", metadata=bool(self._least)):
            yield partial(self._know, page.records)

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
        hits = self._leaks.held_by([_record(found[row].draft) for row in rows])
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
            gate = _novel(self._pool.nearest(told, self._least), self._least)
            made = replace(made, gates=(*made.gates, gate))
            if not gate.passed:
                return replace(made, outcome=Outcome.GATE, reason=gate.reason)
            self._pool.add(told)
        if asked is not None:
            self._asked.add(asked)
        self._seen.learn(record)
        return made


def _novel(alike: float, least: float) -> Gate:
    if alike:
        return Gate("novel", False, f"A known one is alike by a ROUGE-L of {alike:.2f}.")
    return Gate("novel", True, f"No known one is alike by a ROUGE-L of {least:.2f}.")


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
