"""Where samples come from, and under which terms."""

from sqlalchemy import Enum, Identity
from sqlalchemy.orm import Mapped, mapped_column

from app.curation.records import Origin
from app.db import Base, CreatedAt

OriginColumn = Enum(
    Origin, name="origin", values_callable=lambda members: [item.value for item in members]
)


class Source(CreatedAt, Base):
    """A body of text with one origin and one licence."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    origin: Mapped[Origin] = mapped_column(OriginColumn)
    license: Mapped[str | None]
    licensor: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    terms: Mapped[str] = mapped_column(default="")
