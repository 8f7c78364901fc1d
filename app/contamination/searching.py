"""What a worker holds to search: the items of a run, indexed by every layer, once per process."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.contamination.models import ContaminationRun
from app.curation.catalog import LAYERS
from app.curation.contamination.base import Layer, Setting, Text
from app.curation.contamination.fusing import Search
from app.curation.ports import Embedder
from app.embeddings import service as embeddings
from app.providers.embedders import Tier
from app.samples.models import Sample
from app.scoring import reading

_BACKGROUND = 1000


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a run: ids, revisions, benchmarks."""

    ids: Sequence[int]
    revisions: Sequence[int]
    benchmarks: Sequence[int]


_held: dict[uuid.UUID, tuple[Items, Search]] = {}


def search_of(session: Session, run: ContaminationRun) -> tuple[Items, Search]:
    """Index the items, unless this process did for this run."""
    if run.id not in _held:
        _held.clear()  # one at a time: 25,000 items take some 300 MB
        _held[run.id] = _make(session, run)
    return _held[run.id]


def _make(session: Session, run: ContaminationRun) -> tuple[Items, Search]:
    ids: list[int] = []
    revisions: list[int] = []
    benchmarks: list[int] = []
    texts: list[Text] = []
    for benchmark in run.benchmarks:
        for page in reading.matching(session, benchmark["id"], ""):
            ids += page.ids
            revisions += page.revisions
            benchmarks += [benchmark["id"]] * len(page.ids)
            texts += [Text(record) for record in page.records]
    layers = [_layer(one["key"], one["params"]) for one in run.layers]
    background = _background(session, run.dataset_id)
    rows = run.rows
    settings = {one.key: Setting(background, _embedder(one), rows) for one in layers}
    return Items(ids, revisions, benchmarks), Search(layers, texts, settings)


def _layer(key: str, params: dict[str, object]) -> Layer:
    return LAYERS[key].model_validate(params)


def _embedder(layer: Layer) -> Embedder | None:
    return embeddings.embedder(Tier(layer.tier)) if layer.tier is not None else None


def _background(session: Session, dataset_id: int) -> list[Text]:
    """About a thousand rows, the same ones in every worker."""
    mine = select(func.count()).select_from(Sample).where(Sample.dataset_id == dataset_id)
    every = max((session.scalar(mine) or 0) // _BACKGROUND, 1)
    return [
        Text(record)
        for page in reading.matching(session, dataset_id, "", every=every)
        for record in page.records
    ]
