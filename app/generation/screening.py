"""What drafts pass before they become samples: are they new, do they stand in no benchmark."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.contamination.base import Finding, Index, Setting, Text
from app.curation.contamination.exact import Exact
from app.curation.contamination.ngrams import Ngram7, Ngram13
from app.curation.generators.base import Asking, Draft, Gate, Generator, Made, Outcome
from app.curation.generators.lab import Lab
from app.curation.generators.nearness import Pool, Seen
from app.curation.records import Origin, Record
from app.curation.text.parts import prompt_text
from app.datasets.models import Dataset, Purpose
from app.errors import InvalidError
from app.generation import leaves
from app.generation.models import GenerationRun
from app.samples.service import check_body
from app.scoring import reading


class Screening:
    """All that a run compares its drafts with, read once: the dataset, benchmarks, its own drafts.

    Deliberate errors and noise are near to their seeds by design: of them only equal ones are
    duplicates. What is near to its seed and should be is compared with everything else.
    """

    def __init__(self, session: Session, run: GenerationRun, generator: Generator) -> None:
        self._generator = generator
        self._seen = Seen() if isinstance(generator, Asking) else None
        self._least = generator.novelty() if isinstance(generator, Asking) else 0.0
        self._pool = Pool()
        self._asked = leaves.known(session, run.dataset_id) if isinstance(generator, Lab) else set()
        self._indexes = _benchmarks(session)
        if self._seen is None:
            return
        for page in reading.matching(session, run.dataset_id, ""):
            self._seen.add(page.records)
            if self._least:
                for one in page.records:
                    self._pool.add(prompt_text(one.kind, one.body))

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
        if self._seen is None:
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
            question = prompt_text(record.kind, record.body)
            alike = self._pool.nearest(question, self._least)
            if alike:
                gate = Gate(
                    "novel", False, f"A known question is alike by a ROUGE-L of {alike:.2f}."
                )
                return replace(
                    made, outcome=Outcome.GATE, gates=(*made.gates, gate), reason=gate.reason
                )
            self._pool.add(question)
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
    )


def _benchmarks(session: Session) -> list[Index]:
    """All protected datasets, as the layers look for them that say it surely."""
    query = select(Dataset.id).where(
        Dataset.purpose == Purpose.BENCHMARK, Dataset.deleted_at.is_(None)
    )
    items = [
        Text(record)
        for dataset_id in session.scalars(query)
        for page in reading.matching(session, dataset_id, "")
        for record in page.records
    ]
    if not items:
        return []
    return [layer.index(items, Setting()) for layer in (Exact(), Ngram13(), Ngram7())]
