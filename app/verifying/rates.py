"""How much of a dataset is verified, by each verifier and by all of them; the gate of releases."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.samples.models import DatasetSignal, Sample, Status
from app.samples.search import condition
from app.verifying import policies, service

ALL = "all"


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows by their verdict. `share` is what is verified of all rows, not of those checked."""

    name: str
    title: str
    rows: int
    verified: int
    refuted: int

    @property
    def unchecked(self) -> int:
        return self.rows - self.verified - self.refuted

    @property
    def share(self) -> float:
        return self.verified / self.rows if self.rows else 0.0


def rates(session: Session, dataset: Dataset, where: str = "") -> list[Rate]:
    """The rate of all verifiers together, then of each.

    Together a row is verified where one verifier says so and none refutes it.
    """
    known = service.signals(session, dataset.id)
    matching = condition(session, dataset.id, where)
    return [_together(session, known, matching), *_each(session, known, matching)]


def _yes(signal: DatasetSignal) -> ColumnElement[bool]:
    return Sample.scores[signal.slot + 1] == 1


def _no(signal: DatasetSignal) -> ColumnElement[bool]:
    return Sample.scores[signal.slot + 1] == 0


def _counted(
    session: Session, parts: Sequence[ColumnElement[bool]], of: ColumnElement[bool]
) -> list[int]:
    sums = [func.count(case((one, 1))) for one in parts]
    row = session.execute(select(func.count(), *sums).select_from(Sample).where(of)).one()
    return [int(one) for one in row]


def _together(
    session: Session, known: Sequence[DatasetSignal], matching: ColumnElement[bool]
) -> Rate:
    yes = or_(false(), *(func.coalesce(_yes(one), False) for one in known))
    no = or_(false(), *(func.coalesce(_no(one), False) for one in known))
    rows, verified, refuted = _counted(session, [and_(yes, ~no), no], matching)
    return Rate(ALL, "All verifiers together", rows, verified, refuted)


def _each(
    session: Session, known: Sequence[DatasetSignal], matching: ColumnElement[bool]
) -> list[Rate]:
    rows, *counts = _counted(
        session, [part for one in known for part in (_yes(one), _no(one))], matching
    )
    return [
        Rate(one.name, one.title, rows, counts[2 * place], counts[2 * place + 1])
        for place, one in enumerate(known)
    ]


def of_release(session: Session, dataset: Dataset, where: str) -> Rate:
    """The rate of the approved rows that match, by all verifiers together."""
    matching = condition(session, dataset.id, where) & (Sample.status == Status.APPROVED)
    return _together(session, service.signals(session, dataset.id), matching)


def refuse_below(session: Session, dataset: Dataset, where: str) -> None:
    """Refuse a release of which less is verified than the dataset's gate asks for."""
    if dataset.verified_at_least is None:
        return
    found = of_release(session, dataset, where)
    if found.share < dataset.verified_at_least:
        raise ConflictError(
            f"{found.share:.1%} of the {found.rows:,} approved rows are verified, the gate of "
            f"{dataset.name} asks for {dataset.verified_at_least:.0%}: {found.refuted:,} are "
            f"refuted, {found.unchecked:,} have no verdict. Verify the rest, leave refuted rows "
            "out by a filter, or change the gate on the page Verify."
        )


def set_gate(session: Session, dataset: Dataset, at_least: float | None, *, by: Principal) -> None:
    """Ask that so much of each release be verified; None asks for nothing."""
    policies.may_set_gate(by)
    before, dataset.verified_at_least = dataset.verified_at_least, at_least
    session.flush()
    audit.record(
        session,
        by,
        "dataset.gate",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        before={"verified_at_least": before},
        after={"verified_at_least": at_least},
    )
