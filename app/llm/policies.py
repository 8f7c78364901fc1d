"""Who may do what with endpoints of models."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_manage(who: Principal) -> None:
    """Endpoints cost money and see data: admins choose them."""
    require_role(who, Role.ADMIN, "manage providers")


def may_spend(who: Principal) -> None:
    """Leads spend money on judges."""
    require_role(who, Role.LEAD, "ask a model")
