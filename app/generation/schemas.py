"""Runs, their accounts and batches as JSON."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.generation.guards import CapIn
from app.web.methods import MethodOut


class PromptOut(BaseModel):
    """A prompt of a generator: its words, the places it needs and those it may have."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    version: int
    hash: str
    system: str
    user: str
    needs: tuple[str, ...]
    may: tuple[str, ...]


class GeneratorOut(MethodOut):
    """A generator; `seeds` are the kinds it takes, none where it needs no seeds."""

    asks: bool
    needs: str
    seeds: list[str]
    makes: list[str]
    prompts: list[PromptOut]


class LineOut(BaseModel):
    """So many drafts ended so."""

    model_config = ConfigDict(from_attributes=True)

    outcome: str
    gate: str
    count: int


class GateOut(BaseModel):
    """How many drafts reached a gate, and how many passed it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    reached: int
    passed: int


class BatchOut(BaseModel):
    """How the batch of a run stands by the verdicts on what was drawn from it."""

    model_config = ConfigDict(from_attributes=True)

    made: int
    drawn: int
    decided: int
    rejected: int
    limit: float
    low: float
    high: float
    standing: str
    more: int


class RunOut(BaseModel):
    """A run with its account; `outcomes` add up to all drafts of all requests.

    Tokens and money are what the run paid for; `reused` replies were paid for before it.
    """

    id: uuid.UUID
    number: int
    job: uuid.UUID | None
    generator: str
    version: int
    params: dict[str, Any]
    prompts: dict[str, Any]
    provider: str
    model: str
    judge: str
    judge_model: str
    where: str
    pilot: bool
    created_at: datetime
    requests: int
    drafts: int
    accepted: int
    tokens_in: int
    tokens_out: int
    money: str
    reused: int
    outcomes: list[LineOut]
    gates: list[GateOut]
    batch: BatchOut


class DraftOut(BaseModel):
    """A line of the account of a run."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    item: int
    outcome: str
    gate: str
    reason: str
    gates: list[dict[str, Any]]
    sample_id: int | None
    parents: list[int]
    depth: int
    raw: str
    body: dict[str, Any] | None


class TriedOut(BaseModel):
    """What came of one of three requests; nothing of it is stored."""

    outcome: str
    gate: str
    reason: str
    body: dict[str, Any] | None
    raw: str


class ShareOut(BaseModel):
    """Words by origin, of all or of a domain."""

    model_config = ConfigDict(from_attributes=True)

    domain: str
    rows: int
    words: int
    synthetic: int
    share: float
    standing: str


class GuardOut(BaseModel):
    """How much is synthetic, rows by depth of generation, the caps, and how all that stands."""

    standing: str
    guarded: bool
    cap: CapIn
    shares: list[ShareOut]
    depths: dict[int, int]
