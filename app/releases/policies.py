"""Who may release."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_release(who: Principal) -> None:
    require_role(who, Role.LEAD, "make a release")
