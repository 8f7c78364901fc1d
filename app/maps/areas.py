"""Areas of a map: a polygon under a name, which filters know as `map:NAME`."""

from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.shape.layout import SIDE
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.maps import service
from app.samples import places
from app.samples.places import MapArea

_FEWEST = 3  # corners
_MOST = 200  # areas of a map: each is a word that completions offer
Coordinate = Annotated[int, Field(ge=0, le=SIDE)]


class AreaIn(BaseModel):
    """A polygon by its corners [x, y], from 0 to 65,535; it closes itself."""

    name: str = Field("", max_length=60, pattern=r"^[a-z0-9_-]*$", description="Left out: area-1")
    polygon: list[Annotated[list[Coordinate], Field(min_length=2, max_length=2)]] = Field(
        min_length=3, max_length=1000
    )


def add(session: Session, dataset: Dataset, given: AreaIn, *, by: Principal) -> MapArea:
    """Keep an area; a name that is there already is refused."""
    require_role(by, Role.ANNOTATOR, "keep an area of the map")
    layout = service.present(session, dataset)
    session.refresh(layout, with_for_update=True, attribute_names=["current"])
    known = {one.name for one in places.areas(session, layout)}
    if len(known) >= _MOST:
        raise ConflictError(f"A map keeps at most {_MOST} areas: delete some that are not used.")
    name = given.name or next(
        f"area-{number}" for number in range(1, _MOST + 2) if f"area-{number}" not in known
    )
    if name in known:
        raise ConflictError(f"There is an area `{name}` already. Choose another name.")
    if len({tuple(one) for one in given.polygon}) < _FEWEST:
        raise InvalidError("An area has three different corners at least.")
    area = MapArea(layout_id=layout.id, name=name, polygon=given.polygon, created_by=by.id)
    session.add(area)
    session.flush()
    after = {"name": name, "corners": len(given.polygon)}
    audit.record(session, by, "map.area", ("map_area", area.id), dataset_id=dataset.id, after=after)
    return area


def delete(session: Session, dataset: Dataset, name: str, *, by: Principal) -> None:
    """Forget an area; filters that name it are refused from then on."""
    require_role(by, Role.ANNOTATOR, "delete an area of the map")
    layout = service.present(session, dataset)
    area = next((one for one in places.areas(session, layout) if one.name == name), None)
    if area is None:
        raise NotFoundError(f"The map of {dataset.name} has no area `{name}`.")
    about = ("map_area", area.id)
    before = {"name": name, "polygon": area.polygon}
    audit.record(session, by, "map.delete_area", about, dataset_id=dataset.id, before=before)
    session.delete(area)
    session.flush()
