"""Names that a new signal may have."""

from sqlalchemy.orm import Session

from app.errors import ConflictError, InvalidError
from app.samples import registry
from app.samples.search import schema_of


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
