"""Choosing by hand which sample of a cluster stays."""

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Signed
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.errors import ConflictError, NotFoundError
from app.matching import finding, service, signing
from app.matching.finding import Looked
from app.matching.models import MatchCluster, MatchMember, MatchRun
from app.samples.models import Sample, Status


def cluster_of(session: Session, cluster_id: int) -> MatchCluster:
    """The cluster with this number."""
    found = session.get(MatchCluster, cluster_id)
    if found is None:
        raise NotFoundError(
            f"There is no cluster {cluster_id}; a newer run may have taken its place."
        )
    return found


def keep(session: Session, cluster_id: int, sample_id: int, *, by: Principal) -> MatchCluster:
    """Make this sample the one that stays; all others are compared with it anew.

    Those that are not alike enough to it leave the cluster.
    """
    require_role(by, Role.LEAD, "decide on duplicates")
    cluster = cluster_of(session, cluster_id)
    if cluster.keeper_id == sample_id:
        return cluster
    run = session.get_one(MatchRun, cluster.run_id)
    if run.against_id is not None:
        raise ConflictError("Samples of the other dataset stay. Its own are all compared with it.")
    members = select(MatchMember.sample_id).where(MatchMember.cluster_id == cluster_id)
    others = [cluster.keeper_id, *session.scalars(members.order_by(MatchMember.sample_id))]
    if sample_id not in others:
        raise NotFoundError(f"Sample {sample_id} is not in cluster {cluster_id}.")
    ids = [sample_id, *(one for one in others if one != sample_id)]
    samples = {one.id: one for one in session.scalars(select(Sample).where(Sample.id.in_(ids)))}
    if samples[sample_id].status in {Status.DROPPED, Status.REJECTED}:
        raise ConflictError(f"Sample {sample_id} is {samples[sample_id].status}; restore it first.")
    near = _nearness(session, run, [samples[one] for one in ids])
    _rewrite(session, cluster, [samples[one] for one in ids], near)
    audit.record(
        session,
        by,
        "match.keep",
        ("match_cluster", cluster.id),
        dataset_id=run.dataset_id,
        sample_id=sample_id,
        after={"kept": sample_id, "of": len(ids), "matcher": run.matcher},
    )
    return cluster


def _nearness(session: Session, run: MatchRun, samples: list[Sample]) -> list[float]:
    """How alike the first is to each; 0 where it is not enough."""
    matcher = service.matcher_of(run.matcher, run.params)
    looked = Looked(
        ids=np.array([one.id for one in samples], np.int64),
        revisions=np.array([one.revision for one in samples], np.int32),
        sources=np.array([one.source_id for one in samples], np.int32),
        reference=np.zeros(len(samples), bool),
    )
    signed = _signed(session, matcher, looked)

    def reread(rows: Ints) -> Batch:
        return signing.records(session, looked.ids[rows].tolist(), looked.revisions[rows].tolist())

    pairs = matcher.find(signed, reread)
    leader, near = buckets.stars(len(samples), pairs.first, pairs.second, pairs.similarity)
    found: list[float] = np.where(leader == 0, near, 0.0).tolist()
    return found


def _signed(session: Session, matcher: Matcher, looked: Looked) -> Signed:
    recipe = 0 if matcher.embeds else signing.recipe_of(session, matcher)
    return finding.signed(session, matcher, recipe, looked)


def _rewrite(
    session: Session, cluster: MatchCluster, samples: list[Sample], near: list[float]
) -> None:
    stay = [(one, like) for one, like in zip(samples[1:], near[1:], strict=True) if like > 0]
    session.execute(delete(MatchMember).where(MatchMember.cluster_id == cluster.id))
    if stay:
        rows = [
            {
                "cluster_id": cluster.id,
                "sample_id": one.id,
                "revision": one.revision,
                "similarity": like,
            }
            for one, like in stay
        ]
        session.execute(insert(MatchMember), rows)
    cluster.keeper_id, cluster.keeper_revision = samples[0].id, samples[0].revision
    cluster.size, cluster.most = len(stay) + 1, max((like for _, like in stay), default=0.0)
    session.flush()
