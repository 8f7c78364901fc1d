"""Masking as JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class MaskIn(BaseModel):
    """Which samples, and which kinds of personal data; none: all kinds."""

    kinds: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=50)
    where: str = Field("", max_length=4000)


class KindCountOut(BaseModel):
    """A kind with its mask: samples that have it, places in them."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    title: str
    mask: str
    rows: int
    places: int


class ExampleOut(BaseModel):
    """A part of a sample before and after."""

    model_config = ConfigDict(from_attributes=True)

    sample_id: int
    before: str
    after: str


class PreviewOut(BaseModel):
    """What masking would change; `measured` of the matching samples are counted."""

    model_config = ConfigDict(from_attributes=True)

    matches: int
    measured: int
    rows: int
    kinds: list[KindCountOut]
    examples: list[ExampleOut]
