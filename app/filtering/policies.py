"""Who may shape a dataset by rules."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_write_rules(who: Principal) -> None:
    require_role(who, Role.LEAD, "write rules")


def may_apply(who: Principal) -> None:
    require_role(who, Role.LEAD, "apply or undo rules")
