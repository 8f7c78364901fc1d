"""Who may make samples."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_generate(who: Principal) -> None:
    require_role(who, Role.LEAD, "generate samples")


def may_edit_prompts(who: Principal) -> None:
    require_role(who, Role.LEAD, "edit prompts")


def may_settle(who: Principal) -> None:
    require_role(who, Role.LEAD, "settle a batch")


def may_cap(who: Principal) -> None:
    require_role(who, Role.LEAD, "set caps of synthetic shares")
