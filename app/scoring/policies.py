"""Who may measure."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_score(who: Principal) -> None:
    require_role(who, Role.LEAD, "measure signals")
