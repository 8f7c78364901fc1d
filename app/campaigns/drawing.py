"""Drawing the samples of a campaign: in proportion to source, domain and cluster of meaning."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.campaigns import service, tagging
from app.campaigns.models import Campaign
from app.curation.selectors.clusters import centres, nearest
from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.embeddings.service import BATCH
from app.errors import InvalidError
from app.providers.embedders import Tier
from app.samples import strata
from app.samples.arrays import Columns
from app.samples.search import schema_of

_TRAINED_ON = 20_000  # vectors that the clusters are made of
_MOST_STRATA = 500  # that are kept to be shown


def draw(session: Session, campaign: Campaign, by: Principal, saved: Callable[[], None]) -> int:
    """Choose the samples, tag them with the campaign's name, and note their strata; how many.

    `saved` is called after each batch of vectors, which may all be missing.
    """
    schema = schema_of(session, campaign.dataset_id)
    columns, rows = strata.pool(session, schema, service.among(campaign))
    if not len(rows):
        raise InvalidError("No sample can be drawn: none matches, or none that matches is open.")
    codes = [columns[name][rows] for name in strata.STRATA]
    clusters = _clusters(session, campaign, columns, rows, saved)
    if clusters is not None:
        codes.append(clusters)
    places = strata.in_proportion(codes, campaign.size, campaign.seed)
    chosen = columns.ids[rows[places]].tolist()
    drawn_from = clusters[places].tolist() if clusters is not None else [None] * len(places)
    tagging.tag(session, campaign, chosen, drawn_from, by)
    words: dict[str, dict[int, Any]] = {
        "source": {number: name for name, number in schema.sources.items()},
        "domain": dict(enumerate(columns.words["domain"])),
    }
    campaign.strata = _strata(codes, places, words)
    campaign.drawn = len(chosen)
    return len(chosen)


def _clusters(
    session: Session,
    campaign: Campaign,
    columns: Columns,
    rows: strata.Rows,
    saved: Callable[[], None],
) -> NDArray[np.int64] | None:
    """The cluster of each row by its static vector; vectors that are missing are made."""
    if not campaign.clusters:
        return None
    model = embeddings.model_of(session, Tier.STATIC)
    ids, revisions = columns.ids[rows], columns["revision"][rows]

    def vectors(some: strata.Rows) -> NDArray[np.float32]:
        found = embeddings.vectors(
            session, model, Part.FULL, ids[some].tolist(), revisions[some].tolist()
        )
        saved()
        return found

    shuffled = np.random.default_rng(campaign.seed).permutation(len(ids))
    trained_on = np.sort(shuffled[:_TRAINED_ON])
    batches = [trained_on[at : at + BATCH] for at in range(0, len(trained_on), BATCH)]
    middles = centres(
        np.concatenate([vectors(some) for some in batches]), campaign.clusters, campaign.seed
    )
    everything = [np.arange(at, min(at + BATCH, len(ids))) for at in range(0, len(ids), BATCH)]
    return np.concatenate([nearest(vectors(some), middles) for some in everything])


def _strata(
    codes: list[strata.Codes], places: strata.Rows, words: dict[str, dict[int, Any]]
) -> list[dict[str, Any]]:
    """Every stratum with its rows and those that were drawn, the largest first."""
    kinds, which = np.unique(np.stack(codes), axis=1, return_inverse=True)
    which = which.reshape(-1)
    pool, drawn = np.bincount(which), np.bincount(which[places], minlength=kinds.shape[1])
    found = []
    for place in np.argsort(-pool, kind="stable")[:_MOST_STRATA].tolist():
        source, domain, *cluster = kinds[:, place].tolist()
        found.append(
            {
                "source": words["source"].get(source),
                "domain": words["domain"].get(domain),
                "cluster": cluster[0] if cluster else None,
                "pool": int(pool[place]),
                "drawn": int(drawn[place]),
            }
        )
    return found
