"""Centres of topics, their keywords and typical samples, from a part of the dataset."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.curation.selectors.clusters import centres, nearest
from app.curation.shape.titles import keywords, titles
from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.errors import InvalidError
from app.jobs.models import Job
from app.providers.embedders import Tier
from app.samples import columns as held
from app.samples import places, registry
from app.samples.models import SampleBody
from app.samples.places import SIDES, TOPIC, Topic, TopicModel
from app.samples.registry import PLACE, SignalSpec
from app.samples.search import schema_of
from app.topics import service

BY_KEYWORDS = "keywords"
_TRAINED_ON = 50_000  # vectors that centres are made of: 50 MB, and more change little
_TITLED_BY = 20_000  # texts whose words are counted
_CHARS = 4_000  # of each
EXAMPLES = 8
_NEXT = "next"  # the first number that no run has used

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


def fit(session: Session, job: Job) -> TopicModel:
    """A new model with its topics, not yet in use; what a run before left unfinished goes."""
    dataset_id, params = job.params["dataset_id"], job.params
    columns = held.read(session, schema_of(session, dataset_id), {"revision"})
    some = np.random.default_rng(params["seed"]).permutation(len(columns))[:_TRAINED_ON]
    ids, revisions = columns.ids[some], columns["revision"][some]
    embedding = embeddings.model_of(session, Tier.STATIC)
    vectors = embeddings.vectors(session, embedding, Part.FULL, ids.tolist(), revisions.tolist())
    wanted = params["topics"] or service.usual(len(columns))
    middles = centres(vectors, wanted, params["seed"]).astype(np.float32)
    middles = middles[np.unique(nearest(vectors, middles)[vectors.any(1)])]
    if not len(middles):
        raise InvalidError("No sample has words that could be compared: there are no topics here.")
    model = _model(session, job, middles, embedding.fingerprint)
    _topics(session, model, ids, vectors, middles)
    job.result = {**job.result, "model": model.id}
    return model


def _model(session: Session, job: Job, middles: Vectors, embedded_by: str) -> TopicModel:
    dataset_id = job.params["dataset_id"]
    unfinished = delete(TopicModel).where(TopicModel.dataset_id == dataset_id, ~TopicModel.current)
    session.execute(unfinished)
    last = places.topic_model(session, dataset_id)
    side = SIDES[0] if last is None or last.side == SIDES[1] else SIDES[1]
    first = _first_number(session, dataset_id)
    _claim(session, dataset_id, side, first + len(middles), job)
    model = TopicModel(
        dataset_id=dataset_id,
        version=last.version + 1 if last is not None else 1,
        side=side,
        first=first,
        count=len(middles),
        centres=np.ascontiguousarray(middles, np.float32).tobytes(),
        embedded_by=embedded_by,
        params={name: job.params[name] for name in ("topics", "seed")},
        job_id=job.id,
    )
    session.add(model)
    session.flush()
    return model


def _first_number(session: Session, dataset_id: int) -> int:
    """Behind all numbers that were ever given out; float32 tells 16 million of them apart."""
    slots = [one for one in registry.slots(session, dataset_id) if one.key == PLACE]
    return max((one.params.get(_NEXT, 1) for one in slots), default=1)


def _claim(session: Session, dataset_id: int, side: str, following: int, job: Job) -> None:
    name = places.slot_name(TOPIC, side)
    spec = SignalSpec(name, "Topic", PLACE, name, params={_NEXT: following})
    registry.claim_slots(session, dataset_id, [spec], job.id)


def _topics(
    session: Session, model: TopicModel, ids: Ids, vectors: Vectors, middles: Vectors
) -> None:
    clusters = nearest(vectors, middles)
    texts = _texts(session, ids[:_TITLED_BY])
    read = [row for row, one in enumerate(ids[:_TITLED_BY].tolist()) if one in texts]
    words = keywords(
        [texts[int(ids[row])] for row in read], clusters[np.array(read, np.int64)], len(middles)
    )
    for number, (title, some) in enumerate(zip(titles(words), words, strict=True)):
        mine = np.flatnonzero(clusters == number)
        near = mine[np.argsort(-(vectors[mine] @ middles[number]), kind="stable")[:EXAMPLES]]
        session.add(
            Topic(
                model_id=model.id,
                number=model.first + number,
                title=title,
                titled_by=BY_KEYWORDS,
                keywords=some,
                examples=ids[near].tolist(),
            )
        )
    session.flush()


def _texts(session: Session, ids: Ids) -> dict[int, str]:
    """The beginnings of texts; the newest revision is the present one, or will be soon."""
    found: dict[int, str] = {}
    for at in range(0, len(ids), service.BATCH):
        some = ids[at : at + service.BATCH].tolist()
        query = (
            select(SampleBody.sample_id, func.left(SampleBody.text, _CHARS))
            .where(SampleBody.sample_id.in_(some))
            .order_by(SampleBody.sample_id, SampleBody.revision)
        )
        found |= dict(session.execute(query).all())
    return found
