"""Who may do what to accounts, and the person (or job) behind a change."""

import uuid
from dataclasses import dataclass

from app.accounts.models import Role
from app.errors import ForbiddenError

_RANK = {Role.ANNOTATOR: 0, Role.LEAD: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: a person in a browser, a person's key, or (without id) the workbench itself."""

    id: uuid.UUID | None
    email: str
    role: Role
    read_only: bool = False

    def has(self, role: Role) -> bool:
        """Whether the person has this role or a higher one."""
        return _RANK[self.role] >= _RANK[role]


SYSTEM = Principal(id=None, email="winnow", role=Role.ADMIN)


def lower(role: Role, other: Role) -> Role:
    """The role that may do less."""
    return min(role, other, key=lambda item: _RANK[item])


def require(allowed: bool, message: str) -> None:
    """Refuse with a sentence unless allowed."""
    if not allowed:
        raise ForbiddenError(message)


def require_role(who: Principal, role: Role, what: str) -> None:
    """Refuse to change things with too low a role or a read-only key."""
    require(not who.read_only, f"This key may only read, so it can't {what}.")
    require(who.has(role), f"To {what} takes the role {role}; you are {who.role}.")


def may_manage_people(who: Principal) -> None:
    """People, roles and keys of others are the admins'."""
    require_role(who, Role.ADMIN, "manage people")


def may_make_key(who: Principal, owner_id: uuid.UUID, role: Role) -> None:
    """One's own keys up to one's own role; keys for others are the admins'."""
    if who.id != owner_id:
        require_role(who, Role.ADMIN, "make a key for somebody else")
    require_role(who, role, f"make a key with the role {role}")


def may_read_audit(who: Principal) -> None:
    """The audit log is for leads and admins."""
    require(who.has(Role.LEAD), f"The audit log takes the role lead; you are {who.role}.")
