"""Sources: adding and finding them; licences are SPDX expressions."""

from collections.abc import Sequence
from functools import cache

from license_expression import Licensing, get_spdx_licensing
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.records import Origin
from app.errors import ConflictError, InvalidError, NotFoundError
from app.sources.models import Source

DEFAULT = "rest"


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


def normal_license(expression: str | None) -> str | None:
    """The SPDX expression in its normal form; None for none; refuses what SPDX does not know."""
    if expression is None or not expression.strip():
        return None
    try:
        info = _licensing().validate(expression.strip())
        problems = list(info.errors)
    except AttributeError:  # the library's own slip on an unfinished expression such as `MIT OR`
        problems = ["it is not complete"]
    if problems:
        raise InvalidError(
            f"`{expression}` is no SPDX licence expression: {'; '.join(problems)}. "
            "Examples: MIT, Apache-2.0, CC-BY-4.0, CC0-1.0, MIT OR Apache-2.0."
        )
    return str(info.normalized_expression)


def find(session: Session, name: str) -> Source:
    """The source with this name."""
    source = session.scalar(select(Source).where(Source.name == name))
    if source is None:
        raise NotFoundError(f"There is no source `{name}`.")
    return source


def everything(session: Session) -> Sequence[Source]:
    """All sources by name."""
    return session.scalars(select(Source).order_by(Source.name)).all()


def add(
    session: Session,
    *,
    name: str,
    origin: Origin,
    license_: str | None,
    by: Principal,
    licensor: str = "",
    url: str = "",
    terms: str = "",
) -> Source:
    """Register a source with its licence and terms."""
    require_role(by, Role.LEAD, "add a source")
    name = name.strip()
    if not name or len(name) > 200:
        raise InvalidError("A source has a name of 1 to 200 characters.")
    if session.scalar(select(Source.id).where(Source.name == name)) is not None:
        raise ConflictError(f"There is a source `{name}` already.")
    source = Source(
        name=name,
        origin=origin,
        license=normal_license(license_),
        licensor=licensor,
        url=url,
        terms=terms,
    )
    session.add(source)
    session.flush()
    after = {"name": name, "origin": origin, "license": source.license}
    audit.record(session, by, "source.add", ("source", source.id), after=after)
    return source


def find_or_add(
    session: Session, *, name: str, origin: Origin, license_: str | None, by: Principal, **more: str
) -> Source:
    """The source with this name; made when missing. Refuses other terms under a known name."""
    source = session.scalar(select(Source).where(Source.name == name.strip()))
    if source is None:
        return add(session, name=name, origin=origin, license_=license_, by=by, **more)
    wanted = normal_license(license_)
    if wanted is not None and source.license != wanted:
        raise ConflictError(
            f"The source `{name}` is there with the licence {source.license or 'none'}, "
            f"not {wanted}. Choose another name, or leave the licence out."
        )
    return source


def default(session: Session) -> Source:
    """The source of samples that programs send without naming one.

    Their origin is synthetic unless a row says otherwise: that is what has to be reviewed.
    """
    session.execute(
        insert(Source)
        .values(name=DEFAULT, origin=Origin.SYNTHETIC, licensor="", url="", terms="sent over REST")
        .on_conflict_do_nothing()
    )
    return find(session, DEFAULT)
