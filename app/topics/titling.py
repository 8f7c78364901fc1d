"""Titles of topics by a language model, kept where it has none to give."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.ports import ModelError
from app.curation.shape.titling import question, title_in
from app.jobs.models import Job
from app.llm import service as llm
from app.llm.asking import Asking, BudgetError
from app.llm.ledger import Account
from app.llm.running import finished
from app.samples import places
from app.samples.places import Topic, TopicModel
from app.samples.texts import beginnings
from app.topics.service import model_of

BY_PERSON = "person"
_PURPOSE = "titles of topics"


def open_topics(session: Session, model: TopicModel) -> int:
    """How many topics a model is asked about: not those that a person named."""
    query = select(func.count()).where(
        Topic.model_id == model.id, Topic.merged_into.is_(None), Topic.titled_by != BY_PERSON
    )
    return session.scalar(query) or 0


def ask(session: Session, job: Job, saved: Callable[[], None]) -> None:
    """Give every topic the title that a model finds for it; `saved` is called after each.

    A reply without a title, and an endpoint or a budget that gives no more, leave the keywords:
    the job's result says how many and why.
    """
    model = model_of(session, job)
    everything = places.topics(session, model)
    known = [one for one in everything if one.merged_into is None]
    texts = beginnings(session, [number for one in known for number in one.examples])
    replies, problem = finished(_replies(session, job, known, texts))
    taken = {one.title for one in everything}  # merged ones may come back
    without = 0
    for topic in known:
        if topic.titled_by == BY_PERSON:
            continue
        title = title_in(replies.get(topic.number, ""))
        if title is None:
            without += 1
        elif title == topic.title or title not in taken:
            taken = (taken - {topic.title}) | {title}
            topic.title, topic.titled_by = title, job.params["provider"]
        else:
            taken = _beside(topic, title, taken, job.params["provider"])
        saved()
    job.result = {**job.result, "titled": len(known) - without, "kept_keywords": without}
    if problem or without:
        job.result["problem"] = problem or "Some replies held no title; keywords stay."


def _beside(topic: Topic, title: str, taken: set[str], by: str) -> set[str]:
    """A title that another topic has too is told apart by this one's first keywords."""
    longer = f"{title} ({' '.join(topic.keywords[:2]) or topic.number})"
    if longer in taken:
        return taken
    left = (taken - {topic.title}) | {longer}
    topic.title, topic.titled_by = longer, by
    return left


async def _replies(
    session: Session, job: Job, known: Sequence[Topic], texts: Mapping[int, str]
) -> tuple[dict[int, str], str]:
    """What was answered by number, as far as it came, and why no more did."""
    provider = llm.get(session, job.params["provider"])
    account = Account.of(job, _PURPOSE)
    asking = Asking(provider, llm.model_of(provider), account)
    asked = {
        one.number: question(one.keywords, [texts[at] for at in one.examples if at in texts])
        for one in known
        if one.titled_by != BY_PERSON
    }
    asking.recall(asked.values())
    problems: list[str] = []

    async def answered(number: int) -> tuple[int, str]:
        try:
            return number, (await asking.ask(asked[number])).text
        except BudgetError:
            problems.append(f"The budget of {account.budget} is spent: other topics keep keywords.")
        except ModelError as error:
            problems.append(f"{error} Topics without a title keep their keywords.")
        return number, ""

    try:
        found = await asyncio.gather(*(answered(number) for number in asked))
    finally:
        await asking.close()
    return dict(found), problems[0] if problems else ""
