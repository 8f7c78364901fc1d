"""Guards against collapse: how much of a dataset is synthetic, how deep, and what releases may."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.records import Origin
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.generation import made_of, policies
from app.generation.models import GenerationRun, SyntheticCap
from app.samples.models import Sample, Status
from app.samples.search import condition

ALL = "all"
WARN_AT, BLOCK_AT = 0.5, 0.7
DEEP = 2  # what is made deeper than this is warned of
_LEAST_WORDS = 1000  # a domain of less is too small to speak of
_NAMED = 5  # domains in a sentence
_KEPT = (Status.PENDING, Status.IN_REVIEW, Status.APPROVED)


class CapIn(BaseModel):
    """From which share on is warned, and releases are blocked; a reason overrides the block."""

    warn_at: float = Field(WARN_AT, ge=0, le=1)
    block_at: float = Field(BLOCK_AT, ge=0, le=1)
    override_reason: str = Field("", max_length=1000, description="Why releases may pass anyway")

    @model_validator(mode="after")
    def _in_order(self) -> "CapIn":
        if self.warn_at > self.block_at:
            raise ValueError("the warning must come before the block")
        return self


@dataclass(frozen=True, slots=True)
class Share:
    """The words of a dataset or of a domain by their origin, and how they stand to the caps."""

    domain: str
    rows: int
    words: int
    synthetic: int
    standing: str

    @property
    def share(self) -> float:
        """The synthetic part of all words."""
        return self.synthetic / self.words if self.words else 0.0


@dataclass(frozen=True, slots=True)
class Guard:
    """Shares of all and of each domain, rows by depth, the caps, and whether they hold here.

    `guarded`: there are real rows to be crowded out, or samples were made here, or where the
    answers of its pairs come from. A dataset that was all synthetic when it came is what its
    owner wanted.
    """

    shares: tuple[Share, ...]
    depths: tuple[tuple[int, int], ...]
    cap: CapIn
    guarded: bool

    @property
    def standing(self) -> str:
        """`fine`, `warn` or `block`: that of all words, or of a domain that is over its cap."""
        found = [one.standing for one in self.shares]
        return next((one for one in ("block", "warn") if one in found), "fine")

    @property
    def deepest(self) -> int:
        """The largest depth, 0 where nothing was made here."""
        return max((depth for depth, _ in self.depths), default=0)


def cap_of(session: Session, dataset_id: int) -> CapIn:
    """The caps of a dataset, those by default where nobody set them."""
    row = session.get(SyntheticCap, dataset_id)
    if row is None:
        return CapIn()
    return CapIn(warn_at=row.warn_at, block_at=row.block_at, override_reason=row.override_reason)


def set_cap(session: Session, dataset: Dataset, given: CapIn, *, by: Principal) -> None:
    """Set the caps; an empty reason takes an override back."""
    policies.may_cap(by)
    before = cap_of(session, dataset.id).model_dump()
    row = session.get(SyntheticCap, dataset.id)
    if row is None:
        row = SyntheticCap(dataset_id=dataset.id)
        session.add(row)
    row.warn_at, row.block_at = given.warn_at, given.block_at
    row.override_reason = given.override_reason.strip()
    session.flush()
    audit.record(
        session,
        by,
        "dataset.synthetic_cap",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        before=before,
        after=given.model_dump(),
    )


def of_dataset(session: Session, dataset: Dataset, where: str = "") -> Guard:
    """How the rows stand that nobody threw out."""
    wanted = condition(session, dataset.id, where) & Sample.status.in_(_KEPT)
    return _guard(session, dataset, wanted)


def of_release(session: Session, dataset: Dataset, where: str) -> Guard:
    """How a release of the approved rows that match would stand."""
    wanted = condition(session, dataset.id, where) & (Sample.status == Status.APPROVED)
    return _guard(session, dataset, wanted)


def refuse_above(session: Session, dataset: Dataset, where: str) -> None:
    """Refuse a release in which too much is synthetic, unless somebody gave a reason for it."""
    found = of_release(session, dataset, where)
    if not found.guarded or found.cap.override_reason or found.standing != "block":
        return
    over = [one for one in found.shares if one.standing == "block"]
    raise ConflictError(
        f"{_named(over)} synthetic, and the cap of {dataset.name} is "
        f"{found.cap.block_at:.0%}: models that learn mostly from what models wrote lose what is "
        "rare. Add real rows, leave synthetic ones out by a filter, or give a reason for an "
        "override on the page Generate."
    )


def _named(over: Sequence[Share]) -> str:
    """Of which words too many are, all domains in one sentence."""
    if over[0].domain == ALL:
        return f"{over[0].share:.0%} of the words are"
    first = ", ".join(f"{one.domain} ({one.share:.0%})" for one in over[:_NAMED])
    more = f" and {len(over) - _NAMED:,} more" if len(over) > _NAMED else ""
    if len(over) == 1:
        return f"{over[0].share:.0%} of the words of the domain {over[0].domain} are"
    return f"The words of {len(over):,} domains, {first}{more}, are mostly"


def _guard(session: Session, dataset: Dataset, wanted: ColumnElement[bool]) -> Guard:
    cap = cap_of(session, dataset.id)
    synthetic = func.coalesce(func.sum(Sample.words).filter(Sample.origin == Origin.SYNTHETIC), 0)
    query = (
        select(Sample.domain, func.count(), func.coalesce(func.sum(Sample.words), 0), synthetic)
        .where(wanted)
        .group_by(Sample.domain)
        .order_by(func.sum(Sample.words).desc())
    )
    rows = [
        (str(domain or ""), int(count), int(words), int(made))
        for domain, count, words, made in session.execute(query)
    ]
    whole = (ALL, sum(row[1] for row in rows), sum(row[2] for row in rows))
    # Rows without a domain are no domain that others could be crowded out of.
    big = [row for row in rows if row[0] and row[2] >= _LEAST_WORDS and len(rows) > 1]
    shares = tuple(_share(*row, cap) for row in ((*whole, sum(row[3] for row in rows)), *big))
    real = shares[0].words > shares[0].synthetic
    guarded = real or _made_in(session, {dataset.id, *made_of.homes(session, wanted)})
    return Guard(shares, _depths(session, wanted), cap, guarded)


def _made_in(session: Session, datasets: set[int]) -> bool:
    """Whether a generator ran in one of these datasets."""
    made = select(GenerationRun.id).where(
        GenerationRun.dataset_id.in_(datasets), GenerationRun.pilot.is_(False)
    )
    return session.scalar(made.limit(1)) is not None


def _share(domain: str, rows: int, words: int, synthetic: int, cap: CapIn) -> Share:
    share = synthetic / words if words else 0.0
    standing = "block" if share > cap.block_at else "warn" if share > cap.warn_at else "fine"
    return Share(domain, rows, words, synthetic, standing)


def _depths(session: Session, wanted: ColumnElement[bool]) -> tuple[tuple[int, int], ...]:
    """Rows by their depth: of a pair that of its deeper side."""
    drafts = made_of.drafts(wanted)
    rows = select(func.max(drafts.c.depth).label("depth")).group_by(drafts.c.row).subquery()
    query = select(rows.c.depth, func.count()).group_by(rows.c.depth).order_by(rows.c.depth)
    return tuple((depth, count) for depth, count in session.execute(query))
