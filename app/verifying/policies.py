"""Who may verify."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_verify(who: Principal) -> None:
    require_role(who, Role.LEAD, "verify samples")


def may_set_gate(who: Principal) -> None:
    require_role(who, Role.LEAD, "set how much of a release must be verified")
