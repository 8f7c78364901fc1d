"""Who may build preference pairs."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_build(who: Principal) -> None:
    require_role(who, Role.LEAD, "build preference pairs")
