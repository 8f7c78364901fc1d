"""What is known of benchmarks in a dataset: which, how looked for, what was found and decided."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.contamination import queries, service
from app.contamination.models import ContaminationRun, ContaminationVerdict
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.samples.models import Status

_NOT_PROVEN = (
    "No layer alone proves that a row is clean: what is named here was looked for by the layers "
    "named here."
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """All of it; `open` counts pairs that nobody settled, `stale` says what is not covered."""

    dataset: str
    benchmarks: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    open: int
    stale: list[str]

    @property
    def note(self) -> str:
        """What this does not prove, and who settled what was found."""
        models = Counter(one["model"] for one in self.verdicts)
        people = models.pop("", 0)
        said = [f"{people:,} verdicts are of people"] if people else []
        said += [f"{count:,} of the model {name}" for name, count in sorted(models.items())]
        return f"{_NOT_PROVEN} {', '.join(said)}." if said else _NOT_PROVEN

    @property
    def clean(self) -> bool:
        """Something was looked for, all is covered and settled."""
        return bool(self.runs) and not self.open and not self.stale


def certificate(session: Session, dataset: Dataset) -> Certificate:
    """The certificate of a dataset as it stands now; without runs when nothing was looked for."""
    runs = service.runs(session, dataset.id)
    counts = _counts(session, dataset.id)
    benchmarks, seen = [], set[int]()
    for run in runs:
        for one in run.benchmarks:
            if one["id"] not in seen:
                seen.add(one["id"])
                benchmarks.append({**one, **counts[one["id"]], "run": str(run.id)})
    return Certificate(
        dataset=dataset.name,
        benchmarks=benchmarks,
        runs=[_run(session, run) for run in runs],
        verdicts=_verdicts(session, dataset.id),
        open=sum(one["open"] for one in benchmarks),
        stale=_stale(session, runs),
    )


def _counts(session: Session, dataset_id: int) -> dict[int, dict[str, Any]]:
    nothing = dict.fromkeys(
        (
            "leaked",
            "samples",
            "matches",
            "candidates",
            "near",
            "open",
            "removed",
            "quarantined",
            "allowed",
        ),
        0,
    )
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {**nothing, "by_layer": {}})
    for row in session.execute(queries.by_benchmark(dataset_id)):
        found[row.benchmark_id] |= {name: getattr(row, name) for name in nothing}
    for benchmark, layer, number in session.execute(queries.by_layer(dataset_id)):
        found[benchmark]["by_layer"] = {**found[benchmark]["by_layer"], layer: number}
    return found


def _run(session: Session, run: ContaminationRun) -> dict[str, Any]:
    person = session.get(User, run.created_by) if run.created_by else None
    return {
        "id": str(run.id),
        "benchmarks": [one["dataset"] for one in run.benchmarks],
        "layers": run.layers,
        "rows": run.rows,
        "by": person.email if person else "",
        "read_at": run.read_at.isoformat() if run.read_at else None,
    }


def _verdicts(session: Session, dataset_id: int) -> list[dict[str, Any]]:
    query = (
        select(ContaminationVerdict, User.email)
        .outerjoin(User, User.id == ContaminationVerdict.made_by)
        .where(ContaminationVerdict.dataset_id == dataset_id)
        .order_by(ContaminationVerdict.item_id, ContaminationVerdict.sample_id)
    )
    return [
        {
            "item": one.item_id,
            "sample": one.sample_id,
            "verdict": one.verdict,
            "reason": one.reason,
            "model": one.model,
            "by": email or "",
            "at": one.created_at.isoformat(),
        }
        for one, email in session.execute(query)
    ]


def _stale(session: Session, runs: list[ContaminationRun]) -> list[str]:
    said = []
    for run in runs:
        named = ", ".join(one["dataset"] for one in run.benchmarks)
        last = service.newest(session, run.dataset_id, run.benchmarks, run.layers)
        if last is not None and last.finished_at is None:
            said.append(f"A later search for {named} has not come to its end. Look again.")
        unread = service.unread(session, run)
        if unread:
            said.append(
                f"{unread:,} rows were added or edited since {named} was looked for. Look again: "
                "only those are read."
            )
        said += [
            f"The benchmark {name} has other items now. Look for it again."
            for name in service.changed_benchmarks(session, run)
        ]
    return said


def refuse_open(session: Session, dataset: Dataset) -> None:
    """Refuse to release a dataset in which benchmarks were found and not all is settled."""
    found = certificate(session, dataset)
    if found.open:
        most = max(found.benchmarks, key=lambda one: one["open"])
        raise ConflictError(
            f"{found.open:,} hits of benchmarks are not settled in {dataset.name}, most of them "
            f"of {most['dataset']} ({most['open']:,}). Remove, quarantine or allow them on the "
            "page Contamination first."
        )
    approved = (Status.APPROVED,)
    for run in service.runs(session, dataset.id):
        unread = service.unread(session, run, approved)
        if unread:
            raise ConflictError(
                f"In {unread:,} approved rows of {dataset.name}, added or edited since, nobody "
                f"looked for {', '.join(one['dataset'] for one in run.benchmarks)}. Look again on "
                "the page Contamination: only those are read."
            )


def told(session: Session, dataset: Dataset) -> dict[str, Any] | None:
    """The certificate for a release; None where nothing was looked for."""
    found = certificate(session, dataset)
    if not found.runs:
        return None
    return {
        "benchmarks": found.benchmarks,
        "runs": found.runs,
        "verdicts": found.verdicts,
        "open": found.open,
        "stale": found.stale,
        "note": found.note,
    }
