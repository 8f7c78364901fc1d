"""Who may review, and who sets up the queue."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require, require_role
from app.review.models import Decision


def may_review(who: Principal) -> None:
    require_role(who, Role.ANNOTATOR, "review samples")


def may_configure(who: Principal) -> None:
    require_role(who, Role.LEAD, "set up the review queue")


def may_undo(who: Principal, decision: Decision) -> None:
    """One's own decisions; leads may take back anybody's."""
    may_review(who)
    require(
        who.id == decision.user_id or who.has(Role.LEAD),
        "To take back somebody else's decision takes the role lead.",
    )
