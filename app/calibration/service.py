"""Calibrating a signal of a dataset against decisions of reviewers or a rating."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.agreement import Floats, auroc
from app.curation.calibration import Calibration, Labelled, TooFewError, calibrate
from app.curation.rubrics.pairwise import Position, position
from app.datasets.models import Dataset
from app.errors import InvalidError, NotFoundError
from app.judging.service import ORDER, ORDER_KEY
from app.review.verdicts import DECISIONS, MAJORITY, shares
from app.samples import columns as held
from app.samples import registry
from app.samples.arrays import Columns, Values
from app.samples.search import Schema, schema_of
from app.scoring.models import CalibrationRecord

_SHOWN = 50
_AREAS = 6


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sample on which score and people differ: its score, what people said, how far apart."""

    id: int
    score: float
    label: float
    distance: float


@dataclass(frozen=True, slots=True)
class Report:
    """A calibration and the samples on which the two differ most."""

    signal: str
    against: str
    cut: float
    calibration: Calibration
    disagreements: list[Disagreement]
    ids: Values
    rows: Labelled


def labels_of(session: Session, dataset: Dataset, signal: str) -> str:
    """What people said here: their decisions, or where nobody decided an imported rating."""
    if session.execute(shares(dataset.id).limit(1)).first() is not None:
        return DECISIONS
    known = registry.signals(session, dataset.id)
    rated = (one.name for one in known if one.key == registry.IMPORTED and one.name != signal)
    return next(rated, DECISIONS)


def report(
    session: Session,
    dataset: Dataset,
    signal: str,
    against: str = DECISIONS,
    cut: float | None = None,
    passing: float | None = None,
) -> Report:
    """Compare a signal with verdicts, or with a rating whose good rows start at `passing`.

    Refuses where there are no labels, or labels of one kind only.
    """
    schema = schema_of(session, dataset.id)
    _must_be_number(schema, signal)
    names = {signal, "domain", "words"}
    if against != DECISIONS:
        _must_be_number(schema, against)
        names.add(against)
    columns = held.read(session, schema, names)
    since = _learned_at(schema, signal, against)
    labels = (
        verdicts(session, dataset, columns, since)
        if against == DECISIONS
        else columns[against].astype(np.float64)
    )
    rows = np.flatnonzero(~np.isnan(labels) & ~np.isnan(columns[signal].astype(np.float64)))
    if against != DECISIONS and passing is None and len(rows):
        passing = float(np.median(labels[rows]))
    labelled = _labelled(columns, signal, labels, rows, passing)
    try:
        found = calibrate(labelled, cut=cut)
    except TooFewError as error:
        raise InvalidError(str(error)) from error
    used = cut if cut is not None else found.suggested.at
    ids = columns.ids[rows]
    differ = _disagreements(ids, labelled, used)
    return Report(signal, against, used, found, differ, ids, labelled)


def areas(session: Session, dataset: Dataset, found: Report) -> list[tuple[str, float]]:
    """The area under ROC of every other signal on the same rows, the largest first."""
    schema = schema_of(session, dataset.id)
    names = [
        one.name
        for one in schema.signals
        if one.name in schema.fields
        and one.name != found.against
        and not (one.key == "learned" and one.params.get("labels") == found.against)
    ]
    columns = held.read(session, schema, names)
    places = np.searchsorted(columns.ids, found.ids)
    values = {name: columns[name][places].astype(np.float64) for name in names}
    known = {
        name: auroc(column[there], found.rows.good[there])
        for name, column in values.items()
        if (there := ~np.isnan(column)).sum() > len(found.ids) // 2
    }
    told = [(name, area) for name, area in known.items() if not np.isnan(area)]
    return sorted(told, key=lambda pair: -abs(pair[1] - 0.5))[:_AREAS]


def position_of(session: Session, dataset: Dataset, signal: str) -> Position | None:
    """How the order of pairs mattered to a judge that compares; None for any other signal."""
    schema = schema_of(session, dataset.id)
    order = next((one for one in schema.signals if one.name == signal + ORDER), None)
    if order is None or order.key != ORDER_KEY:
        return None
    return position(held.read(session, schema, {order.name})[order.name])


@dataclass(frozen=True, slots=True)
class Confusion:
    """Score and people side by side: both yes, score too kind, score too strict, both no."""

    both: int
    kind: int
    strict: int
    neither: int

    @property
    def agreed(self) -> float:
        """The share on which they agree."""
        total = self.both + self.kind + self.strict + self.neither
        return (self.both + self.neither) / max(total, 1)


def confusion(found: Report) -> Confusion:
    """The four cells at the cut in use."""
    kept, good = found.rows.scores >= found.cut, found.rows.good > 0
    cells = (kept & good, kept & ~good, ~kept & good, ~kept & ~good)
    return Confusion(*(int(cell.sum()) for cell in cells))


def _labelled(
    columns: Columns, signal: str, labels: Floats, rows: Values, passing: float | None
) -> Labelled:
    words = columns.words["domain"]
    return Labelled(
        scores=columns[signal][rows].astype(np.float64),
        labels=labels[rows],
        domains=[words[code] or "none" for code in columns["domain"][rows].tolist()],
        lengths=columns["words"][rows].astype(np.float64),
        passing=passing,
    )


def _must_be_number(schema: Schema, name: str) -> None:
    field = schema.fields.get(name)
    if field is None or field.type != "number":
        known = ", ".join(one.name for one in schema.signals) or "none yet"
        raise NotFoundError(f"There is no signal `{name}` here. There are: {known}.")


def _learned_at(schema: Schema, signal: str, against: str) -> datetime | None:
    """When a signal was learned from these labels: only verdicts given after it are a test of it.

    Refuses a rating that it was learned from, since ratings have no time: a model agrees with what
    it has seen.
    """
    learned = next((one for one in schema.signals if one.name == signal), None)
    if learned is None or learned.key != "learned" or learned.params.get("labels") != against:
        return None
    if against == DECISIONS:
        return learned.measured_at
    raise InvalidError(
        f"`{signal}` was learned from `{against}`, so that the two agree says nothing. Its metrics "
        "on rows it did not see stand under Learn; compare it here with other labels."
    )


def verdicts(
    session: Session, dataset: Dataset, columns: Columns, since: datetime | None = None
) -> Floats:
    """Per row whether people approved it (1) or rejected it (0); NaN where nobody decided."""
    found = np.full(len(columns), np.nan)
    decided = session.execute(shares(dataset.id, since)).all()
    if decided:
        ids = np.array([one.sample_id for one in decided])
        good = np.array([one.share > MAJORITY for one in decided])
        places = np.minimum(np.searchsorted(columns.ids, ids), max(len(columns) - 1, 0))
        there = columns.ids[places] == ids
        found[places[there]] = good[there]
    return found


def _disagreements(ids: Values, rows: Labelled, cut: float) -> list[Disagreement]:
    """The samples that score and people put on different sides, farthest from the cut first."""
    differ = (rows.scores >= cut) != (rows.good > 0)
    distance = np.abs(rows.scores - cut)
    places = np.flatnonzero(differ)
    order = places[np.argsort(-distance[places], kind="stable")][:_SHOWN]
    return [
        Disagreement(
            int(ids[place]),
            float(rows.scores[place]),
            float(rows.labels[place]),
            float(distance[place]),
        )
        for place in order
    ]


def record(
    session: Session, dataset: Dataset, report: Report, *, by: Principal
) -> CalibrationRecord:
    """Keep what a comparison found; it holds until the signal is measured in another way."""
    require_role(by, Role.LEAD, "record a calibration")
    signals = {one.name: one.fingerprint for one in registry.signals(session, dataset.id)}
    found = report.calibration
    row = CalibrationRecord(
        dataset_id=dataset.id,
        signal=report.signal,
        fingerprint=signals.get(report.signal, ""),
        against=report.against,
        labels=found.count,
        cut=report.cut,
        kappa=found.kappa.value,
        trusted=found.trusted,
        created_by=by.id,
    )
    session.add(row)
    session.flush()
    after = {"signal": row.signal, "kappa": row.kappa, "labels": row.labels, "cut": row.cut}
    audit.record(
        session,
        by,
        "calibration.record",
        ("calibration", row.id),
        dataset_id=dataset.id,
        after=after,
    )
    return row
