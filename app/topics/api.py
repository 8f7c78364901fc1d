"""Topics over REST: finding them, what they hold, what they are called."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from app.accounts.current import CurrentUser, SessionDep
from app.curation.shape.titling import LONGEST
from app.datasets import service as datasets
from app.errors import NotFoundError
from app.jobs.schemas import JobOut, accepted
from app.samples.models import Status
from app.samples.places import MOST_TOPICS, Topic
from app.topics import editing, reading, service
from app.topics.reading import Row
from app.topics.service import Order
from app.web.pagination import Page

router = APIRouter(tags=["topics"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The topic's number")]


class TopicOut(BaseModel):
    """A topic: `topic:"title"` finds its samples; `merged` are the numbers of those it took in."""

    number: int
    title: str
    titled_by: str
    keywords: Sequence[str]
    size: int
    share: float
    by_status: dict[Status, int]
    merged: Sequence[int]


class ExampleOut(BaseModel):
    """A sample near the centre of a topic, with the beginning of its text."""

    id: int
    status: Status
    text: str


class TopicDetailOut(TopicOut):
    """The same with typical samples."""

    examples: Sequence[ExampleOut]


class TopicsOut(Page[TopicOut]):
    """All topics, the largest first; `without` of the `samples` have none (yet)."""

    version: int
    samples: int
    without: int


class TopicIn(BaseModel):
    """A new title."""

    title: str = Field(min_length=1, max_length=LONGEST)


class TopicNameOut(BaseModel):
    """A topic and its title."""

    number: int
    title: str


class MergeIn(BaseModel):
    """Topics that become a part of another one."""

    topics: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] = Field(
        min_length=1, max_length=MOST_TOPICS
    )
    into: int = Field(ge=1, le=2**31 - 1)


class UndoneOut(BaseModel):
    """What was taken back: `rename` or `merge`."""

    action: str


@router.post("/datasets/{name}/topics", status_code=202, name="api:find_topics")
def find(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Find the topics of a dataset, in a job: clusters of meaning, named by their keywords."""
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/topics", name="api:list_topics")
def list_topics(name: str, session: SessionDep, _user: CurrentUser) -> TopicsOut:
    """The topics by status of their samples; none where nobody has looked for them."""
    found = reading.overview(session, datasets.get(session, name))
    if found is None:
        return TopicsOut(items=[], total=0, version=0, samples=0, without=0)
    items = [TopicOut(**_fields(row)) for row in found.rows]
    return TopicsOut(
        items=items,
        total=len(items),
        version=found.model.version,
        samples=found.total,
        without=found.without,
    )


@router.get("/datasets/{name}/topics/{number}", name="api:get_topic")
def get_topic(name: str, number: Number, session: SessionDep, _user: CurrentUser) -> TopicDetailOut:
    """One topic with typical samples."""
    dataset = datasets.get(session, name)
    found = reading.overview(session, dataset)
    rows = found.rows if found is not None else ()
    row = next((one for one in rows if one.topic.number == number), None)
    if row is None:
        raise NotFoundError(f"{dataset.name} has no topic {number}.")
    examples = [
        ExampleOut(id=one.id, status=one.status, text=one.text)
        for one in reading.examples(session, row)
    ]
    return TopicDetailOut(**_fields(row), examples=examples)


def _fields(row: Row) -> dict[str, object]:
    topic = row.topic
    return {
        "number": topic.number,
        "title": topic.title,
        "titled_by": topic.titled_by,
        "keywords": topic.keywords,
        "size": row.size,
        "share": row.share,
        "by_status": row.by_status,
        "merged": [one.number for one in row.merged],
    }


@router.patch("/datasets/{name}/topics/{number}", name="api:rename_topic")
def rename(
    name: str, number: Number, body: TopicIn, session: SessionDep, user: CurrentUser
) -> TopicNameOut:
    """Call a topic otherwise; filters and facets know it by the new title."""
    dataset = datasets.get(session, name)
    return _named(editing.rename(session, dataset, number, body.title, by=user))


@router.post("/datasets/{name}/topics/merge", name="api:merge_topics")
def merge(name: str, body: MergeIn, session: SessionDep, user: CurrentUser) -> TopicNameOut:
    """Make several topics one, under the title of `into`."""
    dataset = datasets.get(session, name)
    return _named(editing.merge(session, dataset, body.topics, body.into, by=user))


def _named(topic: Topic) -> TopicNameOut:
    return TopicNameOut(number=topic.number, title=topic.title)


@router.post("/datasets/{name}/topics/undo", name="api:undo_topics")
def undo(name: str, session: SessionDep, user: CurrentUser) -> UndoneOut:
    """Take the last renaming or merging back."""
    change = editing.undo(session, datasets.get(session, name), by=user)
    return UndoneOut(action=change.action)
