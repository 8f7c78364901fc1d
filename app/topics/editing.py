"""Renaming and merging topics, and taking the last change back."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.shape.titling import LONGEST, cleaned
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.samples import places
from app.samples.places import Topic, TopicChange, TopicModel
from app.topics import service
from app.topics.titling import BY_PERSON


def rename(session: Session, dataset: Dataset, number: int, title: str, *, by: Principal) -> Topic:
    """Call a topic otherwise; filters know it by the new title from then on."""
    model, known = _held(session, dataset, by)
    topic = _live(known, number, dataset)
    wanted = cleaned(title)
    if wanted is None or len(title.strip()) > LONGEST:
        raise InvalidError(f"A title has 1 to {LONGEST} characters, and no quotes.")
    twin = next((one for one in known.values() if one.title == wanted and one is not topic), None)
    if twin is not None and twin.merged_into is None:
        raise ConflictError(
            f"Topic {twin.number} is called `{wanted}` already. Merge the two, or choose another "
            "title."
        )
    _keep(session, model, "rename", [topic], by)
    before, topic.title, topic.titled_by = topic.title, wanted, BY_PERSON
    session.flush()
    audit.record(
        session,
        by,
        "topic.rename",
        ("topic", topic.number),
        dataset_id=dataset.id,
        before={"title": before},
        after={"title": wanted},
    )
    return topic


def merge(
    session: Session, dataset: Dataset, numbers: Sequence[int], into: int, *, by: Principal
) -> Topic:
    """Make several topics one: `into`, under its title; no sample is written for it."""
    model, known = _held(session, dataset, by)
    target = _live(known, into, dataset)
    others = [_live(known, one, dataset) for one in dict.fromkeys(numbers) if one != into]
    if not others:
        raise InvalidError("Name at least one other topic to merge into this one.")
    gone = {one.number for one in others}
    moved = [one for one in known.values() if one.number in gone or one.merged_into in gone]
    _keep(session, model, "merge", moved, by)
    for one in moved:
        one.merged_into = target.number
    session.flush()
    after = {"merged": sorted(gone), "title": target.title}
    about = ("topic", target.number)
    audit.record(session, by, "topic.merge", about, dataset_id=dataset.id, after=after)
    return target


def undo(session: Session, dataset: Dataset, *, by: Principal) -> TopicChange:
    """Take the last renaming or merging back."""
    model, known = _held(session, dataset, by)
    change = latest(session, model)
    if change is None:
        raise ConflictError("Nothing was renamed or merged here that could be taken back.")
    for before in change.before:
        topic = known[before["number"]]
        topic.title, topic.titled_by = before["title"], before["titled_by"]
        topic.merged_into = before["merged_into"]
    _must_differ(known.values())
    session.delete(change)
    session.flush()
    about = ("topic", change.before[0]["number"])
    audit.record(session, by, f"topic.undo_{change.action}", about, dataset_id=dataset.id)
    return change


def latest(session: Session, model: TopicModel) -> TopicChange | None:
    """The change that would be taken back next."""
    query = select(TopicChange).where(TopicChange.model_id == model.id)
    return session.scalar(query.order_by(TopicChange.id.desc()).limit(1))


def _held(session: Session, dataset: Dataset, by: Principal) -> tuple[TopicModel, dict[int, Topic]]:
    """The topics in use, locked: two people change them one after the other."""
    require_role(by, Role.LEAD, "change topics")
    model = service.present(session, dataset)
    session.refresh(model, with_for_update=True, attribute_names=["current"])
    return model, {one.number: one for one in places.topics(session, model)}


def _live(known: dict[int, Topic], number: int, dataset: Dataset) -> Topic:
    topic = known.get(number)
    if topic is None or topic.merged_into is not None:
        live = [str(one.number) for one in known.values() if one.merged_into is None]
        raise NotFoundError(
            f"{dataset.name} has no topic {number}. There are {', '.join(live[:20])}."
        )
    return topic


def _must_differ(known: Iterable[Topic]) -> None:
    """A model may have given another topic the title that comes back."""
    live = Counter(one.title for one in known if one.merged_into is None)
    title, count = live.most_common(1)[0]
    if count > 1:
        raise ConflictError(f"Two topics would be called `{title}`: rename the other one first.")


def _keep(
    session: Session, model: TopicModel, action: str, topics: Sequence[Topic], by: Principal
) -> None:
    names = ("number", "title", "titled_by", "merged_into")
    before = [{name: getattr(one, name) for name in names} for one in topics]
    session.add(TopicChange(model_id=model.id, action=action, before=before, created_by=by.id))
