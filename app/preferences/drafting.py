"""From groups of answers to pairs as samples: their texts are read, the gates decide."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.curation.pairs.answers import Answer, asked, question_key
from app.curation.pairs.building import Gate, Pair, Rules, build
from app.curation.records import Kind, Origin, Record
from app.preferences.candidates import Side
from app.samples.models import Sample, SampleBody, Status
from app.sources.models import Source

Key = tuple[int, int]  # a sample and its revision


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a side beside its text."""

    origin: Origin
    domain: str | None
    language: str | None
    source: str
    model: str
    run: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair as the sample that it would be, with what both of its sides are."""

    record: Record
    chosen: Key
    rejected: Key

    @property
    def sides(self) -> frozenset[Key]:
        """Both, in no order: whoever wins, it is the pair of the same two answers."""
        return frozenset((self.chosen, self.rejected))


@dataclass(frozen=True, slots=True)
class Drafted:
    """The pairs of some groups, and how many were refused by each gate."""

    drafts: tuple[Draft, ...]
    refused: Counter[Gate]


def draft(
    session: Session, groups: Sequence[Sequence[Side]], by: str, rules: Rules, margin: float
) -> Drafted:
    """Read the answers of these groups and build what passes."""
    answers, about = _read(session, groups)
    drafts: list[Draft] = []
    refused: Counter[Gate] = Counter()
    for group in groups:
        there = [answers[key] for one in group if (key := (one.id, one.revision)) in answers]
        for same in _same_question(there, refused):
            built = build(same, rules, margin)
            refused.update(built.refused)
            drafts += [_drafted(pair, by, about) for pair in built.pairs]
    return Drafted(tuple(drafts), refused)


# All revisions of these: most have one.
_ROWS = (
    select(
        Sample.id,
        Sample.kind,
        Sample.status,
        Sample.origin,
        Sample.domain,
        Sample.language,
        SampleBody.revision,
        SampleBody.body,
        SampleBody.sample_metadata.label("metadata"),
        Source.name.label("source"),
    )
    .join(SampleBody, SampleBody.sample_id == Sample.id)
    .join(Source, Source.id == Sample.source_id)
    .where(Sample.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
)


def _read(
    session: Session, groups: Sequence[Sequence[Side]]
) -> tuple[dict[Key, Answer], dict[Key, About]]:
    scores = {(one.id, one.revision): one.score for group in groups for one in group}
    answers, about = {}, {}
    ids = sorted({one for one, _ in scores})
    for row in session.execute(_ROWS, {"ids": ids}):
        key = (row.id, row.revision)
        both = asked(Kind(row.kind), row.body) if key in scores else None
        if both is None:
            continue
        answers[key] = Answer(*key, *both, scores[key], barred=row.status is Status.REJECTED)
        model = str(row.metadata.get("model") or row.metadata.get("generator") or "")[:200]
        run = row.metadata.get("run")
        made_by = run if isinstance(run, int) else None
        about[key] = About(row.origin, row.domain, row.language, row.source, model, made_by)
    return answers, about


def _same_question(answers: Sequence[Answer], refused: Counter[Gate]) -> list[list[Answer]]:
    """The answers parted by their question in full; those alone with theirs are counted."""
    parted: dict[bytes, list[Answer]] = defaultdict(list)
    for one in answers:
        parted[question_key(one.question)].append(one)
    alone = sum(len(one) == 1 for one in parted.values())
    if alone:
        refused[Gate.QUESTION] += alone
    return [one for one in parted.values() if len(one) > 1]


def _drafted(pair: Pair, by: str, about: Mapping[Key, About]) -> Draft:
    chosen, rejected = pair.chosen, pair.rejected
    keys = (chosen.id, chosen.revision), (rejected.id, rejected.revision)
    good, bad = about[keys[0]], about[keys[1]]
    told: dict[str, Any] = {
        "pair_by": by,
        "margin": round(pair.margin, 6),
        "length_ratio": round(pair.length_ratio, 4),
    }
    for side, answer, known in (("chosen", chosen, good), ("rejected", rejected, bad)):
        told[f"{side}_score"] = answer.score
        told[f"{side}_sample"], told[f"{side}_revision"] = answer.id, answer.revision
        told[f"{side}_source"] = known.source
        if known.model:
            told[f"{side}_model"] = known.model
        if known.run is not None:
            told[f"{side}_run"] = known.run
    body = {"prompt": chosen.question, "chosen": chosen.text, "rejected": rejected.text}
    record = Record(
        Kind.PREFERENCE,
        body,
        language=good.language,
        domain=good.domain,
        origin=_origin(good.origin, bad.origin),
        metadata=told,
    )
    return Draft(record, *keys)


def _origin(one: Origin, other: Origin) -> Origin:
    """Synthetic if a side is, else from the web if a side is."""
    ranked = (Origin.SYNTHETIC, Origin.WEB, Origin.HUMAN)
    return min(one, other, key=ranked.index)
