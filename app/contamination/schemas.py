"""Contamination as JSON."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class PairOut(BaseModel):
    """An item found in a sample: by which layers, how likely, what was decided."""

    model_config = ConfigDict(from_attributes=True)

    benchmark: str
    item_id: int
    sample_id: int
    layers: list[str]
    likely: float
    finding: str
    status: str
    verdict: str | None
    reason: str | None
    open: bool


class HitOut(BaseModel):
    """What one layer found; spans are ranges of characters of the whole text of either side."""

    model_config = ConfigDict(from_attributes=True)

    layer: str
    finding: str
    score: float
    likely: float
    item_spans: list[list[int]]
    sample_spans: list[list[int]]
    revision: int
    item_revision: int
    run_id: uuid.UUID
    created_at: datetime


class EvidenceOut(BaseModel):
    """Both texts of a pair and all that layers found."""

    item_id: int
    item_text: str
    sample_id: int
    sample_text: str
    hits: list[HitOut]


class CertificateOut(BaseModel):
    """Benchmarks with their hashes, layers with their thresholds, hits, verdicts, what is stale."""

    model_config = ConfigDict(from_attributes=True)

    dataset: str
    clean: bool
    open: int
    stale: list[str]
    benchmarks: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    note: str = ""


class DecidedOut(BaseModel):
    """How many pairs a verdict, or its undo, was about."""

    pairs: int


class LayerOut(BaseModel):
    """A layer with its help and the JSON schema of its parameters."""

    key: str
    title: str
    help: str
    params: dict[str, Any]
