"""What came of the requests of a run: a table that accounts for every one, the yield per gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import distinct, func, select, text
from sqlalchemy.orm import Session

from app.curation.generators.base import Outcome
from app.curation.generators.textbook import Textbook
from app.generation.models import GenerationDraft, GenerationRun
from app.llm import service as llm

_GATES = """
SELECT g.value->>'name' AS name, count(*) AS reached,
       count(*) FILTER (WHERE (g.value->>'passed')::boolean) AS passed
FROM generation_drafts d, jsonb_array_elements(d.gates) WITH ORDINALITY AS g(value, place)
WHERE d.run_id = :run_id GROUP BY 1 ORDER BY min(g.place), 1
"""
_CELLS = """
SELECT b.metadata->'cell'->>'topic', b.metadata->'cell'->>'audience', count(*)
FROM generation_drafts d JOIN samples s ON s.id = d.sample_id
JOIN sample_bodies b ON b.sample_id = s.id AND b.revision = 1
WHERE d.run_id = :run_id AND d.outcome = 'accepted' GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Line:
    """So many drafts ended so; the gate that they failed at, if they did."""

    outcome: str
    gate: str
    count: int


@dataclass(frozen=True, slots=True)
class GateYield:
    """How many drafts reached a gate, and how many passed it."""

    name: str
    reached: int
    passed: int


@dataclass(frozen=True, slots=True)
class Account:
    """All of a run: its requests, its drafts by outcome, and what was paid for them.

    Tokens and money are those of the ledger: replies that were `reused` had been paid by a pilot,
    by an earlier run or by this one before it was stopped, and are not paid again.
    """

    requests: int
    drafts: int
    accepted: int
    tokens_in: int
    tokens_out: int
    money: Decimal
    reused: int
    lines: tuple[Line, ...]
    gates: tuple[GateYield, ...]

    @property
    def share(self) -> float:
        """The accepted part of all drafts."""
        return self.accepted / self.drafts if self.drafts else 0.0


def of_run(session: Session, run: GenerationRun) -> Account:
    """The account as it stands, while the run goes on too."""
    mine = GenerationDraft.run_id == run.id
    query = (
        select(GenerationDraft.outcome, GenerationDraft.gate, func.count())
        .where(mine)
        .group_by(GenerationDraft.outcome, GenerationDraft.gate)
        .order_by(func.count().desc(), GenerationDraft.outcome, GenerationDraft.gate)
    )
    lines = tuple(Line(*row) for row in session.execute(query))
    requests = session.scalar(select(func.count(distinct(GenerationDraft.number))).where(mine))
    paid = llm.spent(session, run.job_id)
    gates = session.execute(text(_GATES), {"run_id": run.id})
    return Account(
        requests=requests or 0,
        drafts=sum(one.count for one in lines),
        accepted=sum(one.count for one in lines if one.outcome == Outcome.ACCEPTED),
        tokens_in=paid["tokens_in"],
        tokens_out=paid["tokens_out"],
        money=Decimal(paid["money"]),
        reused=paid["reused"],
        lines=lines,
        gates=tuple(GateYield(*row) for row in gates),
    )


def examples(
    session: Session, run: GenerationRun, outcome: str = "", limit: int = 20
) -> Sequence[GenerationDraft]:
    """The newest lines of a run, those with this outcome alone if one is given."""
    query = select(GenerationDraft).where(GenerationDraft.run_id == run.id)
    if outcome:
        query = query.where(GenerationDraft.outcome == outcome)
    return session.scalars(query.order_by(GenerationDraft.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Gates:
    """How many gates a draft passed of those that it reached."""

    passed: int
    reached: int


def gates_of(session: Session, sample_ids: Sequence[int]) -> dict[int, Gates]:
    """The gates of what these samples were as drafts; of those that went through some."""
    query = select(GenerationDraft.sample_id, GenerationDraft.gates).where(
        GenerationDraft.sample_id.in_(sample_ids)
    )
    return {
        sample: Gates(sum(bool(one["passed"]) for one in gates), len(gates))
        for sample, gates in session.execute(query)
        if gates
    }


def draft_of(session: Session, sample_id: int) -> GenerationDraft | None:
    """The line of the account that became this sample."""
    query = select(GenerationDraft).where(GenerationDraft.sample_id == sample_id)
    return session.scalars(query.limit(1)).one_or_none()


@dataclass(frozen=True, slots=True)
class Coverage:
    """A grid of topics (rows) and audiences (columns) with the accepted sections of each cell."""

    audiences: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    filled: int
    cells: int


def coverage(session: Session, run: GenerationRun) -> Coverage | None:
    """The grid of a run of textbook sections; None for other generators."""
    if run.generator != Textbook.key or run.pilot:
        return None
    axes = Textbook.model_validate(run.params).axes()
    found: dict[tuple[Any, Any], int] = {
        (topic, audience): count
        for topic, audience, count in session.execute(text(_CELLS), {"run_id": run.id})
    }
    audiences = tuple(axes["audience"])
    rows = tuple(
        (topic, tuple(found.get((topic, one), 0) for one in audiences)) for topic in axes["topic"]
    )
    filled = sum(count > 0 for _, counts in rows for count in counts)
    return Coverage(audiences, rows, filled, len(rows) * len(audiences))
