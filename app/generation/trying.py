"""Trying a generator on three seeds, or three cells, while somebody waits: nothing is stored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.generators.base import Asking as AskingGenerator
from app.curation.generators.base import Made, Outcome, Plain, Task
from app.curation.generators.lab import Lab
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.ports import ModelError
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.generation import leaves, policies, prompts, service, teachers
from app.generation.leaks import Leaks, items
from app.generation.prompts import PromptWords
from app.generation.service import Order
from app.llm import service as llm
from app.llm.asking import Asking
from app.llm.ledger import Account
from app.llm.running import finished
from app.samples.models import Sample
from app.verifying.tools import tools_for

SEEDS = 3
_FAR = 2**62


@dataclass(frozen=True, slots=True)
class Tried:
    """A line of the account with what was asked first, and what was answered."""

    made: Made
    asked: str
    raw: str


def on_three(
    session: Session,
    dataset: Dataset,
    order: Order,
    edited: Mapping[str, PromptWords],
    *,
    by: Principal,
) -> list[Tried]:
    """What the generator makes of the first three seeds, with prompts as they stand in a form."""
    policies.may_generate(by)
    datasets.refuse_protected(dataset, "seeds of a generator")
    generator = service.resolve(order.generator, order.params)
    provider = teachers.provider_of(session, generator, order.provider, by)
    judge = teachers.judge_of(session, generator, order.judge)
    wanted = service.seeds_among(session, dataset.id, generator, order.where)
    most = SEEDS
    if isinstance(generator, AskingGenerator) and not generator.per_seed:
        most = session.scalar(select(func.count()).select_from(Sample).where(wanted)) or 0
    seeds = service.seeds(session, wanted, 0, _FAR, most)
    if isinstance(generator, Plain):
        made = generator.make(list(seeds))
        return [Tried(one, "", "") for some in made for one in some]
    if not isinstance(generator, AskingGenerator) or provider is None:
        return []
    for one in (provider, judge):
        if one is not None:
            llm.must_be_endpoint(one)
    used = prompts.in_use(session, generator.key)
    for name, words in edited.items():
        used[name] = prompts.checked(session, generator.key, name, words)
    account = Account(None, by.id, dataset.id, f"generate {generator.key}, tried")
    asking, judging = teachers.Asked(provider, judge, account).asking(tries=2)
    if isinstance(generator, Lab):
        tasks = leaves.some(session, dataset, generator, wanted, SEEDS)
    else:
        tasks = list(islice(generator.tasks(seeds), SEEDS))
    leaks = Leaks(items(session))
    return finished(_Trial(asking, judging, order, used, generator).all(tasks, leaks))


@dataclass(frozen=True, slots=True)
class _Trial:
    asking: Asking
    judging: Asking | None
    order: Order
    prompts: Mapping[str, Prompt]
    generator: AskingGenerator

    async def all(self, tasks: list[Task], leaks: Leaks) -> list[Tried]:
        refused = leaks.refused(tasks)
        asked = [task for task, no in zip(tasks, refused, strict=True) if no is None]
        try:
            found = await asyncio.gather(*(self._one(one) for one in asked))
        finally:
            for one in teachers.both(self.asking, self.judging):
                await one.close()
        unasked = [Tried(no, "", "") for no in refused if no is not None]
        return [*unasked, *(one for some in found for one in some)]

    async def _one(self, task: Task) -> list[Tried]:
        tools = tools_for(self.generator)
        talk = Talk(
            self.asking.ask,
            self.prompts,
            self.order.language or task.shared("language") or "",
            self.order.temperature,
            self.order.max_tokens,
            tools,
            judge=self.judging.ask if self.judging is not None else None,
        )
        try:
            made = await self.generator.made(task, talk)
        except ModelError as error:
            made = [Made(Outcome.ERROR, reason=str(error))]
        asked = "\n\n".join(one.content for one in talk.questions[0].messages)
        raw = "\n\n".join(one.text for one in (*talk.replies, *talk.judged))
        return [Tried(one, asked, raw) for one in made]
