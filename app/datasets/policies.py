"""Who may do what with datasets."""

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role


def may_create(who: Principal) -> None:
    require_role(who, Role.LEAD, "create a dataset")


def may_change(who: Principal) -> None:
    require_role(who, Role.LEAD, "change a dataset")


def may_delete(who: Principal) -> None:
    require_role(who, Role.ADMIN, "delete a dataset")


def may_import(who: Principal) -> None:
    require_role(who, Role.LEAD, "import samples")


def may_post_samples(who: Principal) -> None:
    """Programs send samples one by one: they land as pending, whoever sends them."""
    require_role(who, Role.ANNOTATOR, "add samples")
