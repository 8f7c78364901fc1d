"""Who may change a taxonomy."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_change(who: Principal) -> None:
    require_role(who, Role.LEAD, "change a taxonomy")
