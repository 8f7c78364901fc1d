"""Who may look for benchmarks, and say what becomes of what was found."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_decontaminate(who: Principal) -> None:
    require_role(who, Role.LEAD, "look for benchmarks in a dataset")


def may_judge(who: Principal) -> None:
    require_role(who, Role.LEAD, "decide on contaminated rows")
