"""Names of signals: which a new one may have, and what to say of one that is not there."""

from collections.abc import Sequence
from difflib import get_close_matches

from sqlalchemy.orm import Session

from app.errors import ConflictError, InvalidError
from app.samples import registry
from app.samples.search import schema_of

_LISTED = 8


def unknown(name: str, known: Sequence[str], *, what: str = "signal") -> str:
    """The sentence for a name that is not there, with those that it may have meant."""
    near = get_close_matches(name, known, 3)
    if near:
        return f"There is no {what} `{name}` here. Did you mean {' or '.join(near)}?"
    there = f"There are: {some(known)}." if known else "There are none yet."
    return f"There is no {what} `{name}` here. {there}"


def some(names: Sequence[str]) -> str:
    """The first names for a sentence, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"


def check(session: Session, dataset_id: int, name: str, key: str) -> None:
    """Refuse a name that filters can't read, or that a signal of another method has.

    A signal of the same method (`key`) may be made anew under its name.
    """
    if not name.isidentifier() or not name.islower():
        raise InvalidError("A signal's name has small letters, digits and underscores.")
    taken = {one.name: one for one in registry.signals(session, dataset_id)}.get(name)
    every_sample_has = taken is None and name in schema_of(session, dataset_id).fields
    if every_sample_has or (taken is not None and taken.key != key):
        raise ConflictError(f"`{name}` is the name of something else here. Choose another one.")
