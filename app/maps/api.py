"""Maps over REST: drawing one, its points and colours as bytes, areas for filters."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.curation.rules.nodes import Compare, render
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import NotFoundError
from app.jobs.schemas import JobOut, accepted
from app.maps import areas, points, service
from app.maps.areas import AreaIn
from app.maps.service import Order
from app.samples import places
from app.samples import service as samples
from app.samples.models import Status
from app.samples.places import MAP, MapArea
from app.samples.search import Schema, schema_of
from app.samples.texts import beginnings
from app.web.pagination import Page

router = APIRouter(tags=["map"])
AreaName = Annotated[str, Path(max_length=60)]
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}


class AreaOut(BaseModel):
    """An area: `where` is the filter of its samples, `count` how many they are now."""

    name: str
    polygon: Sequence[Sequence[int]]
    where: str
    count: int


class MapOut(BaseModel):
    """The map of a dataset; version 0 where none was drawn. `fields` can colour its points."""

    version: int
    samples: int
    placed: int
    landmarks: int
    fields: Sequence[str]


class PointOut(BaseModel):
    """The sample behind a point, with the beginning of its text."""

    id: int
    status: Status
    domain: str | None
    text: str


@router.post("/datasets/{name}/map", status_code=202, name="api:draw_map")
def draw(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Draw a map of a dataset, in a job: samples that mean the like lie side by side."""
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/map", name="api:get_map")
def get_map(name: str, session: SessionDep, _user: CurrentUser) -> MapOut:
    """What the map holds, and what its points can be coloured by."""
    dataset = datasets.get(session, name)
    found = places.layout(session, dataset.id)
    if found is None:
        return MapOut(version=0, samples=0, placed=0, landmarks=0, fields=[])
    schema = schema_of(session, dataset.id)
    total, placed = points.counts(session, schema)
    return MapOut(
        version=found.version,
        samples=total,
        placed=placed,
        landmarks=found.found["landmarks"],
        fields=points.fields(schema),
    )


@router.get(
    "/datasets/{name}/map/points",
    name="api:map_points",
    response_class=Response,
    responses=_BYTES,
)
def map_points(name: str, session: SessionDep, _user: CurrentUser) -> Response:
    """All points, little-endian: their number (uint32), zero (uint32), the first id (float64).

    Then of every point, in the order of ids: the distance of its id from the first (uint32), all
    x (uint16), all y (uint16); both axes go from 0 to 65,535.
    """
    schema = _schema(session, datasets.get(session, name))
    return _bytes(points.points(session, schema))


@router.get(
    "/datasets/{name}/map/colours",
    name="api:map_colours",
    response_class=Response,
    responses=_BYTES,
)
def map_colours(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    by: Annotated[str, Query(max_length=200, description="A field or a signal")] = "status",
    where: Annotated[str, Query(max_length=4000, description="Filter expression")] = "",
) -> Response:
    """A code per point, in the order of `points`, and what the codes mean.

    The length of the legend (uint32), the legend as JSON (its codes with name, count and filter)
    in a multiple of four bytes, then a code per point (uint8): 255 does not match `where`.
    """
    schema = _schema(session, datasets.get(session, name))
    return _bytes(points.coloured(session, schema, by, where))


@router.get("/datasets/{name}/map/samples/{sample_id}", name="api:map_sample")
def map_sample(
    name: str,
    sample_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    session: SessionDep,
    _user: CurrentUser,
) -> PointOut:
    """The beginning of the sample behind a point."""
    dataset = datasets.get(session, name)
    sample = samples.get(session, sample_id)
    if sample.dataset_id != dataset.id:
        raise NotFoundError(f"Sample {sample_id} is not in {dataset.name}.")
    text = beginnings(session, [sample_id]).get(sample_id, "")
    return PointOut(id=sample.id, status=sample.status, domain=sample.domain, text=text)


@router.get("/datasets/{name}/map/areas", name="api:list_areas")
def list_areas(name: str, session: SessionDep, _user: CurrentUser) -> Page[AreaOut]:
    """The areas that were kept, with their samples counted now."""
    dataset = datasets.get(session, name)
    found = places.areas(session, service.present(session, dataset))
    items = [_area(session, dataset, one) for one in found]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/map/areas", status_code=201, name="api:add_area")
def add_area(name: str, body: AreaIn, session: SessionDep, user: CurrentUser) -> AreaOut:
    """Keep an area of the map; `map:NAME` then finds its samples everywhere."""
    dataset = datasets.get(session, name)
    return _area(session, dataset, areas.add(session, dataset, body, by=user))


@router.delete("/datasets/{name}/map/areas/{area}", status_code=204, name="api:delete_area")
def delete_area(name: str, area: AreaName, session: SessionDep, user: CurrentUser) -> Response:
    """Forget an area."""
    areas.delete(session, datasets.get(session, name), area, by=user)
    return Response(status_code=204)


def _area(session: Session, dataset: Dataset, area: MapArea) -> AreaOut:
    schema = schema_of(session, dataset.id)
    where = render(Compare(MAP, ":", (area.name,)))
    count = points.count(session, schema, where)
    return AreaOut(name=area.name, polygon=area.polygon, where=where, count=count)


def _schema(session: Session, dataset: Dataset) -> Schema:
    service.present(session, dataset)
    return schema_of(session, dataset.id)


def _bytes(raw: bytes) -> Response:
    return Response(raw, media_type="application/octet-stream")
