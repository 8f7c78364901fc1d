"""The samples of a campaign carry its name as a tag, and their ledger says so."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.campaigns.models import Campaign

_DRAW = """
INSERT INTO campaign_samples (campaign_id, sample_id, cluster)
SELECT :campaign, n.id, n.cluster
FROM unnest(CAST(:ids AS bigint[]), CAST(:clusters AS int[])) AS n(id, cluster)
"""
_TAG = """
UPDATE samples SET tags = coalesce(tags, '{}') || CAST(:tag AS text), changed_at = now()
WHERE id = ANY(CAST(:ids AS bigint[])) AND NOT coalesce(tags, '{}') @> ARRAY[CAST(:tag AS text)]
"""
_UNTAG = """
UPDATE samples s SET tags = nullif(array_remove(s.tags, CAST(:tag AS text)), '{}'),
  changed_at = now()
FROM campaign_samples c WHERE c.campaign_id = :campaign AND c.sample_id = s.id
"""
_EVENTS = """
INSERT INTO audit_events (actor_id, actor, action, object_type, object_id, dataset_id, sample_id,
                          after)
SELECT CAST(:actor_id AS uuid), :actor, :action, 'campaign', CAST(:campaign AS text), s.dataset_id,
       s.id, jsonb_build_object('campaign', CAST(:tag AS text), 'cluster', c.cluster)
FROM campaign_samples c JOIN samples s ON s.id = c.sample_id
WHERE c.campaign_id = :campaign ORDER BY s.id
"""


def tag(
    session: Session,
    campaign: Campaign,
    ids: Sequence[int],
    clusters: Sequence[int | None],
    by: Principal,
) -> None:
    """Make these the samples of the campaign."""
    session.execute(text(_DRAW), {"campaign": campaign.id, "ids": ids, "clusters": clusters})
    session.execute(text(_TAG), {"tag": campaign.name, "ids": ids})
    _record(session, campaign, by, "campaign.draw")


def untag(session: Session, campaign: Campaign, by: Principal) -> None:
    """Take the campaign's tag from its samples."""
    _record(session, campaign, by, "campaign.delete")
    session.execute(text(_UNTAG), {"tag": campaign.name, "campaign": campaign.id})


def _record(session: Session, campaign: Campaign, by: Principal, action: str) -> None:
    """An event in the ledger of every sample of the campaign."""
    session.execute(
        text(_EVENTS),
        {
            "actor_id": by.id,
            "actor": by.email,
            "action": action,
            "campaign": campaign.id,
            "tag": campaign.name,
        },
    )
