"""Taxonomies as JSON."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.taxonomy.service import MAX_TARGET


class NodeOut(BaseModel):
    """A leaf, or a branch with the sums of its leaves; `failed` counts drafts by gate or outcome.

    `why` says why a leaf is short, `problem` why nothing can be asked for it.
    """

    model_config = ConfigDict(from_attributes=True)

    path: str
    leaf: bool = False
    leaves: int
    target: int | None
    seeds: int
    documents: int
    accepted: int
    approved: int
    rejected: int
    requests: int
    drafts: int
    failed: dict[str, int]
    short: int
    problem: str
    why: str = ""


class SeedOut(BaseModel):
    """A seed example: the sample that it is."""

    sample_id: int
    status: str
    question: str
    answer: str
    context: str
    origin: str


class DocumentOut(BaseModel):
    """A document of a leaf."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    words: int


class LeafOut(NodeOut):
    """A node with what its qna.yaml says, its seeds and its documents."""

    version: int | None
    author: str
    task_description: str
    domain: str
    outline: str
    document: dict[str, Any] | None
    attribution: str
    seed_examples: list[SeedOut]
    attached: list[DocumentOut]


class ProblemOut(BaseModel):
    """What is wrong with a file; `fatal` where its leaf, or the file, was left out."""

    model_config = ConfigDict(from_attributes=True)

    file: str
    line: int | None
    message: str
    fatal: bool


class ImportedOut(BaseModel):
    """What became of an archive."""

    model_config = ConfigDict(from_attributes=True)

    created: int
    updated: int
    seeds: int
    new_seeds: int
    made_seeds: int = Field(description="Seeds that people did not write")
    documents: int
    problems: list[ProblemOut]


class TreeForm(BaseModel):
    """What stands beside the archive of a tree."""

    license: str = Field("", max_length=500, description="Of what people wrote in it")
    source: str = Field("", max_length=200, description="Its name among the sources")


class DocumentForm(BaseModel):
    """What stands beside a document."""

    path: str = Field("", max_length=2000, description="The leaf that it is for")


class ReportOut(BaseModel):
    """The newest import: when, by whom, of which file, and what became of it."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    by: str
    file: str
    imported: ImportedOut
    found: int = Field(description="All problems; the first of them are kept")


class TargetOrder(BaseModel):
    path: str = Field("", max_length=2000, description="A leaf or a branch; empty for all leaves")
    target: int | None = Field(
        ge=0, le=MAX_TARGET, description="Samples per leaf; null takes it back"
    )


class LeavesOut(BaseModel):
    """How many leaves were changed."""

    leaves: int
