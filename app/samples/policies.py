"""Who may change many samples at once, and save views."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_bulk(who: Principal) -> None:
    require_role(who, Role.LEAD, "change all matches of a filter")


def may_save_view(who: Principal) -> None:
    require_role(who, Role.ANNOTATOR, "save a view")
